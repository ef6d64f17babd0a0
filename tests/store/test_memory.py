"""A process that stays gives memory back; those it starts to work in bulk are not held to that."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from conexus.engine.engine import Engine
from conexus.settings import Settings
from conexus.store.memory import STAYING, give_back_mapped, map_file, passing_environment

if TYPE_CHECKING:
    from pathlib import Path

# Large blocks among small ones that are kept, as a bulk load leaves them, and the memory that stays afterwards.
_LOAD = """
import gc, os
import pyarrow as pa
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
before = resident()
kept = []
for number in range(300):
    large = pa.array(range(number, number + 60_000))
    kept.append((bytearray(2_000), pa.array(range(100))))
    more = [bytearray(400_000) for _ in range(3)]
del large, more
print(resident() - before, pa.default_memory_pool().backend_name)
"""


def test_what_is_freed_goes_back_to_the_system() -> None:
    said = subprocess.run(
        [sys.executable, "-c", _LOAD],
        env={**os.environ, **STAYING},
        capture_output=True,
        text=True,
        check=True,
    )
    grown, pool = said.stdout.split()
    assert pool == "system"
    assert int(grown) < 30_000_000


def test_a_process_that_answers_questions_collects_garbage_seldom(tmp_path: Path) -> None:
    usual = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    try:
        Engine(Settings(), tmp_path).close()
        assert gc.get_threshold()[0] > 10_000
    finally:
        gc.set_threshold(*usual)


def test_workers_are_not_told_to_give_memory_back(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in STAYING.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "1")
    kept = passing_environment()
    assert "MALLOC_MMAP_THRESHOLD_" not in kept
    assert "ARROW_DEFAULT_MEMORY_POOL" not in kept
    assert kept["MALLOC_TRIM_THRESHOLD_"] == "1"  # the user's own
    assert kept["PATH"] == os.environ["PATH"]


@pytest.mark.skipif(sys.platform != "linux", reason="the system tells how much of a file is mapped")
def test_what_was_touched_of_a_mapped_file_goes_back_and_is_there_again(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"here" * 500_000)
    region = map_file(tmp_path / "file")
    view = memoryview(region)
    assert bytes(view).count(b"here") == 500_000
    assert _mapped_bytes(tmp_path / "file") > 1_000_000
    give_back_mapped()
    assert _mapped_bytes(tmp_path / "file") == 0
    assert bytes(view[-4:]) == b"here"


def _mapped_bytes(path: Path) -> int:
    with open("/proc/self/smaps") as file:  # noqa: PTH123 -- no file of ours
        lines = iter(file)
        next(line for line in lines if line.rstrip().endswith(str(path)))
        return 1024 * int(next(line for line in lines if line.startswith("Rss:")).split()[1])
