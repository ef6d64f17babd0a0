"""Which chunks have a word, and how often: BM25 over mapped lists, a quarter of the time that LanceDB takes.

Asking LanceDB costs more than a millisecond however short the lists are. One file holds them for all settled rows. It
is written when rows are arranged, out of the one before and the words of new rows, and mapped: what a question does
not touch is not read. A row is a document, numbered in the order in which it came; it is known by its file id and
its place in the file, which never change, wherever LanceDB moves the row.

Documents are cut into blocks of 65,536. A list is cut where a block ends, so that two bytes tell a document, and counts
take half a byte: those of 15 and more, one in a hundred, stand apart.
"""

from __future__ import annotations

import contextlib
import os
import threading
from bisect import bisect_left
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from attrs import define, evolve, field, frozen

from conexus.store.memory import map_file
from conexus.store.overlay import K1, LONGEST_WORD, B
from conexus.store.parts import WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_SUFFIX = ".arrow"
BLOCK = 1 << 16
"""Documents that two bytes tell apart."""
_MANY = 15
"""A count that stands apart."""
ROWS_AT_ONCE = 1 << 13
"""What is needed to put the words of so many rows in order takes some 50 MB."""
# So many parts are merged at a time: each has all of its words, and merging many would list them all.
_PARTS_AT_ONCE = 8
_PIECE = 16_384
_LEAST = 1e-30  # more than nothing
_SAMPLE = 4_096
# Looking for a document in a list takes as long as going over so many of its entries.
_ENTRIES_A_SEARCH = 5
_MOST_GONE = 0.25
_LONGEST = 65_535


@frozen(eq=False)
class Ranked:
    """Documents, best first."""

    file_ids: NDArray[np.int32]
    ords: NDArray[np.int32]
    scores: NDArray[np.float32]


@frozen(eq=False)
class Lists:
    """Words and their documents. Arrays that begin with 0 say where each word's part begins, and the last one's ends."""

    words: pa.StringArray
    starts: NDArray[np.integer[Any]]
    """Of entries: [words + 1]."""
    low: NDArray[np.uint16]
    """Of each entry the number of its document in its block."""
    counts: NDArray[np.uint8]
    """How often that document has the word, 255 at most."""
    runs: NDArray[np.integer[Any]]
    """Of runs, which are entries in one block: [words + 1]."""
    blocks: NDArray[np.uint16]
    last: NDArray[np.uint16]
    """Entries of each run, less one."""


@frozen(eq=False)
class Documents:
    """By number."""

    file_ids: NDArray[np.int32]
    ords: NDArray[np.int32]
    lengths: NDArray[np.uint16]
    """In words, 65,535 at most."""


@define(eq=False)
class _Room:
    """Memory for one question at a time. Larger pieces are new pages each time, which takes longer than the work."""

    scores: NDArray[np.float32]
    """Of all documents; all of them 0 when a question begins."""
    documents: NDArray[np.intp] = field(init=False, factory=lambda: np.empty(_PIECE, np.intp))
    worth: NDArray[np.float32] = field(init=False, factory=lambda: np.empty(_PIECE, np.float32))
    counts: NDArray[np.float32] = field(init=False, factory=lambda: np.empty(_PIECE, np.float32))
    bytes: NDArray[np.uint8] = field(init=False, factory=lambda: np.empty(_PIECE + 2, np.uint8))

    def above(self, least: float) -> NDArray[np.intp]:
        """Return the documents that have `least` or more, in order of their numbers."""
        scores = self.scores
        found = [
            np.flatnonzero(scores[first : first + BLOCK] >= least) + first
            for first in range(0, len(scores), BLOCK)
        ]
        return np.concatenate([np.empty(0, np.intp), *found])


@define(eq=False)
class Postings:
    """The lists of one arrangement. Safe to use from several threads."""

    documents: Documents
    _words: pa.StringArray
    _starts: NDArray[np.uint32]
    _low: NDArray[np.uint16]
    _halves: NDArray[np.uint8]
    """Counts of two entries each, the first in the lower half."""
    _many_at: NDArray[np.uint32]
    """Entries whose counts stand apart."""
    _many: NDArray[np.uint8]
    _runs: NDArray[np.uint32]
    _blocks: NDArray[np.uint16]
    _last: NDArray[np.uint16]
    _norms: NDArray[np.float32] = field(init=False)
    _spare: list[_Room] = field(init=False, factory=list)
    _guard: threading.Lock = field(init=False, factory=threading.Lock)

    def __attrs_post_init__(self) -> None:
        lengths = self.documents.lengths
        # To the end of the last block, so that no number in a block leads out of the array.
        self._norms = np.ones(-(-len(lengths) // BLOCK) * BLOCK, np.float32)
        average = float(lengths.mean()) if len(lengths) else 1.0
        self._norms[: len(lengths)] = K1 * (1 - B + B * lengths / max(average, 1.0))

    def matching(self, words: Sequence[str], limit: int, mask: NDArray[np.bool_] | None = None) -> Ranked:
        """Return the `limit` documents of file ids that `mask` admits (all without one) with any of `words`, by BM25.

        Robertson/Sparck Jones weights: idf = ln(1 + (N - df + .5) / (df + .5)), with saturation K1 and B. Long lists
        are only looked into where no document that has nothing but their words can be among the best ("MaxScore",
        Turtle and Flood 1995).
        """
        found = sorted(self._weighted(words))
        with self._guard:
            room = self._spare.pop() if self._spare else _Room(np.zeros(len(self._norms), np.float32))
        # Not put back after an error: what its scores are is then not known.
        best = self._best(found, limit, room) if mask is None else self._admitted(found, limit, room, mask)
        values = room.scores[best]
        room.scores.fill(0)
        with self._guard:
            self._spare.append(room)
        return Ranked(self.documents.file_ids[best], self.documents.ords[best], values)

    def lists(self) -> Lists:
        """Return all there is, to be merged with more."""
        counts = self._counts(0, len(self._low), np.empty(len(self._low) + 2, np.uint8))
        return Lists(
            self._words, self._starts, self._low, counts, self._runs, self._blocks, self._last
        )  # fmt: skip

    def _weighted(self, words: Sequence[str]) -> Iterator[tuple[int, float, int]]:
        """Yield (documents that have it, its weight, its number) of each known word."""
        total = len(self.documents.lengths)
        for word in dict.fromkeys(words):
            number = bisect_left(range(len(self._words)), word, key=lambda at: self._words[at].as_py())
            if number < len(self._words) and self._words[number].as_py() == word:
                count = int(self._starts[number + 1]) - int(self._starts[number])
                idf = float(np.log1p((total - count + 0.5) / (count + 0.5)))
                yield count, idf * (K1 + 1), number

    def _admitted(
        self, found: Sequence[tuple[int, float, int]], limit: int, room: _Room, mask: NDArray[np.bool_]
    ) -> NDArray[np.intp]:
        """Return the best documents among those that `mask` admits, in order."""
        for _, weight, number in found:
            self._add(number, weight, room)
        wanted = np.zeros(1 + int(self.documents.file_ids.max(initial=0)), np.bool_)
        size = min(len(wanted), len(mask))
        wanted[:size] = mask[:size]
        for first in range(0, len(self.documents.file_ids), _PIECE):
            file_ids = self.documents.file_ids[first : first + _PIECE]
            room.scores[first : first + len(file_ids)] *= wanted[file_ids]
        sample = room.scores[:: 1 + len(room.scores) // BLOCK]
        enough = len(sample) >= limit
        least = float(np.partition(sample, len(sample) - limit)[len(sample) - limit]) if enough else 0.0
        return _largest(room.scores, room.above(max(least, _LEAST)), limit)

    def _best(self, found: Sequence[tuple[int, float, int]], limit: int, room: _Room) -> NDArray[np.intp]:
        """Return the best documents, in order; `found` begins with the rarest word."""
        left = sum(weight for _, weight, _ in found)
        least = 0.0  # `limit` documents have at least so much
        seen, sample = 0, np.empty(0, np.float32)
        candidates: NDArray[np.intp] | None = None
        for count, weight, number in found:
            # A document that has only what is left cannot come in any more; of the others there may be many.
            if candidates is None and least > left:
                may_be = seen * float(np.mean(sample >= least - left))
                if may_be * _ENTRIES_A_SEARCH < count:
                    candidates = room.above(least - left)
            left = max(0.0, left - weight)
            seen += count
            if candidates is not None and len(candidates) * _ENTRIES_A_SEARCH < count:
                self._look_up(number, weight, candidates, room.scores)
                candidates = _largest(room.scores, candidates, limit, left)
                continue
            sample = self._add(number, weight, room)
            if len(sample) >= limit:
                least = max(least, float(np.partition(sample, len(sample) - limit)[len(sample) - limit]))
        if candidates is None:
            candidates = room.above(max(least, _LEAST))
        return _largest(room.scores, candidates, limit)

    def _add(self, number: int, weight: float, room: _Room) -> NDArray[np.float32]:
        """Add what a word is worth to each of its documents; return what a sample of them has now."""
        sample = []
        step = 1 + (int(self._starts[number + 1]) - int(self._starts[number])) // _SAMPLE
        for base, added, first, end in self._pieces(number):
            size = end - first
            documents, worth, count = room.documents[:size], room.worth[:size], room.counts[:size]
            np.add(self._low[first:end], added, out=documents)
            # Nothing is out of range: arrays reach to the end of the last block. And numpy would copy to make sure.
            np.copyto(count, self._counts(first, end, room.bytes))
            np.take(self._norms[base:], documents, out=worth, mode="clip")
            worth += count
            np.divide(count, worth, out=worth)
            worth *= np.float32(weight)
            np.take(room.scores[base:], documents, out=count, mode="clip")
            worth += count
            room.scores[base:][documents] = worth
            sample.append(worth[::step].copy())
        return np.concatenate(sample)

    def _look_up(
        self, number: int, weight: float, candidates: NDArray[np.intp], scores: NDArray[np.float32]
    ) -> None:
        """Add what a word is worth to those of `candidates` (in order) that have it."""
        for base, added, first, end in self._pieces(number):
            there = self._low[first:end] + added
            bounds = (base + int(there[0]), base + int(there[-1]) + 1)
            inside = candidates[slice(*np.searchsorted(candidates, bounds).tolist())]
            wanted = (inside - base).astype(there.dtype)
            at = np.searchsorted(there, wanted)
            has = there[at] == wanted
            if has.any():
                found = inside[has]
                counts = self._counts_at(first + at[has]).astype(np.float32)
                scores[found] += counts / (counts + self._norms[found]) * np.float32(weight)

    def _pieces(self, number: int) -> Iterator[tuple[int, NDArray[np.int32] | int, int, int]]:
        """Yield a word's entries, as (what is to be added to all numbers, and to each; first entry, end)."""
        first, end = int(self._starts[number]), int(self._starts[number + 1])
        if end - first <= _PIECE:
            yield 0, self._bases(number), first, end
            return
        runs = slice(int(self._runs[number]), int(self._runs[number + 1]))
        for block, last in zip(self._blocks[runs].tolist(), self._last[runs].tolist(), strict=True):
            for start in range(first, first + last + 1, _PIECE):
                yield block * BLOCK, 0, start, min(start + _PIECE, first + last + 1)
            first += last + 1

    def _bases(self, number: int) -> NDArray[np.int32]:
        """Return for each entry of a word the number of the first document of its block."""
        runs = slice(int(self._runs[number]), int(self._runs[number + 1]))
        return np.repeat(self._blocks[runs].astype(np.int32) * BLOCK, self._last[runs].astype(np.int32) + 1)

    def _counts_at(self, entries: NDArray[np.intp]) -> NDArray[np.uint8]:
        counts: NDArray[np.uint8] = self._halves[entries >> 1] >> (4 * (entries & 1)).astype(np.uint8) & _MANY
        many = np.flatnonzero(counts == _MANY)
        at = np.searchsorted(self._many_at, entries[many].astype(self._many_at.dtype))
        counts[many] = self._many[at]
        return counts

    def _counts(self, first: int, end: int, room: NDArray[np.uint8]) -> NDArray[np.uint8]:
        halves = self._halves[first // 2 : (end + 1) // 2]
        counts = room[: 2 * len(halves)]
        np.bitwise_and(halves, _MANY, out=counts[::2])
        np.right_shift(halves, 4, out=counts[1::2])
        counts = counts[first % 2 :][: end - first]
        # Of the same type, or numpy would convert all of them first.
        bounds = np.array([first, end], self._many_at.dtype)
        many = slice(*np.searchsorted(self._many_at, bounds).tolist())
        counts[self._many_at[many] - first] = self._many[many]
        return counts


def name_of(revision: int) -> str:
    """Return what the file of all rows that were published until `revision` is called."""
    return f"{revision}{_SUFFIX}"


def find(directory: Path, name: str) -> Postings | None:
    """Return the lists of this name of the index in `directory`; None unless they are there and whole."""
    try:
        return _opened(directory / WORDS / name)
    except (OSError, ValueError, LookupError):  # Arrow's errors are of the first two kinds
        return None


def newest(directory: Path) -> Postings | None:
    """Return the lists that were written last; None if there are none."""
    paths = sorted((directory / WORDS).glob(f"*{_SUFFIX}"), key=lambda path: path.stat().st_mtime_ns)
    return find(directory, paths[-1].name) if paths else None


def is_there(directory: Path) -> bool:
    """Return whether any were written."""
    return any((directory / WORDS).glob(f"*{_SUFFIX}"))


def forget(directory: Path, but: str = "") -> None:
    """Delete all others than `but`; those that a system holds because they are in use stay."""
    for path in (directory / WORDS).glob("*"):
        if path.name != but:
            with contextlib.suppress(OSError):
                path.unlink()


def new_files(before: Postings | None, file_ids: NDArray[np.int32]) -> NDArray[np.integer[Any]] | None:
    """Return which of `file_ids`, those of all rows there are, lists have to be extended by; None if made anew.

    They are made anew when a quarter of their documents are gone: what is gone still counts in the weights of words.
    """
    if before is None or not len(file_ids):
        return None
    known = before.documents.file_ids
    size = 1 + int(max(file_ids.max(), known.max(initial=0)))
    here, had = np.zeros((2, size), np.bool_)
    here[file_ids], had[known] = True, True
    if np.count_nonzero(~here[known]) > _MOST_GONE * len(known):
        return None
    return np.flatnonzero(here & ~had)


def write(
    directory: Path,
    name: str,
    before: Postings | None,
    rows: Iterable[pa.RecordBatch],
    kept: Iterable[tuple[Lists, Documents]] = (),
) -> None:
    """Write lists of `before`, of what was kept, and of `rows` (file_id, ord, tokens); whole or not at all.

    `kept` are lists that begin with document 0. There is at least one row in all. Raises OSError.
    """
    lists = [before.lists()] if before else []
    documents = [before.documents] if before else []
    parts: list[Lists] = []
    for made, part in _all_listed(sum(len(part.file_ids) for part in documents), kept, rows):
        parts += made
        documents.append(part)
        if len(parts) >= _PARTS_AT_ONCE:
            lists.append(_merged(parts))
            parts = []
    lists += parts
    (directory / WORDS).mkdir(exist_ok=True)
    path = directory / WORDS / name
    new = path.with_name(f"{name}.{os.getpid()}")
    with new.open("wb") as file:
        table = _saved(_merged(lists), documents)
        with pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def listed(table: pa.Table, first: int) -> tuple[Lists, Documents]:
    """Return the lists of rows of one block, of which the first is document number `first`."""
    split = pc.split_pattern(table["tokens"].combine_chunks(), " ")
    split = split.chunk(0) if isinstance(split, pa.ChunkedArray) else split
    lengths = np.diff(split.offsets.to_numpy())
    rows = np.repeat(np.arange(first % BLOCK, first % BLOCK + len(lengths), dtype=np.uint16), lengths)
    coded = split.flatten().dictionary_encode()
    codes = coded.indices.to_numpy()
    size = pc.binary_length(coded.dictionary).to_numpy()
    kept = (size > 0) & (size <= LONGEST_WORD)
    if not kept.all():
        inside = kept[codes]
        codes, rows = codes[inside], rows[inside]
        lengths = np.bincount(rows - first % BLOCK, minlength=len(lengths))
    order = _order(codes)
    codes, rows = codes[order], rows[order]
    new = np.ones(len(codes), np.bool_)
    new[1:] = (codes[1:] != codes[:-1]) | (rows[1:] != rows[:-1])
    at = np.flatnonzero(new)
    sizes = np.bincount(codes[at], minlength=len(kept))
    used = np.flatnonzero(sizes)
    counts = np.minimum(np.diff(at, append=len(codes)), 255).astype(np.uint8)
    words = coded.dictionary.take(pa.array(used))
    lists = in_one_block(words, sizes[used], rows[at], counts, first // BLOCK)
    file_ids, ords = (table[name].to_numpy().astype(np.int32) for name in ("file_id", "ord"))
    return lists, Documents(file_ids, ords, np.minimum(lengths, _LONGEST).astype(np.uint16))


def in_one_block(
    words: pa.StringArray,
    sizes: NDArray[np.int64],
    low: NDArray[np.uint16],
    counts: NDArray[np.uint8],
    block: int,
) -> Lists:
    """Return lists of words that have so many entries each, all of them in one block."""
    return Lists(
        words,
        np.concatenate([[0], np.cumsum(sizes)]),
        low,
        counts,
        np.arange(len(words) + 1),
        np.full(len(words), block, np.uint16),
        (sizes - 1).astype(np.uint16),
    )


def as_row(columns: Mapping[str, pa.Array]) -> pa.Table:
    """Return a table of one row that holds these, of whatever lengths, as lists."""
    return pa.table(
        {
            name: pa.LargeListArray.from_arrays(pa.array([0, len(values)], pa.int64()), values)
            for name, values in columns.items()
        }
    )


def columns_of(path: Path) -> dict[str, pa.Array]:
    """Return what `as_row` made a table of, mapped from a file. Raises OSError, ValueError, LookupError."""
    table = pa.ipc.open_file(pa.py_buffer(map_file(path))).read_all()
    return {name: table[name].chunk(0).values for name in table.column_names}


def _opened(path: Path) -> Postings:
    values = columns_of(path)
    words = values.pop("words")
    column = {name: array.to_numpy() for name, array in values.items()}
    file_ids, ords, lengths = column["file_ids"], column["ords"], column["lengths"]
    starts, runs, blocks, low = column["starts"], column["runs"], column["blocks"], column["low"]
    whole = (
        len(starts) == len(runs) == len(words) + 1
        and len(file_ids) == len(ords) == len(lengths)
        and int(starts[-1]) == len(low) == int(column["last"].sum(dtype=np.int64)) + len(blocks)
        and int(runs[-1]) == len(blocks) == len(column["last"])
        and len(column["halves"]) == (len(low) + 1) // 2
        and int(blocks.max(initial=0)) * BLOCK <= len(file_ids)
    )
    if not whole:
        raise ValueError(f"{path} is not whole")
    return Postings(
        Documents(file_ids, ords, lengths), words, starts, low, column["halves"],
        column["many_at"], column["many"], runs, blocks, column["last"],
    )  # fmt: skip


def _largest(
    scores: NDArray[np.float32], documents: NDArray[np.intp], limit: int, left: float = 0.0
) -> NDArray[np.intp]:
    """Return the `limit` of `documents` with the largest scores, in order; all that may be, if there is something left.

    What is left can be added to any of them; then they stay in the order they are in.
    """
    values = scores[documents]
    if len(documents) > limit:
        least = np.partition(values, len(values) - limit)[len(values) - limit]
        kept = values >= least - left
        documents, values = documents[kept], values[kept]
    return documents if left else documents[np.lexsort((documents, -values))][:limit]


def _all_listed(
    first: int, kept: Iterable[tuple[Lists, Documents]], rows: Iterable[pa.RecordBatch]
) -> Iterator[tuple[list[Lists], Documents]]:
    """Yield lists and documents of `kept` and of `rows`, numbered one after the other from `first` on."""
    for lists, part in kept:
        yield _numbered_from(first, lists), part
        first += len(part.file_ids)
    for table in _blocks(rows, first):
        made, part = listed(table, first)
        yield [made], part
        first += table.num_rows


def _numbered_from(first: int, lists: Lists) -> list[Lists]:
    """Return lists that begin with document 0 as those that begin with `first`: in one block, or in two."""
    block, before = divmod(first, BLOCK)
    numbers = lists.low.astype(np.int32) + before
    inside = numbers < BLOCK
    if inside.all():
        here = np.full(len(lists.blocks), block, np.uint16)
        return [evolve(lists, low=numbers.astype(np.uint16), blocks=here)]
    return [_only(lists, inside, numbers, block), _only(lists, ~inside, numbers - BLOCK, block + 1)]


def _only(lists: Lists, inside: NDArray[np.bool_], numbers: NDArray[np.int32], block: int) -> Lists:
    """Return the entries that lie `inside` a block, by their numbers there."""
    sizes = np.add.reduceat(inside, lists.starts[:-1], dtype=np.int64)
    used = np.flatnonzero(sizes)
    return in_one_block(
        lists.words.take(pa.array(used)),
        sizes[used],
        numbers[inside].astype(np.uint16),
        lists.counts[inside],
        block,
    )


def _blocks(rows: Iterable[pa.RecordBatch], first: int) -> Iterator[pa.Table]:
    """Yield `rows` in pieces that lie in one block each, if the first row is document number `first`."""
    waiting: list[pa.RecordBatch] = []
    room = ROWS_AT_ONCE - first % ROWS_AT_ONCE
    for rest in rows:
        batch = rest
        while batch.num_rows >= room:
            yield pa.Table.from_batches([*waiting, batch.slice(0, room)])
            waiting, batch, room = [], batch.slice(room), ROWS_AT_ONCE
        if batch.num_rows:
            waiting.append(batch)
            room -= batch.num_rows
    if waiting:
        yield pa.Table.from_batches(waiting)


def _order(codes: NDArray[np.int32]) -> NDArray[np.intp]:
    """Return what sorts `codes`, equal ones as they are: sixteen bits at a time, which numpy does in a fifth of the time."""
    order = np.argsort(codes.astype(np.uint16), kind="stable")
    if codes.max(initial=0) >> 16:
        order = order[np.argsort((codes >> 16).astype(np.uint16)[order], kind="stable")]
    return order


def _merged(parts: Sequence[Lists]) -> Lists:
    """Return one for all; documents of each have larger numbers than those before."""
    words = pc.unique(pa.chunked_array([part.words for part in parts], pa.string()))
    words = words.take(pc.sort_indices(words))
    numbers = [pc.index_in(part.words, words).to_numpy() for part in parts]
    number = np.concatenate(numbers)
    order = np.argsort(number, kind="stable")  # and of each word in the order of parts
    starts = np.concatenate([part.starts[:-1] for part in parts]).astype(np.int64)
    ends = np.concatenate([part.starts[1:] for part in parts]).astype(np.int64)
    whose = np.repeat(np.arange(len(parts)), [len(part.words) for part in parts])
    pieces = list(zip(whose[order].tolist(), starts[order].tolist(), ends[order].tolist(), strict=True))
    of_run = np.concatenate(
        [np.repeat(at, np.diff(part.runs)) for at, part in zip(numbers, parts, strict=True)]
    )
    order = np.argsort(of_run, kind="stable")
    of_run = of_run[order]
    blocks = np.concatenate([part.blocks for part in parts])[order]
    sizes = np.concatenate([part.last for part in parts])[order].astype(np.int64) + 1
    # Parts may share a block: what they have of a word there is one run.
    new = np.flatnonzero(
        (np.diff(of_run, prepend=-1) != 0) | (np.diff(blocks.astype(np.int32), prepend=-1) != 0)
    )
    sizes = np.add.reduceat(sizes, new) if len(new) else sizes
    every = np.bincount(number, weights=ends - starts, minlength=len(words)).astype(np.int64)
    return Lists(
        words,
        np.concatenate([[0], np.cumsum(every)]),
        _joined([part.low for part in parts], pieces),
        _joined([part.counts for part in parts], pieces),
        np.searchsorted(of_run[new], np.arange(len(words) + 1)),
        blocks[new],
        (sizes - 1).astype(np.uint16),
    )


def _joined(arrays: Sequence[NDArray[Any]], pieces: Sequence[tuple[int, int, int]]) -> NDArray[Any]:
    return np.concatenate([arrays[0][:0], *(arrays[part][start:end] for part, start, end in pieces)])


def _saved(lists: Lists, documents: Sequence[Documents]) -> pa.Table:
    many = np.flatnonzero(lists.counts >= _MANY)
    small = np.minimum(lists.counts, _MANY)
    halves = small[::2].copy()
    halves[: len(small) // 2] |= small[1::2] << 4
    columns = {
        "starts": lists.starts.astype(np.uint32),
        "runs": lists.runs.astype(np.uint32),
        "blocks": lists.blocks,
        "last": lists.last,
        "low": lists.low,
        "halves": halves,
        "many_at": many.astype(np.uint32),
        "many": lists.counts[many],
        "file_ids": np.concatenate([part.file_ids for part in documents]),
        "ords": np.concatenate([part.ords for part in documents]),
        "lengths": np.concatenate([part.lengths for part in documents]),
    }
    return as_row({"words": lists.words, **{name: pa.array(values) for name, values in columns.items()}})
