"""All visible symbols of a snapshot, as columns."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from attrs import frozen

from conexus.domain import Span
from conexus.store.lexicon import Lexicon
from conexus.store.overlay import admitted

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

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


def arranged_symbols(rows: pa.Table) -> pa.Table:
    """Return symbol rows by file id and place."""
    order = pc.sort_indices(rows, sort_keys=[("file_id", "ascending"), ("start", "ascending")])
    # Few kinds and containers name many symbols: as dictionaries they take a third of the memory.
    for repeated in ("kind", "container"):
        position = rows.schema.get_field_index(repeated)
        rows = rows.set_column(position, repeated, rows[repeated].combine_chunks().dictionary_encode())
    return rows.take(order).combine_chunks()


class SymbolTable:
    """Symbols by number, 0 to `len(table) - 1`, sorted by file id and place; names by lower-case spelling.

    A million symbols take some 60 MB: columns stay in Arrow, and `SymbolEntry`s are made for hits only.
    """

    def __init__(self, arranged: pa.Table, path_of: Mapping[int, str], names: pa.Table | None = None) -> None:
        """Take what `arranged_symbols` returned, or both of what `saved` did."""
        self._rows = arranged
        self._path_of = path_of
        if names is not None:
            self._grouped = _read_groups(arranged, names)

    @classmethod
    def of(cls, rows: pa.Table, path_of: Mapping[int, str]) -> SymbolTable:
        """Return a table of symbol rows (schema of `symbols.lance`) in any order."""
        return cls(arranged_symbols(rows), path_of)

    def saved(self) -> tuple[pa.Table, pa.Table]:
        """Return symbols and names as tables from which it can be made again without sorting anything."""
        names, order, starts = self._grouped
        return self._rows.append_column(_ORDER, pa.array(order)), _written_groups(names, starts)

    def __len__(self) -> int:
        return int(self._rows.num_rows)

    @cached_property
    def file_ids(self) -> NDArray[np.int32]:
        """The file id of every symbol, int32[n], to filter by."""
        return self._column("file_id")

    def between(self, file_id: int, start: int, end: int) -> range:
        """Return the numbers of the symbols of a file that begin in this half-open byte range."""
        if not len(self):
            return range(0)
        # Numbers of the column's own type: for any other, NumPy converts the column first.
        first, last = np.searchsorted(self.file_ids, np.array([file_id, file_id + 1], np.int32)).tolist()
        begin, stop = np.searchsorted(self._starts[first:last], np.array([start, end], np.int32)).tolist()
        return range(first + begin, first + stop)

    @property
    def names(self) -> Lexicon:
        """The distinct lower-case names."""
        return self._grouped[0]

    def named(self, name: str) -> NDArray[np.int32]:
        """Return the numbers of all symbols whose lower-case name is `name`."""
        position = self.names.find(name)
        return _NONE if position is None else self.of_name(position)

    def of_name(self, position: int) -> NDArray[np.int32]:
        """Return the numbers of all symbols called `names[position]`, whatever their case."""
        _, order, starts = self._grouped
        return order[starts[position] : starts[position + 1]]

    def of_names(
        self, positions: NDArray[np.int64], places: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the numbers of all symbols of the names at `positions`, and what `places` has for its name."""
        _, order, starts = self._grouped
        begin = starts[positions].astype(np.int64)
        counts = starts[positions + 1] - begin
        # Where each group begins in `order`, less where it begins in the result, and then one by one.
        inside = np.repeat(begin - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
        return order[inside].astype(np.int64), np.repeat(places, counts)

    def spellings(self, numbers: NDArray[np.integer[Any]]) -> tuple[list[str], list[str]]:
        """Return names and containers of these symbols: all that a name is matched with."""
        if not len(numbers):
            return [], []
        return self._names(numbers), self._repeated("container", numbers)

    def matched(
        self, numbers: NDArray[np.integer[Any]], name: str, container: str
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which of these symbols have a container that ends so, whatever its case, and which are spelled `name`."""
        if not len(numbers):
            return np.zeros(0, np.bool_), np.zeros(0, np.bool_)
        taken = pa.array(numbers)
        containers = self._rows["container"].chunk(0).take(taken)
        ends = pc.ends_with(containers.dictionary_decode(), container, ignore_case=True)
        spelled = pc.equal(self._rows["name"].chunk(0).take(taken), name)
        return ends.to_numpy(zero_copy_only=False), spelled.to_numpy(zero_copy_only=False)

    def paths(self, file_ids: NDArray[np.integer[Any]]) -> list[str]:
        """Return the path of each of these files."""
        return [self._path_of[number] for number in file_ids.tolist()]

    def entries(self, numbers: Sequence[int] | NDArray[np.int64]) -> list[SymbolEntry]:
        """Return the symbols of these numbers, in the order given."""
        if not len(numbers):
            return []
        wanted = np.asarray(numbers, np.int64)
        names = self._names(wanted)
        kinds, containers = self._repeated("kind", wanted), self._repeated("container", wanted)
        places = [column[wanted].tolist() for column in self._places]
        return [
            SymbolEntry(name, kind, container, file_id, self._path_of[file_id], line, Span(*span))
            for name, kind, container, file_id, line, *span in zip(
                names, kinds, containers, *places, strict=True
            )
        ]

    def of_file(self, file_id: int) -> list[SymbolEntry]:
        """Return the symbols of one file in order."""
        start, end = np.searchsorted(self.file_ids, np.array([file_id, file_id + 1], np.int32))
        return self.entries(np.arange(start, end))

    def _names(self, numbers: NDArray[np.integer[Any]]) -> list[str]:
        return _strings(self._rows["name"].chunk(0).take(pa.array(numbers)))

    def _repeated(self, name: str, numbers: NDArray[np.integer[Any]]) -> list[str]:
        """Return what these symbols have in a column that is a dictionary."""
        column = self._rows[name].chunk(0)
        return _strings(column.dictionary.take(pa.array(column.indices.to_numpy()[numbers])))

    @cached_property
    def _places(self) -> list[NDArray[np.int32]]:
        return [self._column(name) for name in _PLACE_COLUMNS]

    @cached_property
    def _starts(self) -> NDArray[np.int32]:
        return self._column("start")

    def _column(self, name: str) -> NDArray[np.int32]:
        if not len(self):
            return np.empty(0, np.int32)
        # Of one piece, so it is seen where it is; `ChunkedArray.to_numpy` copies.
        column: NDArray[np.int32] = self._rows[name].chunk(0).to_numpy()
        return column

    @cached_property
    def _grouped(self) -> _Groups:
        """The names, symbol numbers grouped by name, and where each group starts."""
        if not len(self):
            return Lexicon.of([]), _NONE, np.zeros(1, np.int32)
        encoded = pc.utf8_lower(self._rows["name"]).combine_chunks().dictionary_encode()
        encoded = encoded.chunk(0) if isinstance(encoded, pa.ChunkedArray) else encoded
        # Arrow sorts by bytes of UTF-8, which is the order of characters.
        by_name = pc.sort_indices(encoded.dictionary)
        rank = np.empty(len(by_name), np.int32)
        rank[by_name.to_numpy()] = np.arange(len(by_name), dtype=np.int32)
        ranks = rank[encoded.indices.to_numpy()]
        order = np.argsort(ranks, kind="stable").astype(np.int32)
        starts = np.concatenate([[0], np.cumsum(np.bincount(ranks, minlength=len(by_name)))]).astype(np.int32)
        return _lexicon(encoded.dictionary.take(by_name)), order, starts


class VisibleSymbols:
    """The symbols of a snapshot: those of settled rows, read once, under those of rows in memory.

    Numbers run over both; those of settled symbols that are hidden by now are never given. So do positions
    of names: a name may stand in both parts, and may have no visible symbol.
    """

    def __init__(self, settled: SymbolTable, recent: SymbolTable, on_disk: NDArray[np.bool_]) -> None:
        """Take tables, and which file ids of `settled` are still visible (bool, by file id)."""
        self._settled = settled
        self._recent = recent
        self._on_disk = on_disk

    def __len__(self) -> int:
        return int(np.count_nonzero(self._visible(self._settled.file_ids))) + len(self._recent)

    def file_ids(self, numbers: Sequence[int] | NDArray[np.integer[Any]]) -> NDArray[np.int32]:
        """Return the file ids of these symbols, int32[n]."""
        wanted = np.asarray(numbers, np.int64)
        border = len(self._settled)
        ids = np.empty(len(wanted), np.int32)
        settled = wanted < border
        ids[settled] = self._settled.file_ids[wanted[settled]]
        ids[~settled] = self._recent.file_ids[wanted[~settled] - border]
        return ids

    def name(self, position: int) -> str:
        """Return the lower-case name at `position`."""
        border = len(self._settled.names)
        return self._settled.names[position] if position < border else self._recent.names[position - border]

    def lengths(self, positions: Sequence[int]) -> list[int]:
        """Return how many characters the names at `positions` have."""
        border = len(self._settled.names)
        lengths, recent = self._settled.names.shapes[0], self._recent.names.shapes[0]
        return [int(lengths[at] if at < border else recent[at - border]) for at in positions]

    def beginning_with(self, beginning: str, most: int) -> Iterator[int]:
        """Yield positions of at most twice `most` names that begin so (lower case)."""
        return self._positions(lambda names: names.beginning_with(beginning, most))

    def containing(self, part: str, most: int) -> Iterator[int]:
        """Yield positions of at most twice `most` names that `part` (lower case) is in."""
        return self._positions(lambda names: names.containing(part, most))

    def matching(self, pattern: re.Pattern[str], beginning: str) -> Iterator[int]:
        """Yield positions of names that begin so and in which `pattern` is found; see `Lexicon.matching`."""
        return self._positions(lambda names: names.matching(pattern, beginning))

    def like(self, name: str, least: float) -> Iterator[int]:
        """Yield positions of all names as similar to `name` as `least`, and of others; see `Lexicon.like`."""
        return self._positions(lambda names: names.like(name, least).tolist())

    def named(self, name: str) -> NDArray[np.int32]:
        """Return the numbers of all symbols whose lower-case name is `name`."""
        settled, recent = self._seen(self._settled.named(name)), self._recent.named(name)
        return np.concatenate([settled, recent + len(self._settled)]) if len(recent) else settled

    def of_name(self, position: int) -> NDArray[np.int32]:
        """Return the numbers of all symbols of the name at `position`, whatever their case."""
        border = len(self._settled.names)
        if position < border:
            return self._seen(self._settled.of_name(position))
        return self._recent.of_name(position - border) + len(self._settled)

    def of_names(self, positions: Sequence[int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the numbers of all symbols of the names at `positions`, in their order.

        Beside each, int64[n], is the place in `positions` of its name.
        """
        wanted = np.asarray(positions, np.int64)
        places = np.arange(len(wanted))
        border = len(self._settled.names)
        settled = wanted < border
        numbers, whose = self._settled.of_names(wanted[settled], places[settled])
        seen = self._visible(self._settled.file_ids[numbers])
        more, recent = self._recent.of_names(wanted[~settled] - border, places[~settled])
        numbers = np.concatenate([numbers[seen], more + len(self._settled)])
        whose = np.concatenate([whose[seen], recent])
        order = np.argsort(whose, kind="stable")
        return numbers[order], whose[order]

    def spellings(self, numbers: NDArray[np.integer[Any]]) -> tuple[list[str], list[str]]:
        """Return names and containers of these symbols, given in order of their numbers."""
        border = len(self._settled)
        names, containers = self._settled.spellings(numbers[numbers < border])
        if numbers.max(initial=-1) < border:
            return names, containers
        more = self._recent.spellings(numbers[numbers >= border] - border)
        return names + more[0], containers + more[1]

    def matched(
        self, numbers: NDArray[np.integer[Any]], name: str, container: str
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return the same as `SymbolTable.matched`, of symbols given in order of their numbers."""
        border = len(self._settled)
        settled = self._settled.matched(numbers[numbers < border], name, container)
        recent = self._recent.matched(numbers[numbers >= border] - border, name, container)
        return np.concatenate([settled[0], recent[0]]), np.concatenate([settled[1], recent[1]])

    def paths(self, numbers: NDArray[np.integer[Any]]) -> list[str]:
        """Return the path of the file of each of these symbols."""
        return self._settled.paths(self.file_ids(numbers))

    def entries(self, numbers: Sequence[int] | NDArray[np.integer[Any]]) -> list[SymbolEntry]:
        """Return the symbols of these numbers, in the order given."""
        wanted = np.asarray(numbers, np.int64)
        border = len(self._settled)
        settled = iter(self._settled.entries(wanted[wanted < border]))
        recent = iter(self._recent.entries(wanted[wanted >= border] - border))
        return [next(settled if number < border else recent) for number in wanted.tolist()]

    def within(self, places: Sequence[tuple[int, Span]]) -> list[list[SymbolEntry]]:
        """Return for each (file id, span) of visible files the symbols that begin in it, in order."""
        border = len(self._settled)
        numbers = []
        for file_id, span in places:
            recent = self._recent.between(file_id, span.start, span.end)
            settled = () if recent else self._settled.between(file_id, span.start, span.end)
            numbers.append([number + border for number in recent] or list(settled))
        entries = iter(self.entries([number for group in numbers for number in group]))
        return [[next(entries) for _ in group] for group in numbers]

    def of_file(self, file_id: int) -> list[SymbolEntry]:
        """Return the symbols of one file in order."""
        return self._recent.of_file(file_id) or self._settled.of_file(file_id)

    def _positions(self, find: Callable[[Lexicon], Iterable[int]]) -> Iterator[int]:
        yield from find(self._settled.names)
        border = len(self._settled.names)
        for position in find(self._recent.names):
            yield position + border

    def _seen(self, numbers: NDArray[np.int32]) -> NDArray[np.int32]:
        return numbers[self._visible(self._settled.file_ids[numbers])] if len(numbers) else numbers

    def _visible(self, file_ids: NDArray[np.int32]) -> NDArray[np.bool_]:
        return admitted(file_ids, self._on_disk)


def _strings(column: pa.StringArray) -> list[str]:
    # By way of numpy, as `to_pylist` makes a scalar of each first.
    strings: list[str] = column.to_numpy(zero_copy_only=False).tolist()
    return strings


def _lexicon(sorted_names: pa.StringArray) -> Lexicon:
    # One byte for one byte: the order of bytes and their number stay.
    names = pc.replace_substring(sorted_names, "\n", " ")
    whole = pa.ListArray.from_arrays(pa.array([0, len(names)], pa.int32()), names)
    text = pc.binary_join(whole, "\n")[0].as_buffer().to_pybytes() + b"\n"
    return Lexicon.of_lines(text, pc.binary_length(names).to_numpy())


def _written_groups(names: Lexicon, starts: NDArray[np.int32]) -> pa.Table:
    text, begins = names.lines
    lines = pa.Array.from_buffers(pa.binary(), len(names), [None, pa.py_buffer(begins), pa.py_buffer(text)])
    lengths, counts = names.shapes
    return pa.table({"line": lines, "start": starts[:-1], "length": lengths, "counts": counts})


def _read_groups(rows: pa.Table, names: pa.Table) -> _Groups:
    if not names.num_rows:
        return Lexicon.of([]), _NONE, np.zeros(1, np.int32)
    lines, *numbers = (names[name].chunk(0) for name in ("line", "start", "length", "counts"))
    start, length, counts = (column.to_numpy() for column in numbers)
    _, begins, text = lines.buffers()
    # The text is searched by methods of `bytes`; all else stays where it is mapped.
    lexicon = Lexicon(text.to_pybytes(), np.frombuffer(begins, np.int32)[: len(lines) + 1], (length, counts))
    starts = np.append(start, np.int32(rows.num_rows))
    return lexicon, rows[_ORDER].chunk(0).to_numpy(), starts


_Groups = tuple[Lexicon, "NDArray[np.int32]", "NDArray[np.int32]"]
_ORDER = "by_name"
"""The column of symbol numbers, grouped by name: of no row in particular."""


_NONE = np.empty(0, np.int32)
_PLACE_COLUMNS = ("file_id", "line", "start", "end", "start_line", "end_line")
