"""Commits are remembered once, arranged by where the folder stands, and found by path and ticket."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from conexus.store.commits import CommitRecord, CommitStore
from conexus.store.errors import IndexUnwritable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def record(name: str, time: int, *, merge: bool = False) -> CommitRecord:
    return CommitRecord(name * 40, time, "Ada", f"commit {name}", merge)


A, B, C, D = (record(name, time) for time, name in enumerate("abcd", 1))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[CommitStore]:
    store = CommitStore(tmp_path / "home" / "commits.db")
    store.add(
        [
            (A, ["x.py", "y.py"], []),
            (B, ["x.py", "y.py"], ["ABC-1"]),
            (C, ["x.py", "odd\udcff.py"], ["ABC-1", "#2"]),
            (D, ["z.py"], []),
        ]
    )
    store.arrange("one", [C.id, B.id, A.id], {"XY-9": [D.id]})
    yield store
    store.close()


def test_what_was_added_is_known(store: CommitStore) -> None:
    assert store.unknown([A.id, "f" * 40, D.id]) == ["f" * 40]
    assert store.mark == "one"
    assert store.by_ids([A.id, "f" * 40]) == {A.id: A}


def test_tickets_lead_to_commits_and_paths(store: CommitStore) -> None:
    assert store.of_ticket("ABC-1") == {C: ["odd\udcff.py", "x.py"], B: ["x.py", "y.py"]}
    assert store.of_ticket("XY-9") == {D: ["z.py"]}
    assert store.of_ticket("ABC-2") == {}
    assert store.tickets_of([C.id, D.id, A.id]) == {C.id: ("#2", "ABC-1"), D.id: ("XY-9",)}


def test_only_where_the_folder_stands_counts(store: CommitStore) -> None:
    assert store.recent(2) == [C, B]
    assert store.of_path("x.py", 2) == [C, B]
    assert store.of_path("z.py", 5) == []
    store.arrange("two", [D.id, A.id], {})
    assert store.recent(5) == [D, A]
    assert store.of_ticket("XY-9") == {}
    assert store.of_ticket("ABC-1").keys() == {B, C}


def test_what_changes_together(store: CommitStore) -> None:
    assert store.together("y.py") == {"x.py": 1.0}
    assert store.together("x.py") == {"y.py": 2 / 3}
    store.add([(record("e", 9), ["y.py", *(f"f{n}.py" for n in range(40))], [])])
    store.add([(record("f", 10, merge=True), ["y.py", "x.py"], [])])
    store.arrange("three", ["f" * 40, "e" * 40, C.id, B.id, A.id], {})
    # A formatter's commit and a merge relate nothing.
    assert store.together("y.py") == {"x.py": 1.0}


def test_it_is_there_after_a_restart(store: CommitStore) -> None:
    again = CommitStore(store.path)
    assert again.recent(1) == [C]
    again.close()


@pytest.mark.parametrize("damage", [b"this is no database, " * 300, b""])
def test_a_damaged_file_is_replaced(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "commits.db"
    path.write_bytes(damage)
    store = CommitStore(path)
    assert store.recent(1) == []
    store.close()


def test_another_format_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "commits.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE commits (x)")
    other.close()
    store = CommitStore(path)
    assert store.mark == ""
    store.close()


def test_where_it_cannot_be_written_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises((IndexUnwritable, OSError)):
        CommitStore(tmp_path / "file" / "commits.db")
