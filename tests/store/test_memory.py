"""A process that stays gives memory back; those it starts to work in bulk are not held to that."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from conexus.store.memory import STAYING, passing_environment

if TYPE_CHECKING:
    import pytest

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


def test_workers_are_not_told_to_give_memory_back(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in STAYING.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "1")
    kept = passing_environment()
    assert "MALLOC_MMAP_THRESHOLD_" not in kept
    assert "ARROW_DEFAULT_MEMORY_POOL" not in kept
    assert kept["MALLOC_TRIM_THRESHOLD_"] == "1"  # the user's own
    assert kept["PATH"] == os.environ["PATH"]
