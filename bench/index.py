"""What indexing costs: cold, unchanged and after an edit, as whole processes beside semble, ripgrep and cat.

Tools take turns. Wall time is that of the whole command, start-up included; CPU and peak memory are of all
its processes. Every cold run starts with an empty data directory; the file cache of the system is warm.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bench import corpora, peers
from bench.measure import Run, bytes_by_part, in_turns, median, run, spread
from bench.report import Report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.corpora import Corpus

CORPORA: dict[str, Callable[[], Corpus]] = {
    "application": corpora.application,
    "stdlib": corpora.standard_library,
    "files-10k": corpora.ten_thousand,
}
CONEXUS = Path(sys.executable).with_name("conexus")


def index(root: Path, data: Path) -> Run:
    """Run ``conexus index`` on `root` with its indexes in `data`."""
    return run([CONEXUS, "index", root, "--json"], conexus_environment(data))


def conexus_environment(data: Path) -> dict[str, str]:
    """Return the variables with which Conexus keeps everything in `data`."""
    return {"CONEXUS_DATA_DIR": str(data)}


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Yield an empty folder on the disk of the cache, removed after."""
    with tempfile.TemporaryDirectory(dir=corpora.CACHE) as folder:
        yield Path(folder)


def _cold(corpus: Corpus, kept: Path) -> Callable[[], Run]:
    def start() -> Run:
        shutil.rmtree(kept, ignore_errors=True)
        return index(corpus.root, kept)

    return start


def _semble(corpus: Corpus, kept: Path) -> Callable[[], Run]:
    variables = peers.semble_environment(kept)

    def start() -> Run:
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir()
        return run(peers.semble_command(corpus.root, "parse"), variables)

    return start


def _ripgrep(corpus: Corpus) -> Callable[[], Run]:
    command = [peers.environment() / "rg", "--count", "--no-messages", "return", corpus.root]
    return lambda: run(command)


def _cat(corpus: Corpus, kept: Path) -> Callable[[], Run]:
    names = kept / "names"
    names.write_text("\0".join(map(str, corpora.source_files(corpus.root))))
    return lambda: run(["xargs", "-0", "-a", names, "cat"])


def _systems(corpus: Corpus, folder: Path) -> dict[str, Callable[[], Run]]:
    return {
        "cat": _cat(corpus, folder),
        "rg --count": _ripgrep(corpus),
        f"{peers.SEMBLE} (stand-in weights)": _semble(corpus, folder / "semble"),
        "conexus index": _cold(corpus, folder / "conexus"),
    }


def _measure_cold(report: Report, corpus: Corpus, folder: Path, rounds: int) -> dict[str, list[Run]]:
    runs = in_turns(rounds, _systems(corpus, folder))
    title = (
        f"Cold, {corpus.name}: {corpus.files:,} files, {corpus.megabytes:.1f} MB, mean "
        f"{corpus.size / corpus.files / 1e3:.2f} KB, digest {corpus.digest}; median of {rounds}"
    )
    columns = ("", "wall s", "spread", "CPU s", "peak MB", "files/s", "MB/s", "files/CPU s")
    report.table(title, columns, [_cold_row(name, corpus, done) for name, done in runs.items()])
    ours = runs["conexus index"]
    wall = median(done.wall for done in ours)
    report.figures[f"cold {corpus.name}, s"] = round(wall, 3)
    report.figures[f"cold {corpus.name}, files/s"] = {
        name: round(corpus.files / median(one.wall for one in done), 1) for name, done in runs.items()
    }
    _bars(report, corpus, wall)
    _report_size(report, corpus, folder / "conexus", json.loads(ours[-1].output))
    return runs


def _cold_row(name: str, corpus: Corpus, runs: list[Run]) -> tuple:
    wall = median(done.wall for done in runs)
    cpu, peak = median(done.cpu for done in runs), median(done.peak / 1e6 for done in runs)
    # Others may be using this machine; CPU time tells what the work itself costs.
    rates = (corpus.files / wall, corpus.megabytes / wall, corpus.files / cpu)
    return name, wall, spread([done.wall for done in runs]), cpu, round(peak), *rates


def _bars(report: Report, corpus: Corpus, wall: float) -> None:
    if corpus.name == "application":
        report.bar("cold index, application, files/s", corpus.files / wall, least=1_000.0)
    elif corpus.name.startswith("stdlib"):
        report.bar("cold index, standard library, MB/s", corpus.megabytes / wall, least=5.0)


def _report_size(report: Report, corpus: Corpus, data: Path, made: dict) -> None:
    source = made["bytes"]
    parts = bytes_by_part(data, part_of)
    rows = [(part, size / 1e6, size / source) for part, size in parts.items()]
    rows.append(("all", sum(parts.values()) / 1e6, sum(parts.values()) / source))
    title = (
        f"Database of {corpus.name}: {made['files']:,} files indexed, {source / 1e6:.1f} MB of them, "
        f"{made['chunks']:,} chunks; skipped {made['skipped'] or 'none'}"
    )
    report.table(title, ("", "MB", "of source"), rows)
    if corpus.name == "files-10k":
        report.bar("database bytes / source bytes, 10 K files", sum(parts.values()) / source, most=1.3)


def part_of(path: Path) -> str:
    """Name the part of an index a file of the data directory belongs to."""
    table = next((part for part in path.parts if part.endswith(".lance") and part != path.name), "")
    if not table:
        return f"{path.parts[0]}: {path.name}" if path.suffix in {".db", ".db-wal"} else "other"
    below = path.parts[path.parts.index(table) + 1]
    return f"{table.removesuffix('.lance')}: {below.strip('_')}"


def _measure_again(report: Report, corpus: Corpus, data: Path, rounds: int) -> None:
    """Index again: nothing changed; then one file edited, the file put back after."""
    unchanged = [index(corpus.root, data) for _ in range(rounds)]
    edited = [_index_with_edit(corpus, data, number) for number in range(rounds)]
    index(corpus.root, data)
    rows = [_again_row("unchanged", unchanged), _again_row("one file edited", edited)]
    title = f"Again, {corpus.name}, whole process, median of {rounds}"
    report.table(title, ("", "wall s", "spread", "CPU s", "peak MB", "chunks embedded"), rows)
    if corpus.name == "files-10k":
        wall = median(done.wall for done in unchanged)
        report.bar("index again, unchanged 10 K files, s", wall, most=1.0)


def _again_row(name: str, runs: list[Run]) -> tuple:
    walls = [done.wall for done in runs]
    embedded = json.loads(runs[-1].output)["embedded"]
    peak = round(median(done.peak / 1e6 for done in runs))
    return name, median(walls), spread(walls), median(done.cpu for done in runs), peak, embedded


def _index_with_edit(corpus: Corpus, data: Path, number: int) -> Run:
    path = next(
        path for path in corpora.source_files(corpus.root)[corpus.files // 2 :] if path.suffix == ".py"
    )
    before, stat = path.read_bytes(), path.stat()
    try:
        path.write_bytes(before + f"\n\ndef added_by_benchmark_{number}():\n    return {number}\n".encode())
        return index(corpus.root, data)
    finally:
        path.write_bytes(before)
        # The time is put back too: a later run must find the corpus as it was.
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def _report_limits(report: Report, corpus: Corpus) -> dict[str, float]:
    """Add what each part alone costs; return the CPU seconds of all files by part."""
    parts = ("tree-sitter", "chunks", "words", "vectors", "write")
    rows = []
    for part in parts:
        command = [sys.executable, "-m", "bench.limits", part, str(corpus.root)]
        done = json.loads(run(command).output)
        rate = done["bytes"] / 1e6 / done["seconds"]
        rows.append((part, done["files"] / done["seconds"], rate, corpus.megabytes / rate))
    report.table(
        f"Limits, {corpus.name}: one part alone, one core, every fifth file",
        ("", "files/CPU s", "MB/CPU s", "CPU s for all"),
        rows,
    )
    return {part: seconds for part, *_, seconds in rows}


def _close_to_the_limit(report: Report, cold: dict[str, list[Run]], limits: dict[str, float]) -> None:
    ours = cold["conexus index"]
    semble = next(runs for name, runs in cold.items() if name.startswith(peers.SEMBLE))
    least = limits["tree-sitter"] + limits["words"] + limits["write"]
    times = median(done.wall for done in semble) / median(done.wall for done in ours)
    report.bar(
        "CPU of a cold index / (tree-sitter + words + write)", median(d.cpu for d in ours) / least, most=2
    )
    report.bar("cold index, 10 K files, times as fast as semble", times, least=3)


def main(arguments: list[str]) -> None:
    """Measure the corpora named, or all three."""
    parser = argparse.ArgumentParser(prog="python -m bench index", description=__doc__)
    parser.add_argument("corpus", nargs="*", choices=[[], *CORPORA], help="default: all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--save", action="store_true", help="keep the run in RESULTS.md and history.jsonl")
    options = parser.parse_args(arguments)
    report = Report("index")
    for name in options.corpus or CORPORA:
        corpus = CORPORA[name]()
        with scratch() as folder:
            cold = _measure_cold(report, corpus, folder, options.rounds)
            _measure_again(report, corpus, folder / "conexus", options.rounds)
        limits = _report_limits(report, corpus)
        if name == "files-10k":
            _close_to_the_limit(report, cold, limits)
    report.finish(save=options.save)
