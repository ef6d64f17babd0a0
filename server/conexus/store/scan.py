"""Vectors that no structure covers, kept in memory from the first question on: of a folder that is small, or still being read.

LanceDB reads all of them from its files for each question and turns them into floats: 58 ms at 77,000 chunks, on cores
that the rest of the folder is read with.
"""

from __future__ import annotations

import threading
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from attrs import define, field, frozen

from conexus.store.overlay import admitted
from conexus.store.places import PLACE, Row, rows_of_table
from conexus.store.schema import vectors_of
from conexus.store.tables import CHUNKS, where_ids

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from conexus.store.tables import Tables

MOST_ROWS = 100_000
"""More are left to LanceDB: each takes a kilobyte here until rows are arranged."""


@frozen(eq=False)
class Block:
    """Rows that were read at once."""

    places: pa.Table
    file_ids: NDArray[np.int32]
    vectors: NDArray[np.float32]


@define(eq=False)
class Scan:
    """All rows on disk that somebody asked for since they were arranged. Safe to use from several threads."""

    _blocks: tuple[Block, ...] = field(init=False, default=())
    _held: NDArray[np.bool_] = field(init=False, factory=lambda: np.zeros(0, np.bool_))
    """By file id."""
    _reading: threading.Lock = field(init=False, factory=threading.Lock)

    @property
    def rows(self) -> int:
        """Return how many rows are kept."""
        return sum(len(block.file_ids) for block in self._blocks)

    def nearest(
        self,
        tables: Tables,
        vector: NDArray[np.float32],
        limit: int,
        mask: NDArray[np.bool_],
        path_of: Mapping[int, str],
    ) -> list[Row]:
        """Return the `limit` chunks nearest to `vector` of file ids that `mask` admits, best first, exactly.

        Rows that were not asked for before are read from `tables`.
        """
        blocks = self._blocks_of(tables, mask)
        if not blocks or limit <= 0:
            return []
        scores = np.concatenate([block.vectors @ vector for block in blocks])
        kept = np.flatnonzero(np.concatenate([admitted(block.file_ids, mask) for block in blocks]))
        if len(kept) > limit:
            kept = np.sort(kept[np.argpartition(-scores[kept], limit - 1)[:limit]])
        found: list[Row] = []
        first = 0
        for block in blocks:
            last = first + len(block.file_ids)
            here = kept[np.searchsorted(kept, first) : np.searchsorted(kept, last)]
            found += rows_of_table(block.places.take(pa.array(here - first)), path_of, scores[here])
            first = last
        return sorted(found, key=lambda row: -row.score)

    def put(self, rows: pa.Table) -> None:
        """Take the chunk rows of a commit, if anybody asked for those before: the next question need not read them."""
        file_ids = np.unique(rows["file_id"].to_numpy())
        with self._reading:
            # A question may have been quicker; then what else it lacks is read with the next one.
            if self._blocks and not admitted(file_ids, self._held).any():
                self._add(rows, file_ids)

    def _blocks_of(self, tables: Tables, mask: NDArray[np.bool_]) -> tuple[Block, ...]:
        with self._reading:
            known = np.zeros(len(mask), np.bool_)
            size = min(len(mask), len(self._held))
            known[:size] = self._held[:size]
            missing = np.flatnonzero(mask & ~known)
            if len(missing):
                self._add(tables.rows(CHUNKS, where_ids(missing), [*PLACE, "vector"]), missing)
            return self._blocks

    def _add(self, rows: pa.Table, file_ids: NDArray[np.integer[Any]]) -> None:
        vectors = _floats()[vectors_of(rows).view(np.uint16)]
        # A copy: what is seen in place would keep the words of these rows too.
        places = pa.concat_tables([rows.select(PLACE), rows.select(PLACE).slice(0, 0)]).combine_chunks()
        self._blocks = (*self._blocks, Block(places, rows["file_id"].to_numpy().copy(), vectors))
        held = np.zeros(max(len(self._held), int(file_ids.max()) + 1), np.bool_)
        held[: len(self._held)] = self._held
        held[file_ids] = True
        self._held = held


@cache
def _floats() -> NDArray[np.float32]:
    """Return every float16 as a float32, by its bits: looking them up takes a tenth of numpy's conversion."""
    return np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float32)
