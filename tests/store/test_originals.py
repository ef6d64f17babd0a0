"""Vectors read from LanceDB's own files are those LanceDB gives, or are left to it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

from conexus.store import originals, tables
from conexus.store.originals import Originals, Unreadable
from conexus.store.schema import chunk_schema, symbol_schema, vectors_of
from conexus.store.tables import ADDRESS, CHUNKS, Tables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DIMENSIONS = 256


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Tables]:
    made = Tables.open(tmp_path, DIMENSIONS, create=True)
    yield made
    made.close()


def add(opened: Tables, first: int, count: int) -> None:
    """Add `count` rows with random directions, of files `first`, `first` + 1, ...."""
    vectors = np.random.default_rng(first).standard_normal((count, DIMENSIONS)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    numbers = pa.array(np.arange(first, first + count, dtype=np.int32))
    columns = {
        item.name: numbers if item.type == pa.int32() else pa.array(["x"] * count) for item in chunk_schema(1)
    }
    columns["digest"] = pa.array([b"0123456789abcdef"] * count, pa.binary(16))
    flat = pa.array(vectors.astype(np.float16).reshape(-1))
    columns["vector"] = pa.FixedSizeListArray.from_arrays(flat, DIMENSIONS)
    opened.add(pa.table(columns, schema=chunk_schema(DIMENSIONS)), symbol_schema().empty_table())


def of_lancedb(opened: Tables) -> tuple[np.ndarray, np.ndarray]:
    rows = opened.rows(CHUNKS, columns=["vector", ADDRESS])
    return rows[ADDRESS].to_numpy(), vectors_of(rows)


def test_they_are_those_of_lancedb_through_saves_deletions_and_arrangements(opened: Tables) -> None:
    mine = Originals(opened.directory / f"{CHUNKS}.lance", "vector", DIMENSIONS)
    first = 0
    for count in (17_000, 1, 2, 3, 700):  # the first has more than one page
        add(opened, first, count)
        first += count
        addresses, vectors = of_lancedb(opened)
        some = np.random.default_rng(first).choice(len(addresses), 300)
        assert (mine.at(addresses[some]) == vectors[some]).all()
    opened.delete(range(5, 16_990))
    for arrange in (list, opened.prune):
        arrange()
        addresses, vectors = of_lancedb(opened)
        assert len(addresses) == first - 16_985
        assert (mine.at(addresses) == vectors).all()
        assert mine.similarities(addresses, vectors[3].astype(np.float32)).argmax() == 3
    mine.close()


def test_they_are_those_of_lancedb_with_few_files_open_at_a_time(opened: Tables, monkeypatch) -> None:
    monkeypatch.setattr(originals, "_MOST_OPEN", 2)
    for first in range(0, 50, 10):
        add(opened, first, 10)
    addresses, vectors = of_lancedb(opened)
    mine = Originals(opened.directory / f"{CHUNKS}.lance", "vector", DIMENSIONS)
    assert (mine.at(addresses) == vectors).all()
    mine.close()


@pytest.mark.parametrize("in_memory", ["none", "every other", "unknown"])
def test_they_are_those_of_lancedb_whatever_of_them_the_system_has_in_memory(
    opened: Tables, monkeypatch, in_memory: str
) -> None:
    add(opened, 0, 300)
    addresses, vectors = of_lancedb(opened)
    system = originals._system()
    calls = itertools.count()

    def read_cached(*asked: int) -> int:
        found = in_memory == "every other" and next(calls) % 2
        return system.read_cached(*asked) if found and system.read_cached else -1

    other = originals._System(system.read, None if in_memory == "unknown" else read_cached)
    monkeypatch.setattr(originals, "_system", lambda: other)
    mine = Originals(opened.directory / f"{CHUNKS}.lance", "vector", DIMENSIONS)
    assert (mine.at(addresses) == vectors).all()
    mine.close()


def test_what_cannot_be_read_is_left_to_lancedb(opened: Tables, monkeypatch) -> None:
    monkeypatch.setattr(tables, "FLAT_ROWS", 100)
    monkeypatch.setattr(tables, "CODED_ROWS", 100)
    add(opened, 0, 2_000)
    opened.build("1.arrow")
    addresses, vectors = of_lancedb(opened)
    # Five are far nearer than all others: codes are turned by chance, and one in a hundred turns loses one that is not.
    query = np.array([5, 4, 3, 3, 3], np.float32) @ vectors[7:12].astype(np.float32)
    query /= np.linalg.norm(query)
    rows, scores = opened.nearest(query, 5, [ADDRESS, "file_id"]).result()
    assert rows.column_names == [ADDRESS, "file_id"]
    assert rows["file_id"][0].as_py() == 7
    assert scores == pytest.approx(np.sort(vectors.astype(np.float32) @ query)[:-6:-1], abs=1e-3)
    with pytest.raises(Unreadable, match="not all are fragments"):
        opened._originals.at(np.array([9 << 32], np.uint64))
    with pytest.raises(Unreadable, match="row 2000"):
        opened._originals.at(np.array([2_000], np.uint64))
    (data,) = (opened.directory / f"{CHUNKS}.lance" / "data").iterdir()
    whole = data.read_bytes()
    for damaged in (whole[:-4] + b"xxxx", b"x" * 40, b""):
        opened._originals.close()
        data.write_bytes(damaged)
        with pytest.raises(Unreadable):
            opened._originals.at(addresses[:1])
    data.write_bytes(whole)
    assert opened._originals.at(addresses[:1]).any()
    opened._originals.close()
    data.write_bytes(bytes(byte ^ 0x55 for byte in whole[:-4_096]) + whole[-4_096:])
    with pytest.raises(Unreadable, match="no vectors"):
        opened._originals.similarities(addresses[:50], query)
    data.write_bytes(whole)
    monkeypatch.setattr(opened._originals, "column", "another")
    monkeypatch.setattr(opened._originals, "_places", {})
    with pytest.raises(Unreadable, match="another"):
        opened._originals.at(addresses[:1])
    again, as_before = opened.nearest(query, 5, [ADDRESS, "file_id"]).result()
    assert again["file_id"].to_pylist() == rows["file_id"].to_pylist()
    assert as_before == pytest.approx(scores, abs=1e-3)


def test_the_first_by_code_are_put_in_the_order_of_their_vectors(opened: Tables, monkeypatch) -> None:
    monkeypatch.setattr(tables, "FLAT_ROWS", 100)
    add(opened, 0, 2_000)
    opened.build("1.arrow")
    _, vectors = of_lancedb(opened)
    query = vectors[7].astype(np.float32)
    exact = np.sort(vectors.astype(np.float32) @ query)[::-1]
    rows, scores = opened.nearest(query, 5, ["file_id"]).result()
    assert rows.column_names == ["file_id"]
    assert scores == pytest.approx(exact[:5], abs=1e-4)  # codes are some thousandths off
    rows, scores = opened.nearest(query, 60, ["file_id"]).result()
    assert len(rows) == 60
    assert scores == pytest.approx(exact[:60], abs=2e-2)

    def unreadable(*_: object) -> None:
        raise Unreadable

    monkeypatch.setattr(Originals, "at", unreadable)
    rows, scores = opened.nearest(query, 5, ["file_id"]).result()
    assert rows["file_id"][0].as_py() == 7
    assert scores == pytest.approx(exact[:5], abs=2e-2)
