"""Vectors that no structure covers: the nearest are those an exact comparison says, through every change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.store.conftest import many, near, vector_of

from conexus.store import index as store_index
from conexus.store import scan as store_scan
from conexus.store import snapshot as store_snapshot

if TYPE_CHECKING:
    from tests.store.conftest import Desk

QUESTIONS = ("f3 group3", "common1 chunk2", "g4 shared", "nothing of it")


@pytest.fixture(autouse=True)
def all_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave even a few new rows to the disk, as thousands are during a bulk load."""
    monkeypatch.setattr(store_index, "OVERLAY_ROWS", 0)


def scores(desk: Desk, limit: int) -> list[list[float]]:
    snapshot = desk.index.snapshot()
    return [[row.score for row in snapshot.nearest(vector_of(text), limit)] for text in QUESTIONS]


@pytest.mark.parametrize("limit", [3, 1_000])
def test_it_finds_what_lancedb_finds(desk: Desk, monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    for prefix in "fgh":
        desk.write(many(20, prefix))
        kept = scores(desk, limit)
        with monkeypatch.context() as patch:
            patch.setattr(store_snapshot, "MOST_ROWS", 0)
            asked = scores(desk, limit)
        for ours, theirs in zip(kept, asked, strict=True):
            assert len(ours) == len(theirs)
            assert np.allclose(ours, theirs, atol=5e-4)


def test_superseded_and_hidden_rows_are_not_found(desk: Desk) -> None:
    desk.write(many(5))
    assert near(desk.index, "f3 group3", 1)[0][0] == "f/3.py"
    before = desk.index.snapshot()
    desk.write({"f/3.py": ["another thing"], "f/4.py": None})
    assert ("f/3.py", 1) not in near(desk.index, "f3 group3")
    assert near(desk.index, "another thing", 1) == [("f/3.py", 0)]
    assert not [path for path, _ in near(desk.index, "f4") if path == "f/4.py"]
    desk.open_buffer("f/2.py", ["typed text"])
    assert near(desk.index, "typed text", 1) == [("f/2.py", 0)]
    assert ("f/2.py", 3) not in near(desk.index, "f2 chunk3")
    # A snapshot taken before still sees what it saw.
    assert ("f/3.py", 1) in [(row.path, row.ord) for row in before.nearest(vector_of("f3 group3"), 100)]


def test_only_allowed_files_are_found(desk: Desk) -> None:
    desk.write(many(30))
    snapshot = desk.index.snapshot()
    allowed = np.zeros(len(snapshot.live), np.bool_)
    number = snapshot.file_id("f/7.py")
    assert number is not None
    allowed[number] = True
    assert {row.path for row in snapshot.nearest(vector_of("f3 group3"), 10, allowed)} == {"f/7.py"}
    assert not snapshot.nearest(vector_of("f3 group3"), 10, np.zeros(3, np.bool_))


def test_arranged_rows_are_found_as_before(desk: Desk) -> None:
    desk.write(many(20))
    before = scores(desk, 10)
    desk.write({"f/1.py": ["gone soon"]})
    desk.write({"f/1.py": many(2)["f/1.py"]})
    desk.index.optimize()
    assert np.allclose(scores(desk, 10), before, atol=5e-4)


def test_rows_are_read_once(desk: Desk) -> None:
    desk.write(many(5))
    near(desk.index, "f1")
    tables, reads = desk.index._opened(), []
    read = type(tables).rows

    def counted(self, *arguments, **named):
        reads.append(arguments)
        return read(self, *arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(tables), "rows", counted)
        near(desk.index, "f2")
        assert not reads
        desk.write(many(5, "g"))
        assert near(desk.index, "g2 group2", 1)[0][0] == "g/2.py"
        assert near(desk.index, "f3 group3", 1)[0][0] == "f/3.py"
        assert not reads


def test_rows_that_a_question_has_read_already_are_not_taken_twice(desk: Desk) -> None:
    desk.write(many(5))
    near(desk.index, "f1")
    snapshot = desk.index.snapshot()
    snapshot.view.scan.put(desk.index._opened().rows("chunks"))
    assert len(near(desk.index, "f1", 1_000)) == 20


def test_of_too_many_rows_none_are_kept(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (store_scan, store_snapshot):
        monkeypatch.setattr(module, "MOST_ROWS", 50)
    desk.write(many(5))
    assert near(desk.index, "f3 group3", 1)[0][0] == "f/3.py"
    assert desk.index.snapshot().view.scan.rows == 20
    desk.write(many(5, "g"))
    assert desk.index.snapshot().view.scan.rows == 40
    desk.write(many(5, "h"))
    assert near(desk.index, "h3 group3", 1)[0][0] == "h/3.py"
    assert desk.index.snapshot().view.scan.rows == 0
