"""Crashes and damage: never wrong rows, never a user who is stuck."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from tests.store.conftest import Desk, everything, found, many, near, open_index

from conexus.store import parts
from conexus.store.arranger import Arranger
from conexus.store.errors import IndexDamaged, IndexUnwritable
from conexus.store.manifest import Manifest
from conexus.store.tables import Tables


def data_files(directory: Path) -> list[Path]:
    return sorted(directory.glob("chunks.lance/data/*.lance"))


def structure_files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.glob("chunks.lance/_indices/*/*") if path.stat().st_size > 200)


def newest_manifest(directory: Path) -> list[Path]:
    return sorted(directory.glob("chunks.lance/_versions/*.manifest"))[:1]


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def zero(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def delete(path: Path) -> None:
    path.unlink()


DAMAGE = [truncate, empty, zero, delete]


@pytest.fixture
def filled(desk: Desk) -> Desk:
    desk.write(many(20))
    desk.index.optimize()
    desk.write({"late.py": ["late words"], "f/1.py": ["changed"]})
    desk.index.close()
    return desk


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("chosen", [data_files, newest_manifest])
def test_lost_rows_empty_the_index_and_it_can_be_filled_again(filled: Desk, damage, chosen) -> None:
    directory = filled.index.directory
    damage(chosen(directory)[0])
    with pytest.raises(IndexDamaged, match="conexus index"):
        open_index(directory, writable=False)
    index = open_index(directory)
    assert len(index.notes) == 1
    assert "chunks.lance" in index.notes[0]
    assert not index.files
    assert near(index, "late words") == []
    refilled = Desk(index)
    refilled.write(many(3))
    index.optimize()
    assert len(found(index, "shared")) == 12
    index.close()
    again = open_index(directory)
    assert again.notes == []
    assert len(everything(again)) == 3
    again.close()


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_structures_are_dropped_and_rows_kept(filled: Desk, damage) -> None:
    directory = filled.index.directory
    for path in structure_files(directory):
        damage(path)
    index = open_index(directory)
    assert "search structures" in index.notes[0]
    assert len(index.files) == 21
    assert len(found(index, "shared")) == 19 * 4
    index.optimize()
    assert len(found(index, "shared")) == 19 * 4
    index.close()
    again = open_index(directory)
    assert again.notes == []
    again.close()


@pytest.mark.parametrize("content", [b"", b"garbage" * 1000, bytes(8192)])
def test_a_garbage_manifest_is_set_aside(filled: Desk, content: bytes) -> None:
    directory = filled.index.directory
    (directory / "state.db").write_bytes(content)
    index = open_index(directory)
    assert len(index.notes) == 1
    assert not index.files
    assert everything(index) == {}
    Desk(index).write({"a.py": ["alpha"]})
    assert found(index, "alpha") == [("a.py", 0)]
    index.close()


def test_a_torn_manifest_is_set_aside(filled: Desk) -> None:
    directory = filled.index.directory
    path = directory / "state.db"
    content = bytearray(path.read_bytes())
    content[4096:] = bytes(len(content) - 4096)
    path.write_bytes(content)
    index = open_index(directory)
    assert not index.files
    assert index.notes
    index.close()


def test_other_peoples_files_are_not_touched(tmp_path: Path) -> None:
    directory = tmp_path / "index"
    (directory / "chunks.lance").mkdir(parents=True)
    (directory / "chunks.lance" / "thesis.txt").write_text("mine")
    (directory / "notes.txt").write_text("mine too")
    with sqlite3.connect(directory / "state.db") as database:
        database.execute("CREATE TABLE recipes (name)")
    database.close()
    index = open_index(directory)
    Desk(index).write({"a.py": ["alpha"]})
    assert found(index, "alpha") == [("a.py", 0)]
    index.close()
    (aside,) = directory.glob("aside-*")
    assert (aside / "chunks.lance" / "thesis.txt").read_text() == "mine"
    assert (aside / "state.db").exists()
    assert (directory / "notes.txt").read_text() == "mine too"


def test_an_index_of_another_fingerprint_is_set_aside(filled: Desk) -> None:
    index = type(filled.index).open(filled.index.directory, "other", 16, writable=True)
    assert not index.files
    assert "belongs to" in index.notes[0]
    index.close()


def test_older_tables_under_a_newer_manifest_are_noticed(desk: Desk) -> None:
    directory = desk.index.directory
    desk.write({"a.py": ["alpha"]})
    desk.index.close()
    backup = directory.parent / "backup"
    shutil.copytree(directory / "chunks.lance", backup)
    again = open_index(directory)
    Desk(again).write({"b.py": ["beta"]})
    again.close()
    shutil.rmtree(directory / "chunks.lance")
    backup.rename(directory / "chunks.lance")
    index = open_index(directory)
    assert not index.files
    assert index.notes
    index.close()


def test_rows_of_a_commit_that_was_never_published_are_invisible_and_go(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.write({"a.py": ["alpha"]})
    before = everything(desk.index)

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Manifest, "publish", fail)
        with pytest.raises(KeyboardInterrupt):
            desk.write({"a.py": ["beta"], "b.py": ["alpha"]})
    assert everything(desk.index) == before
    desk.index.close()
    again = open_index(desk.index.directory)
    assert again.notes == []
    assert everything(again) == before
    assert again._opened().counts() == (1, 1)
    Desk(again).write({"c.py": ["gamma"]})
    assert found(again, "alpha beta gamma") == [("a.py", 0), ("c.py", 0)]
    again.close()


@pytest.mark.parametrize("step", ["build", "prune"])
def test_an_optimize_that_dies_loses_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    desk.write(many(30))
    desk.index.optimize()
    desk.write({"f/1.py": ["changed"], "f/2.py": None})
    before = everything(desk.index)
    original = getattr(Tables, step)

    def dies(tables: Tables, *words: str) -> None:
        original(tables, *words)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Tables, step, dies)
        with pytest.raises(KeyboardInterrupt):
            desk.index.optimize()
    assert everything(desk.index) == before
    desk.index.close()
    again = open_index(desk.index.directory)
    assert everything(again) == before
    assert again.notes == []
    assert found(again, "changed") == [("f/1.py", 0)]
    again.close()


_WRITER = """
import sys
from pathlib import Path
from tests.store.conftest import Desk, many, open_index
desk = Desk(open_index(Path(sys.argv[1])))
assert not desk.index.notes, desk.index.notes
for number in range(1000):
    desk.write({f"v{number % 7}.py": [f"version{number} part{part}" for part in range(1 + number % 5)]})
    if number % 9 == 8:
        desk.index.optimize()
    print(number, flush=True)
"""


def test_kill_in_the_middle_of_writing_leaves_whole_files(tmp_path: Path) -> None:
    directory = tmp_path / "index"
    for attempt in range(3):
        writer = subprocess.Popen([sys.executable, "-c", _WRITER, str(directory)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        for _ in range(5 + 4 * attempt):
            last = int(writer.stdout.readline() or -1)
        time.sleep(0.017 * attempt)
        os.kill(writer.pid, signal.SIGKILL)
        rest = writer.communicate()[0].split()
        last = int(rest[-1]) if rest else last
        index = open_index(directory)
        assert index.notes == []
        visible = everything(index)
        # The version being written when it died may or may not have been published; nothing else may differ.
        newest = f"v{last % 7}.py"
        wanted = [f"version{last}"] * (1 + last % 5)
        if [symbol for _, symbol, _ in visible[newest]] != wanted:
            pytest.fail(f"{newest} is not version {last}: {visible[newest]}")
        for path, rows in visible.items():
            assert len(rows) == index.files[path].chunks
            assert len({symbol for _, symbol, _ in rows}) == 1
        index.close()


def test_no_file_id_of_a_killed_writer_is_given_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    first = desk.index.allocate(300)
    shutil.copytree(desk.index.directory, desk.index.directory.parent / "copy")
    copy = open_index(desk.index.directory.parent / "copy")
    assert copy.allocate(1).start >= first.stop
    copy.close()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), errno.ENOSPC),
        (RuntimeError("lance error: IO: No space left on device (os error 28)"), errno.ENOSPC),
        (sqlite3.OperationalError("database or disk is full"), errno.ENOSPC),
        (PermissionError(errno.EACCES, "Permission denied"), errno.EACCES),
        (OSError(errno.EROFS, "Read-only file system"), errno.EROFS),
    ],
)
def test_a_disk_that_refuses_is_reported_with_path_and_advice(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int
) -> None:
    desk.write({"a.py": ["alpha"]})

    async def refuse(*_: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(Tables, "_add", refuse)
        with pytest.raises(IndexUnwritable, match=r"index\.directory") as caught:
            desk.write({"b.py": ["beta"]})
    assert caught.value.errno == code
    assert str(desk.index.directory) in str(caught.value)
    desk.write({"b.py": ["beta"]})
    assert found(desk.index, "alpha beta") == [("a.py", 0), ("b.py", 0)]


def test_other_errors_pass_unchanged(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("something else")

    monkeypatch.setattr(Tables, "_add", fail)
    with pytest.raises(RuntimeError, match="something else"):
        desk.write({"b.py": ["beta"]})


def test_a_directory_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        blocked = tmp_path / "proc"
        blocked = type(tmp_path)("/proc/conexus/index")  # root may write everywhere but here
    else:
        blocked = tmp_path / "closed" / "index"
        (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises((IndexUnwritable, FileNotFoundError)):
        open_index(blocked)


_READ_ONLY_READER = """
import os, sys
from pathlib import Path
import lancedb  # before the rights to read it go
from tests.store.conftest import found, open_index
if os.geteuid() == 0:
    os.setuid(65534)
index = open_index(Path(sys.argv[1]), writable=False)
print(found(index, "alpha beta"))
try:
    open_index(Path(sys.argv[1]))
except Exception as error:
    print(type(error).__name__)
"""


def test_a_read_only_directory_is_readable(desk: Desk) -> None:
    desk.write({"a.py": ["alpha"]})
    desk.index.optimize()
    desk.write({"b.py": ["beta"]})
    desk.index.close()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "index"
        shutil.copytree(desk.index.directory, place)
        for path in [Path(folder), place, *place.rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        command = [sys.executable, "-c", _READ_ONLY_READER, str(place)]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
        for path in [Path(folder), place, *place.rglob("*")]:
            path.chmod(0o755)
    assert printed == ["[('a.py', 0), ('b.py', 0)]", "IndexUnwritable"]


def test_damage_found_while_opening_the_tables_empties_the_index(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.write({"a.py": ["alpha"]})
    desk.index.close()
    # As after a torn write that kept sizes and the ends of files.
    monkeypatch.setattr(parts, "damaged", lambda *_: [])
    delete(newest_manifest(desk.index.directory)[0])
    reader = open_index(desk.index.directory, writable=False)
    with pytest.raises(IndexDamaged):
        reader.snapshot()
    reader.close()
    index = open_index(desk.index.directory)
    assert found(index, "alpha") == []
    assert not index.files
    assert index.notes
    Desk(index).write({"b.py": ["beta"]})
    assert found(index, "beta") == [("b.py", 0)]
    index.close()


def test_tables_of_a_lost_manifest_are_set_aside(filled: Desk) -> None:
    delete(filled.index.directory / "state.db")
    index = open_index(filled.index.directory)
    assert "without a manifest" in index.notes[0]
    assert everything(index) == {}
    index.close()


def test_a_builder_that_dies_costs_a_repetition(filled: Desk) -> None:
    index = open_index(filled.index.directory)
    index.arranges_apart = True
    before = everything(index)

    def kill(stage: str) -> None:
        if stage == "building search structures":
            index._tables._arranger._process.kill()

    with pytest.raises(RuntimeError, match="builds search structures ended"):
        index.optimize(kill)
    assert everything(index) == before
    assert found(index, "late") == [("late.py", 0)]
    index.optimize()
    assert index.pending_chunks == 0
    assert everything(index) == before
    assert found(index, "late") == [("late.py", 0)]
    index.close()


def test_one_builder_makes_words_and_rows_findable_and_goes(desk: Desk) -> None:
    desk.index.arranges_apart = True
    desk.write(many(3))
    desk.index.prepare_arranging()
    process = desk.index._tables._arranger._process
    desk.write({"late.py": ["late"]})
    desk.index.index_words()
    assert desk.index._tables._arranger._process is process
    assert found(desk.index, "late") == [("late.py", 0)]
    desk.index.optimize(lambda _: None)
    assert process.poll() is not None
    assert desk.index.pending_chunks == 0
    assert found(desk.index, "late") == [("late.py", 0)]


def test_a_builder_that_is_not_needed_is_dismissed(desk: Desk) -> None:
    desk.index.dismiss_arranger()
    desk.index.arranges_apart = True
    desk.write(many(3))
    desk.index.prepare_arranging()
    process = desk.index._tables._arranger._process
    desk.index.dismiss_arranger()
    assert process.poll() is not None
    desk.index.optimize()
    assert desk.index.pending_chunks == 0


def test_what_the_builder_cannot_do_is_told(desk: Desk) -> None:
    desk.write(many(3))
    with Arranger(desk.index.directory, 32) as arranger:
        arranger.do("build 1.arrow")
        shutil.rmtree(desk.index.directory / "chunks.lance" / "data")
        with pytest.raises(RuntimeError, match=r"build_words: .*chunks\.lance"):
            arranger.do("build_words 2.arrow")


def test_the_builder_ends_with_its_parent(desk: Desk) -> None:
    desk.write(many(3))
    with Arranger(desk.index.directory, 32) as arranger:
        arranger._process.stdin.close()
        assert arranger._process.wait(30) == 0
