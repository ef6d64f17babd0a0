"""Rows in memory: open buffers, and commits that no index structure covers yet; searchable at once.

Rows are only ever appended, and a mask over file ids says which are visible, as it does on disk. So a view
taken before a change stays right after it, and hiding a file costs nothing.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from attrs import define, evolve, field, frozen

from conexus.store.schema import chunk_schema, decode, symbol_schema, vectors_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

K1 = 1.2
B = 0.75
"""BM25's constants as LanceDB has them, so that scores of both compare."""
LONGEST_WORD = 40  # bytes; LanceDB leaves longer words out of its full-text structure
_SLACK_ROWS = 256
_SLACK_WORDS = 4_096


def admitted(file_ids: NDArray[np.int32], mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return for each file id what `mask` says of it; ids beyond the mask are not admitted."""
    if not len(mask):
        return np.zeros(len(file_ids), np.bool_)
    inside = file_ids < len(mask)
    return inside & mask[np.where(inside, file_ids, 0)]


@frozen(eq=False)
class TermStatistics:
    """What BM25 needs to know about the whole index: int32[vocabulary] and the chunks it was counted over."""

    vocabulary: Mapping[str, int]
    frequencies: NDArray[np.int32]
    counted_chunks: int
    counted_words: int
    chunks: int
    """Visible chunks now."""

    def average_length(self, default: float) -> float:
        """Return the words of an average chunk, or `default` if nothing was counted."""
        return self.counted_words / self.counted_chunks if self.counted_chunks else default

    def frequency(self, word: str) -> int | None:
        """Return how many visible chunks have `word`, or None if it was not counted.

        Counts are never taken back when a file goes; they are scaled to the chunks there are.
        """
        number = self.vocabulary.get(word)
        if number is None or number >= len(self.frequencies) or not self.counted_chunks:
            return None
        return round(int(self.frequencies[number]) * self.chunks / self.counted_chunks)


@frozen(eq=False)
class OverlayView:
    """Rows of an overlay at one moment. Row numbers index every array."""

    table: pa.Table
    """Chunk rows without vectors and tokens."""
    file_ids: NDArray[np.int32]
    vectors: NDArray[np.float32]
    lengths: NDArray[np.int32]
    terms: NDArray[np.int32]
    """The words of all rows, end to end, as numbers of `known`."""
    term_rows: NDArray[np.int32]
    known: Mapping[str, int]

    def visible(self, live: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which rows belong to a file id that `live` admits."""
        return admitted(self.file_ids, live)

    def nearest(
        self, vector: NDArray[np.float32], limit: int, live: NDArray[np.bool_]
    ) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """Return row numbers and cosine similarities, best first."""
        rows = np.flatnonzero(self.visible(live))
        return _best(rows, (self.vectors @ vector)[rows], limit)

    def matching(
        self, words: Sequence[str], limit: int, live: NDArray[np.bool_], statistics: TermStatistics
    ) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """Return row numbers and BM25 scores of rows with any of `words`, best first.

        Robertson/Sparck Jones weights: idf = ln(1 + (N - df + .5) / (df + .5)), with saturation K1 and B.
        """
        visible = self.visible(live)
        average = statistics.average_length(float(self.lengths.mean()) if len(self.lengths) else 1.0)
        norms = K1 * (1 - B + B * self.lengths / max(average, 1.0))
        scores = np.zeros(len(self.file_ids), np.float64)
        for word in dict.fromkeys(words):
            number = self.known.get(word)
            if number is None:
                continue
            counts = np.bincount(self.term_rows[self.terms == number], minlength=len(scores))
            seen = int(np.count_nonzero(counts[visible]))
            scores += _idf(word, seen, statistics) * counts * (K1 + 1) / (counts + norms)
        rows = np.flatnonzero(visible & (scores > 0))
        return _best(rows, scores[rows], limit)


@define
class Overlay:
    """The growing side: `put` and `drop` files, take a `view`. Safe to use from several threads.

    `put` keeps the encoded rows as they are; they are taken apart when a view is first asked for, so a bulk
    load that nobody searches meanwhile pays nothing.
    """

    dimensions: int
    _fresh: list[pa.Table] = field(init=False, factory=list)
    _symbols: list[pa.Table] = field(init=False, factory=list)
    _gone: set[int] = field(init=False, factory=set)
    _view: OverlayView = field(init=False)
    _known: dict[str, int] = field(init=False, factory=dict)
    _guard: threading.Lock = field(init=False, factory=threading.Lock)

    def __attrs_post_init__(self) -> None:
        self._view = _empty_view(self.dimensions, self._known)

    def put(self, chunks: pa.Table | bytes, symbols: pa.Table | bytes) -> None:
        """Add the rows of one or more files, as tables or as the Arrow bytes a worker made."""
        chunks = decode(chunks) if isinstance(chunks, bytes) else chunks
        symbols = decode(symbols) if isinstance(symbols, bytes) else symbols
        with self._guard:
            self._fresh.append(chunks)
            self._symbols.append(symbols)

    def drop(self, file_ids: Sequence[int]) -> None:
        """Forget the rows of these files; views that are out keep them."""
        with self._guard:
            self._gone.update(file_ids)

    def clear(self) -> None:
        """Forget everything."""
        with self._guard:
            self._fresh, self._symbols, self._gone, self._known = [], [], set(), {}
            self._view = _empty_view(self.dimensions, self._known)

    def view(self) -> OverlayView:
        """Return all rows as they are now."""
        with self._guard:
            if self._fresh:
                self._view = _extended(self._view, self._fresh, self._known)
                self._fresh = []
            self._shrink()
            return self._view

    def symbols(self) -> pa.Table:
        """Return the symbol rows of everything ever put and not cleared; mask them by file id."""
        with self._guard:
            return pa.concat_tables([symbol_schema().empty_table(), *self._symbols])

    def _shrink(self) -> None:
        if not self._gone:
            return
        gone = np.fromiter(self._gone, np.int32)
        dead = np.isin(self._view.file_ids, gone)
        if (count := int(dead.sum())) < _SLACK_ROWS or count * 2 < len(dead):
            return
        self._view = _without(self._view, dead)
        if len(self._known) > 2 * len(self._view.terms) + _SLACK_WORDS:
            self._view, self._known = _renumbered(self._view)
        ids = pa.array(gone)
        symbols = pa.concat_tables(self._symbols)
        self._symbols = [symbols.filter(pc.invert(pc.is_in(symbols["file_id"], ids)))]
        self._gone = set()


def _idf(word: str, seen: int, statistics: TermStatistics) -> float:
    frequency = statistics.frequency(word)
    frequency = max(seen, 1) if frequency is None else max(frequency, 1)
    chunks = max(statistics.chunks, frequency)
    return float(np.log1p((chunks - frequency + 0.5) / (frequency + 0.5)))


def _best(
    rows: NDArray[np.intp], scores: NDArray[np.floating[Any]], limit: int
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    if len(rows) > limit:
        keep = np.argpartition(-scores, limit - 1)[:limit] if limit else np.empty(0, np.intp)
        rows, scores = rows[keep], scores[keep]
    order = np.lexsort((rows, -scores))
    return rows[order], scores[order].astype(np.float32)


def _empty_view(dimensions: int, known: Mapping[str, int]) -> OverlayView:
    none = np.empty(0, np.int32)
    table = _slim(chunk_schema(dimensions).empty_table())
    return OverlayView(table, none, np.empty((0, dimensions), np.float32), none, none, none, known)


def _slim(table: pa.Table) -> pa.Table:
    return table.drop_columns(["tokens", "vector"])


def _extended(view: OverlayView, fresh: Sequence[pa.Table], known: dict[str, int]) -> OverlayView:
    table = pa.concat_tables(fresh).combine_chunks()
    base = len(view.file_ids)
    terms, term_rows, lengths = _numbered(table["tokens"], known)
    vectors = vectors_of(table).astype(np.float32)
    return OverlayView(
        pa.concat_tables([view.table, _slim(table)]).combine_chunks(),
        np.concatenate([view.file_ids, table["file_id"].to_numpy()]),
        np.concatenate([view.vectors, vectors]) if len(vectors) else view.vectors,
        np.concatenate([view.lengths, lengths]),
        np.concatenate([view.terms, terms]),
        np.concatenate([view.term_rows, term_rows + base]),
        known,
    )


def _numbered(
    tokens: pa.ChunkedArray, known: dict[str, int]
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Return (word numbers end to end, the row of each, words per row), numbering new words in `known`."""
    lists = pc.split_pattern(tokens, " ").combine_chunks()
    lists = lists.chunk(0) if isinstance(lists, pa.ChunkedArray) else lists
    words = lists.flatten()
    rows = pc.list_parent_indices(lists).to_numpy().astype(np.int32)
    sizes = pc.binary_length(words)
    keep = pc.and_(pc.greater(sizes, 0), pc.less_equal(sizes, LONGEST_WORD))
    words, rows = words.filter(keep), rows[keep.to_numpy(zero_copy_only=False)]
    encoded = words.dictionary_encode()
    local = [known.setdefault(word, len(known)) for word in encoded.dictionary.to_pylist()]
    terms = np.array(local, np.int32)[encoded.indices.to_numpy()] if local else np.empty(0, np.int32)
    return terms, rows, np.bincount(rows, minlength=len(lists)).astype(np.int32)


def _without(view: OverlayView, dead: NDArray[np.bool_]) -> OverlayView:
    kept = np.flatnonzero(~dead)
    number = np.cumsum(~dead, dtype=np.int32) - 1
    of_kept = ~dead[view.term_rows]
    return evolve(
        view,
        table=view.table.take(pa.array(kept)).combine_chunks(),
        file_ids=view.file_ids[kept],
        vectors=view.vectors[kept],
        lengths=view.lengths[kept],
        terms=view.terms[of_kept],
        term_rows=number[view.term_rows[of_kept]],
    )


def _renumbered(view: OverlayView) -> tuple[OverlayView, dict[str, int]]:
    """Return `view` without words that none of its rows has, and the numbers of the others."""
    used, terms = np.unique(view.terms, return_inverse=True)
    words = list(view.known)  # in the order of their numbers
    known = {words[number]: position for position, number in enumerate(used.tolist())}
    return evolve(view, terms=terms.astype(np.int32), known=known), known
