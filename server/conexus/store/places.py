"""Where every settled chunk stands, in memory: some 80 bytes each, so that queries fetch one number a row."""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from conexus.domain import Span

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

PLACE = ("file_id", "ord", "start", "end", "start_line", "end_line", "symbol", "kind", "digest")
"""The columns that make a `Row`."""
_ADDRESSES = "addresses"
"""All addresses, sorted; and of each of them the position of its row."""
_BY_ADDRESS = "by_address"


class Row(NamedTuple):
    """A chunk, with the score of the query that found it. Change one with `_replace`.

    A tuple and not an attrs class: a question makes hundreds of them, in a third of the time.
    """

    file_id: int
    path: str
    ord: int
    """Position in its file, from 0."""
    span: Span
    symbol: str
    kind: str
    digest: bytes
    """Of the embedded text."""
    score: float = 0.0


def rows_of_table(
    table: pa.Table, path_of: Mapping[int, str], scores: NDArray[np.float32] | None = None
) -> list[Row]:
    """Return the rows of `table`, which has the columns `PLACE`, with `scores` (float32[n])."""
    # By way of numpy, as `to_pylist` takes twice as long.
    numbers, ords, *spans, symbols, kinds, digests = (table[name].to_numpy().tolist() for name in PLACE)
    paths = map(path_of.__getitem__, numbers)
    ranked = scores.tolist() if scores is not None else repeat(0.0, len(numbers))
    places = zip(numbers, paths, ords, map(Span, *spans), symbols, kinds, digests, ranked, strict=True)
    return list(map(Row._make, places))


def arranged_places(rows: pa.Table, addresses: NDArray[np.uint64]) -> pa.Table:
    """Return rows (columns `PLACE`, each (file_id, ord) at most once) in order, with what finds their addresses.

    `addresses` are the `tables.ADDRESS` of `rows`.
    """
    order = pc.sort_indices(rows, sort_keys=[("file_id", "ascending"), ("ord", "ascending")])
    here = addresses[order.to_numpy()]
    by_address = np.argsort(here).astype(np.int32)
    arranged = rows.select(PLACE).take(order).combine_chunks()
    return arranged.append_column(_ADDRESSES, pa.array(here[by_address])).append_column(
        _BY_ADDRESS, pa.array(by_address)
    )


class PlaceTable:
    """The places of chunks by position, 0 to n - 1, sorted by file id and place in the file."""

    def __init__(self, arranged: pa.Table, path_of: Mapping[int, str]) -> None:
        """Take what `arranged_places` returned."""
        self._table = arranged.select(PLACE)
        self._path_of = path_of
        self._file_ids: NDArray[np.int32] = _column(arranged, "file_id")
        self._ords: NDArray[np.int32] = _column(arranged, "ord")
        self._starts: NDArray[np.int32] = _column(arranged, "start")
        self._addresses: NDArray[np.uint64] = _column(arranged, _ADDRESSES)
        self._by_address: NDArray[np.int32] = _column(arranged, _BY_ADDRESS)

    def at_addresses(self, addresses: NDArray[np.uint64]) -> NDArray[np.int32]:
        """Return the position of each address, int32[n]; -1 if it was given after this table was read.

        A position is right whatever happened since: LanceDB writes a row it moves under a new address.
        """
        found = np.searchsorted(self._addresses, addresses)
        found[found == len(self._addresses)] = 0
        known = (
            self._addresses[found] == addresses if len(self._addresses) else np.zeros(len(found), np.bool_)
        )
        return (
            np.where(known, self._by_address[found], -1) if known.any() else np.full(len(found), -1, np.int32)
        )

    def at(self, file_ids: NDArray[np.int32], ords: NDArray[np.int32]) -> NDArray[np.intp]:
        """Return the position of each chunk, given by its file and its place there, intp[n]; -1 if it is not here."""
        found = np.searchsorted(self._file_ids, file_ids) + ords
        found[found >= len(self._file_ids)] = -1
        if len(self._file_ids):
            found[(self._file_ids[found] != file_ids) | (self._ords[found] != ords)] = -1
        return found

    def file_ids(self, positions: NDArray[np.integer]) -> NDArray[np.int32]:
        """Return the file ids at these positions, int32[n]; -1 where there is none."""
        inside = (positions >= 0) & (positions < len(self._file_ids))
        ids = np.full(len(positions), -1, np.int32)
        ids[inside] = self._file_ids[positions[inside]]
        return ids

    def rows(self, positions: NDArray[np.integer], scores: NDArray[np.float32] | None = None) -> list[Row]:
        """Return the chunks at these positions, with `scores` (float32[n])."""
        if not len(positions):
            return []
        return rows_of_table(self._table.take(pa.array(positions)), self._path_of, scores)

    def of_files(self, file_ids: Sequence[int] | NDArray[np.integer]) -> list[Row]:
        """Return all chunks of these files, in order of file id and place."""
        wanted = np.unique(np.asarray(file_ids, np.int32))
        first = np.searchsorted(self._file_ids, wanted)
        last = np.searchsorted(self._file_ids, wanted, side="right")
        ranges = [np.arange(start, end) for start, end in zip(first, last, strict=True)]
        return self.rows(np.concatenate(ranges)) if ranges else []

    def covering(self, file_ids: Sequence[int], offsets: Sequence[int]) -> list[Row | None]:
        """Return for each (file id, byte offset) the chunk that covers it, None where there is none."""
        wanted = np.asarray(file_ids, np.int32)
        first = np.searchsorted(self._file_ids, wanted)
        last = np.searchsorted(self._file_ids, wanted, side="right")
        found = [
            start + int(np.searchsorted(self._starts[start:end], offset, side="right")) - 1
            for start, end, offset in zip(first.tolist(), last.tolist(), offsets, strict=True)
        ]
        hit = [at >= start for at, start in zip(found, first.tolist(), strict=True)]
        rows = iter(
            self.rows(np.array([at for at, known in zip(found, hit, strict=True) if known], np.int64))
        )
        candidates = [next(rows) if known else None for known in hit]
        return [
            row if row is not None and offset < row.span.end else None
            for row, offset in zip(candidates, offsets, strict=True)
        ]


def _column(table: pa.Table, name: str) -> NDArray[Any]:
    column = table[name]
    # Of one piece, it is seen where it is; `ChunkedArray.to_numpy` copies.
    values: NDArray[Any] = column.chunk(0).to_numpy() if column.num_chunks == 1 else column.to_numpy()
    return values
