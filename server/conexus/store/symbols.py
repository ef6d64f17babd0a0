"""All visible symbols of a snapshot, as columns."""

from __future__ import annotations

import bisect
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from attrs import frozen

from conexus.domain import Span
from conexus.store.overlay import admitted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray


@frozen
class SymbolEntry:
    """One definition somewhere in the folder."""

    name: str
    kind: str
    container: str
    file_id: int
    path: str
    line: int
    """The 1-based line on which the name stands."""
    span: Span


class SymbolTable:
    """Symbols by number, 0 to `len(table) - 1`, sorted by file id and place; names by lower-case spelling.

    A million symbols take some 60 MB: columns stay in Arrow, and `SymbolEntry`s are made for hits only.
    """

    def __init__(self, rows: pa.Table, path_of: Mapping[int, str]) -> None:
        """Take symbol rows (schema of `symbols.lance`)."""
        order = pc.sort_indices(rows, sort_keys=[("file_id", "ascending"), ("start", "ascending")])
        # Few kinds and containers name many symbols: as dictionaries they take a third of the memory.
        for repeated in ("kind", "container"):
            position = rows.schema.get_field_index(repeated)
            rows = rows.set_column(position, repeated, rows[repeated].combine_chunks().dictionary_encode())
        self._rows = rows.take(order).combine_chunks()
        self._path_of = path_of

    def __len__(self) -> int:
        return int(self._rows.num_rows)

    @cached_property
    def file_ids(self) -> NDArray[np.int32]:
        """The file id of every symbol, int32[n], to filter by."""
        return self._column("file_id")

    def between(self, file_id: int, start: int, end: int) -> range:
        """Return the numbers of the symbols of a file that begin in this half-open byte range."""
        first, last = np.searchsorted(self.file_ids, [file_id, file_id + 1]).tolist()
        begin, stop = np.searchsorted(self._starts[first:last], [start, end]).tolist()
        return range(first + begin, first + stop)

    @cached_property
    def names(self) -> list[str]:
        """The distinct lower-case names, sorted: what a fuzzy matcher runs over."""
        return self._grouped[0]

    def named(self, name: str) -> NDArray[np.int64]:
        """Return the numbers of all symbols whose lower-case name is `name`."""
        position = bisect.bisect_left(self.names, name)
        if position >= len(self.names) or self.names[position] != name:
            return np.empty(0, np.int64)
        return self.of_name(position)

    def of_name(self, position: int) -> NDArray[np.int64]:
        """Return the numbers of all symbols called `names[position]`, whatever their case."""
        _, order, starts = self._grouped
        return order[starts[position] : starts[position + 1]]

    def entries(self, numbers: Sequence[int] | NDArray[np.int64]) -> list[SymbolEntry]:
        """Return the symbols of these numbers, in the order given."""
        rows = self._rows.take(pa.array(np.asarray(numbers, np.int64))).to_pydict()
        return [
            SymbolEntry(name, kind, container, file_id, self._path_of[file_id], line, Span(*span))
            for name, kind, container, file_id, line, *span in zip(
                *(rows[column] for column in _ENTRY_COLUMNS), strict=True
            )
        ]

    def of_file(self, file_id: int) -> list[SymbolEntry]:
        """Return the symbols of one file in order."""
        start, end = np.searchsorted(self.file_ids, [file_id, file_id + 1])
        return self.entries(np.arange(start, end))

    @cached_property
    def _starts(self) -> NDArray[np.int32]:
        return self._column("start")

    def _column(self, name: str) -> NDArray[np.int32]:
        if not len(self):
            return np.empty(0, np.int32)
        column: NDArray[np.int32] = self._rows[name].to_numpy()
        return column

    @cached_property
    def _grouped(self) -> tuple[list[str], NDArray[np.int64], NDArray[np.int64]]:
        """The names in order, symbol numbers grouped by name, and where each group starts."""
        if not len(self):
            return [], np.empty(0, np.int64), np.zeros(1, np.int64)
        encoded = pc.utf8_lower(self._rows["name"]).combine_chunks().dictionary_encode()
        encoded = encoded.chunk(0) if isinstance(encoded, pa.ChunkedArray) else encoded
        names = encoded.dictionary.to_pylist()
        by_name = sorted(range(len(names)), key=names.__getitem__)
        rank = np.empty(len(names), np.int64)
        rank[by_name] = np.arange(len(names))
        ranks = rank[encoded.indices.to_numpy()]
        order = np.argsort(ranks, kind="stable")
        starts = np.searchsorted(ranks[order], np.arange(len(names) + 1))
        return [names[number] for number in by_name], order, starts


class VisibleSymbols:
    """The symbols of a snapshot: those of settled rows, read once, under those of rows in memory.

    Numbers run over both; those of settled symbols that are hidden by now are never given.
    """

    def __init__(self, settled: SymbolTable, recent: SymbolTable, on_disk: NDArray[np.bool_]) -> None:
        """Take tables, and which file ids of `settled` are still visible (bool, by file id)."""
        self._settled = settled
        self._recent = recent
        self._on_disk = on_disk

    def __len__(self) -> int:
        return len(self.numbers())

    def numbers(self) -> NDArray[np.int64]:
        """Return the numbers of all visible symbols, int64[len(self)]."""
        settled = np.flatnonzero(self._visible(self._settled.file_ids))
        return np.concatenate([settled, np.arange(len(self._recent)) + len(self._settled)])

    @cached_property
    def file_ids(self) -> NDArray[np.int32]:
        """The file id of every symbol by number, int32, hidden ones included."""
        if not len(self._recent):
            return self._settled.file_ids
        return np.concatenate([self._settled.file_ids, self._recent.file_ids])

    @cached_property
    def names(self) -> list[str]:
        """The distinct lower-case names, sorted: what a fuzzy matcher runs over. Some may be all hidden."""
        known = self._settled.names
        new = [name for name in self._recent.names if not _contains(known, name)]
        if not new:
            return known
        names = known.copy()
        for name in new:
            bisect.insort(names, name)
        return names

    def containing(self, part: str, limit: int) -> list[int]:
        """Return positions in `names` of at most `limit` names that `part` (lower case) is in."""
        text, starts = self._text
        found: list[int] = []
        at = text.find(part)
        while at >= 0 and len(found) < limit:
            found.append(int(np.searchsorted(starts, at, side="right")) - 1)
            at = text.find(part, text.find("\n", at))
        return found

    def of_length(self, least: int, most: int) -> list[int]:
        """Return positions in `names` of names of `least` to `most` characters."""
        lengths = np.diff(self._text[1]) - 1
        return np.flatnonzero((lengths >= least) & (lengths <= most)).tolist()

    def named(self, name: str) -> NDArray[np.int64]:
        """Return the numbers of all symbols whose lower-case name is `name`."""
        settled = self._settled.named(name)
        settled = settled[self._visible(self._settled.file_ids[settled])]
        return np.concatenate([settled, self._recent.named(name) + len(self._settled)])

    def of_name(self, position: int) -> NDArray[np.int64]:
        """Return the numbers of all symbols called `names[position]`, whatever their case."""
        return self.named(self.names[position])

    def entries(self, numbers: Sequence[int] | NDArray[np.int64]) -> list[SymbolEntry]:
        """Return the symbols of these numbers, in the order given."""
        wanted = np.asarray(numbers, np.int64)
        border = len(self._settled)
        settled = iter(self._settled.entries(wanted[wanted < border]))
        recent = iter(self._recent.entries(wanted[wanted >= border] - border))
        return [next(settled if number < border else recent) for number in wanted.tolist()]

    @cached_property
    def _text(self) -> tuple[str, NDArray[np.int64]]:
        """All names, a line each, and where each line starts, and where one more would."""
        lengths = np.fromiter(map(len, self.names), np.int64, len(self.names)) + 1
        return "\n".join(self.names) + "\n", np.concatenate([[0], np.cumsum(lengths)])

    def within(self, places: Sequence[tuple[int, Span]]) -> list[list[SymbolEntry]]:
        """Return for each (file id, span) of visible files the symbols that begin in it, in order."""
        border = len(self._settled)
        numbers = []
        for file_id, span in places:
            recent = self._recent.between(file_id, span.start, span.end)
            settled = self._settled.between(file_id, span.start, span.end)
            numbers.append([number + border for number in recent] or list(settled))
        entries = iter(self.entries([number for group in numbers for number in group]))
        return [[next(entries) for _ in group] for group in numbers]

    def of_file(self, file_id: int) -> list[SymbolEntry]:
        """Return the symbols of one file in order."""
        return self._recent.of_file(file_id) or self._settled.of_file(file_id)

    def _visible(self, file_ids: NDArray[np.int32]) -> NDArray[np.bool_]:
        return admitted(file_ids, self._on_disk)


def _contains(names: list[str], name: str) -> bool:
    position = bisect.bisect_left(names, name)
    return position < len(names) and names[position] == name


_ENTRY_COLUMNS = (
    "name", "kind", "container", "file_id", "line", "start", "end", "start_line", "end_line",
)  # fmt: skip
