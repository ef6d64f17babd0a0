"""Whole-process figures: wall time, CPU time and peak memory of a command and all it starts."""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

_SAMPLE_SECONDS = 0.05


@frozen
class Run:
    """One finished command. `peak` sums the resident bytes of its processes, shared pages in each."""

    wall: float
    cpu: float
    peak: int
    output: str


class CommandError(Exception):
    """A measured command failed; its figures would mean nothing."""


def run(command: Sequence[str | Path], env: Mapping[str, str] | None = None) -> Run:
    """Run `command` to its end; raise CommandError with its last words if it fails."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=errors, env={**os.environ, **(env or {})})
        with _peak_memory(process.pid) as peak:
            _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise CommandError(
                f"{' '.join(map(str, command))} -> {process.returncode}\n{_text(errors)[-2000:]}"
            )
        return Run(wall, usage.ru_utime + usage.ru_stime, peak[0], _text(output))


def in_turns(rounds: int, systems: Mapping[str, Callable[[], Run]]) -> dict[str, list[Run]]:
    """Run each system once a round, so that a noisy minute falls on all of them."""
    runs: dict[str, list[Run]] = {name: [] for name in systems}
    for _ in range(rounds):
        for name, start in systems.items():
            runs[name].append(start())
    return runs


def median(values: Iterable[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def spread(values: Sequence[float]) -> str:
    """Return the range around the median in percent of it: ``-3 +8 %``."""
    middle = statistics.median(values) or 1.0
    return f"{100 * (min(values) / middle - 1):.0f} +{100 * (max(values) / middle - 1):.0f} %"


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` of the sorted values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def distribution(name: str, values: Sequence[float]) -> tuple[str, int, float, float, float]:
    """Return a table's row of `values`: name, how many, the median, the 95th percentile and the largest."""
    return name, len(values), percentile(values, 0.5), percentile(values, 0.95), max(values)


def bytes_by_part(directory: Path, part_of: Callable[[Path], str]) -> dict[str, int]:
    """Return the bytes the files below `directory` take on disk (whole blocks), summed by `part_of`."""
    parts: dict[str, int] = {}
    for path in directory.rglob("*"):
        if path.is_file() and not path.is_symlink():
            part = part_of(path.relative_to(directory))
            parts[part] = parts.get(part, 0) + _on_disk(path.stat())
    return dict(sorted(parts.items(), key=lambda item: -item[1]))


def resident_bytes(pid: int) -> int:
    """Return the resident bytes of one process, 0 where /proc does not tell."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def _on_disk(stat: os.stat_result) -> int:
    return getattr(stat, "st_blocks", -(-stat.st_size // 512)) * 512


@contextlib.contextmanager
def _peak_memory(pid: int):
    peak, done = [0], threading.Event()

    def sample() -> None:
        while not done.wait(_SAMPLE_SECONDS):
            peak[0] = max(peak[0], sum(map(resident_bytes, _tree(pid))))

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


def _tree(pid: int) -> list[int]:
    """Return `pid` and all processes below it."""
    try:
        tasks = [task / "children" for task in Path(f"/proc/{pid}/task").iterdir()]
        children = [int(child) for task in tasks for child in task.read_text().split()]
    except OSError:
        children = []
    return [pid, *(below for child in children for below in _tree(child))]


def _text(file: object) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")
