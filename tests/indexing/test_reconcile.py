"""The manifest against the folder: what did not change leaves nothing behind."""

from __future__ import annotations

import gc
import tracemalloc
from typing import TYPE_CHECKING

from conexus.indexing.reconcile import Comparison, plan
from conexus.settings import ScopeSettings
from conexus.store.manifest import FileRecord, SkipRecord
from conexus.workspace.files import Entry, Scope

if TYPE_CHECKING:
    from pathlib import Path

HOUR = 3_600_000_000_000
FILES_A_DIRECTORY = 20
# An entry, its path and its place in a list and a set take 300.
MOST_BYTES_A_FILE = 48


def record_of(entry: Entry, file_id: int) -> FileRecord:
    read_at = entry.mtime_ns + HOUR
    return FileRecord(entry.path, file_id, b"", entry.size, entry.mtime_ns, "python", "utf-8", 1, read_at)


def peak_of_comparing(root: Path, directories: int) -> int:
    """Return the most bytes that comparing an unchanged folder of so many directories holds at once."""
    for number in range(directories):
        (root / f"package{number}").mkdir(parents=True)
        for file in range(FILES_A_DIRECTORY):
            (root / f"package{number}" / f"module{file}.py").write_text("x = 1\n")
    scope = Scope(root, ScopeSettings())
    files = {entry.path: record_of(entry, number) for number, entry in enumerate(scope.walk().entries)}
    gc.collect()
    tracemalloc.start()
    known = Comparison(files, {})
    # Asked before each directory. What is read before the first, git's settings, is not of the files.
    unasked = [True]
    walk = scope.walk(lambda: bool(unasked and unasked.pop() and tracemalloc.reset_peak()), known.settles)
    todo = known.plan(walk.entries)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (todo.unchanged, todo.empty) == (directories * FILES_A_DIRECTORY, True)
    return peak


def test_comparing_an_unchanged_folder_keeps_nothing_of_each_file(tmp_path: Path) -> None:
    few, many = peak_of_comparing(tmp_path / "few", 10), peak_of_comparing(tmp_path / "many", 110)
    assert many - few < MOST_BYTES_A_FILE * 100 * FILES_A_DIRECTORY


def test_a_stamp_proves_nothing_when_it_is_as_young_as_the_reading() -> None:
    entry = Entry("a.py", 6, 5 * HOUR + 1)
    sure, young = record_of(entry, 0), record_of(entry, 0)._replace(indexed_at_ns=entry.mtime_ns + 1000)
    assert plan({"a.py": sure}, {}, [entry]).unchanged == 1
    assert plan({"a.py": young}, {}, [entry]).read == (entry,)
    # Whole seconds are the stamps of file systems that keep no fractions.
    coarse = Entry("a.py", 6, 5 * HOUR)
    soon = record_of(coarse, 0)._replace(indexed_at_ns=coarse.mtime_ns + 1_000_000_000)
    assert plan({"a.py": soon}, {}, [coarse]).read == (coarse,)


def test_what_is_gone_is_known_by_its_record_unless_its_directory_could_not_be_read() -> None:
    entries = [Entry(path, 1, 1) for path in ("a.py", "b/c.py", "big.bin", "new.py")]
    files = {entry.path: record_of(entry, number + 7) for number, entry in enumerate(entries[:2])}
    files["gone.py"] = record_of(Entry("gone.py", 1, 1), 3)
    skips = {path: SkipRecord(path, 1, 1, "binary") for path in ("big.bin", "b/old.bin", "old.bin")}
    known = Comparison(files, skips)
    read = [entry for entry in entries if not known.settles(entry.path, entry.size, entry.mtime_ns)]
    assert [entry.path for entry in read] == ["new.py"]
    assert known.plan(read, unseen=["b"]).removed == ("gone.py", "old.bin")
    assert known.plan(read).removed == ("gone.py", "b/old.bin", "old.bin")
    assert known.plan(read).unchanged == 3
