"""Huge indexes: places and symbols come from files that are mapped, and answers are the same with and without them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from tests.store.conftest import Desk, many, open_index

from conexus.store import mapped

if TYPE_CHECKING:
    from conexus.store.snapshot import Snapshot


@pytest.fixture(autouse=True)
def _huge_from_ten_chunks(monkeypatch) -> None:
    monkeypatch.setattr("conexus.store.mapped.HUGE_CHUNKS", 10)


def answers(snapshot: Snapshot) -> tuple[object, ...]:
    """Return what places and symbols give: rows by word, by file and by offset, definitions by name, part and file."""
    snapshot._places()
    snapshot.symbols()
    numbers = sorted(snapshot.paths(), key=snapshot.paths().__getitem__)
    names = snapshot.symbols()
    return (
        [(row.path, row.ord, row.span) for row in snapshot.rows_of(numbers[:5])],
        sorted(
            (row.path, row.ord, row.symbol, row.kind, row.digest)
            for row in snapshot.matching(["shared"], 1_000)
        ),
        snapshot.covering([(number, 3) for number in numbers[:5]]),
        [names.of_file(number) for number in numbers[:5]],
        sorted(names.name(at) for at in names.containing("f", 100)),
        sorted(names.name(at) for at in names.like("f12x", 0.5)),
        sorted(entry.path for entry in names.entries(names.named("f7"))),
        snapshot.count_symbols(),
    )


def files_of(desk: Desk) -> list[str]:
    return sorted(path.name for path in (desk.index.directory / mapped.FOLDER).glob("*"))


def test_who_arranges_rows_saves_their_places_and_symbols(desk: Desk, monkeypatch) -> None:
    desk.write(many(40))
    desk.index.optimize()
    assert len(files_of(desk)) == 3
    desk.write({"f/0.py": ["replaced shared"], "f/1.py": None})
    snapshot = desk.index.snapshot()
    assert snapshot.view.saved is not None
    # Nothing has to be waited for: who asks by name is answered at once.
    assert snapshot.has_symbols
    assert len(snapshot.symbols_now().named("replaced")) == 1
    mine = answers(snapshot)
    monkeypatch.setattr("conexus.store.mapped.HUGE_CHUNKS", 10_000)
    reader = open_index(desk.index.directory, writable=False)
    assert reader.snapshot().view.saved is None
    # A reader's rows are all on disk, the writer's last in memory.
    assert answers(reader.snapshot()) == mine
    reader.close()


def test_files_follow_the_arrangement(desk: Desk) -> None:
    desk.write(many(40))
    desk.index.optimize()
    first = files_of(desk)
    old = desk.index.snapshot()
    desk.write({path: ["moved shared"] for path in many(30)})
    desk.index.optimize()
    assert len(files_of(desk)) == 3
    assert not {*first} & {*files_of(desk)}
    assert len(desk.index.snapshot().symbols().named("moved")) == 30
    assert len(old.symbols()) > 0
    assert desk.index.stats().bytes_tables > 0


@pytest.mark.parametrize("damage", ["gone", "cut", "folder gone"])
def test_files_that_are_missing_are_written_by_a_process_of_its_own(desk: Desk, damage: str) -> None:
    desk.write(many(40))
    desk.index.optimize()
    expected = answers(desk.index.snapshot())
    directory = desk.index.directory
    desk.index.close()
    name = next((directory / mapped.FOLDER).glob("symbols-*"))
    if damage == "gone":
        name.unlink()
    elif damage == "cut":
        name.write_bytes(name.read_bytes()[:500])
    else:
        shutil.rmtree(directory / mapped.FOLDER)
    desk.index = open_index(directory)
    assert desk.index.snapshot().view.saved is None
    assert answers(desk.index.snapshot()) == expected
    assert desk.index.snapshot().view.saved is not None
    assert answers(desk.index.snapshot()) == expected


def test_who_may_not_write_reads_instead(desk: Desk) -> None:
    desk.write(many(40))
    desk.index.optimize()
    expected = answers(desk.index.snapshot())
    shutil.rmtree(desk.index.directory / mapped.FOLDER)
    reader = open_index(desk.index.directory, writable=False)
    assert answers(reader.snapshot()) == expected
    assert files_of(desk) == []
    reader.close()


def test_a_failing_writer_costs_only_time(desk: Desk) -> None:
    desk.write(many(40))
    desk.index.optimize()
    expected = answers(desk.index.snapshot())
    directory = desk.index.directory
    desk.index.close()
    shutil.rmtree(directory / mapped.FOLDER)
    (directory / mapped.FOLDER).write_text("in the way")
    desk.index = open_index(directory)
    assert answers(desk.index.snapshot()) == expected
    assert desk.index.snapshot().view.saved is None
