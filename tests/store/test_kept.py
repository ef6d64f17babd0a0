"""Lists that were made while rows were in memory are those that the rows on disk make, and never missed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from tests.store.conftest import Desk, found, many, open_index
from tests.store.test_overlay import code_chunks
from tests.store.test_postings import SMALL, batches

from conexus.store import kept, postings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

TEXTS = code_chunks(1_900)
EVERY_FILE = np.arange(len(TEXTS) // 5)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postings, "BLOCK", SMALL["BLOCK"])
    monkeypatch.setattr(postings, "ROWS_AT_ONCE", SMALL["ROWS_AT_ONCE"])


def rows_of(first: int, end: int) -> pa.Table:
    return pa.Table.from_batches(batches(TEXTS[first:end], first))


def folder(desk: Desk) -> Path:
    return desk.index.directory / "words" / "kept"


def keep(directory: Path, ends: Sequence[int]) -> None:
    for first, end in zip([0, *ends], ends, strict=False):
        kept.keep(directory, rows_of(first, end))


def test_lists_are_those_that_the_rows_make_wherever_blocks_end(tmp_path: Path) -> None:
    keep(tmp_path, [300, 600, 995, 1_400])
    parts = list(kept.of_files(tmp_path, EVERY_FILE))
    assert sum(len(part.ords) for _, part in parts) == 1_400
    assert max(len(part.ords) for _, part in parts) <= SMALL["ROWS_AT_ONCE"]
    late = batches(TEXTS[1_400:], 1_400)
    postings.write(tmp_path, "kept.arrow", None, late, parts)
    postings.write(tmp_path, "read.arrow", None, batches(TEXTS))
    lists, wanted = (postings.columns_of(tmp_path / "words" / f"{name}.arrow") for name in ("kept", "read"))
    assert lists.keys() == wanted.keys()
    for name, values in wanted.items():
        assert lists[name].equals(values), name


def test_a_file_of_more_rows_than_are_taken_at_once_is_kept_whole_up_to_a_block(tmp_path: Path) -> None:
    rows = rows_of(0, 1_000)
    sizes = [10, 200, 300, 490]  # with blocks of 256, the two last are left to be read
    numbers = np.repeat(np.arange(4, dtype=np.int32), sizes)
    kept.keep(tmp_path, rows.set_column(0, "file_id", pa.array(numbers)))
    parts = list(kept.of_files(tmp_path, EVERY_FILE))
    assert [np.unique(part.file_ids).tolist() for _, part in parts] == [[0], [1]]


def test_what_is_damaged_or_not_wanted_or_there_twice_is_not_taken(tmp_path: Path) -> None:
    keep(tmp_path, [500, 800])
    keep(tmp_path, [500])
    first, *_ = sorted((tmp_path / "words" / "kept").iterdir())
    whole = sum(len(part.ords) for _, part in kept.of_files(tmp_path, EVERY_FILE))
    assert whole == 800
    gone = next(kept.of_files(tmp_path, EVERY_FILE))[1].file_ids[0]
    others = [part.file_ids for _, part in kept.of_files(tmp_path, EVERY_FILE[gone != EVERY_FILE])]
    assert gone not in np.concatenate(others)
    first.write_bytes(first.read_bytes()[:100])
    assert first.exists()
    assert len(list(kept.of_files(tmp_path, EVERY_FILE[:1]))) == 0
    kept.forget(tmp_path)
    assert not list(kept.of_files(tmp_path, EVERY_FILE))


def test_a_few_rows_are_not_worth_it_and_a_full_disk_is_no_error(tmp_path: Path) -> None:
    kept.keep(tmp_path, rows_of(0, 100))
    assert not (tmp_path / "words").exists()
    (tmp_path / "words").write_text("where a folder should be")
    kept.keep(tmp_path, rows_of(0, 500))
    assert not list(kept.of_files(tmp_path, EVERY_FILE))


def test_arranging_takes_what_is_kept_and_reads_the_rest(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.write(many(100))  # of four chunks each
    desk.write(many(3, "late"))
    assert len(list(folder(desk).iterdir())) == 4
    read = []
    list_rows = postings.listed
    monkeypatch.setattr(
        postings, "listed", lambda rows, first: read.append(rows.num_rows) or list_rows(rows, first)
    )
    desk.index.optimize()
    assert read == [12]
    assert not folder(desk).exists()
    assert len(found(desk.index, "shared", 1_000)) == 412
    desk.write(many(80, "more"))
    desk.write({"late/0.py": None, "more/1.py": ["unheard"]})
    desk.index.optimize()
    assert len(found(desk.index, "shared", 1_000)) == 412 - 4 + 79 * 4
    assert found(desk.index, "unheard") == [("more/1.py", 0)]


def test_what_another_process_kept_is_not_trusted(tmp_path: Path) -> None:
    desk = Desk(open_index(tmp_path / "index"))
    desk.write(many(100))
    assert folder(desk).exists()
    desk.index.close()
    desk = Desk(open_index(tmp_path / "index"))
    assert not desk.index.notes
    assert not folder(desk).exists()
    desk.index.optimize()
    assert len(found(desk.index, "shared", 1_000)) == 400
    desk.index.close()
