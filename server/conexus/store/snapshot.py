"""An immutable view of an index at one revision: what queries run against."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pyarrow as pa
from attrs import define, field, frozen

from conexus.store import mapped
from conexus.store.memory import give_back_mapped
from conexus.store.overlay import admitted
from conexus.store.paths import PathTable
from conexus.store.places import PLACE, PlaceTable, Row, arranged_places, rows_of_table
from conexus.store.scan import MOST_ROWS, Scan
from conexus.store.schema import chunk_schema, symbol_schema
from conexus.store.symbols import SymbolTable, VisibleSymbols
from conexus.store.tables import ADDRESS, CHUNKS, SYMBOLS, Asked, Tables, where_ids

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from conexus.store.manifest import FileRecord
    from conexus.store.overlay import OverlayView, TermStatistics
    from conexus.store.postings import Postings, Ranked
    from conexus.store.settled import Settled

    _Fetched = tuple[pa.Table, NDArray[np.float32]]

_FEW_FILES = 64
"""At most this many admitted files are scanned exactly; more are found by overfetching."""
_MOST_WORDS = 8
"""Fewer would cost nDCG@10 on the repositories of `bench quality` (6: .003), more gain nothing."""
_PLACES = chunk_schema(1).append(pa.field(ADDRESS, pa.uint64()))
_MOST_FETCHED = 2_000
"""Overfetching stops here and an exact scan of the admitted files takes over."""


@frozen(eq=False)
class View:
    """The state of an index that a snapshot pins; every array is indexed by file id."""

    revision: int
    files: Mapping[str, FileRecord]
    path_of: Mapping[int, str]
    live: NDArray[np.bool_]
    """Which file ids are visible."""
    on_disk: NDArray[np.bool_]
    """Which of them are to be found in LanceDB; the other visible ones are in the overlay."""
    indexed_only: bool
    """Whether the index structures cover all of `on_disk`."""
    pending: int
    """Visible chunks that the index structures do not cover."""
    overlay: OverlayView
    overlay_symbols: Callable[[], pa.Table]
    statistics: TermStatistics
    settled: Settled
    arrangement: tuple[int, int]
    """Files published until this revision are in the index structures, and how often rows were moved."""
    hidden: Mapping[str, int]
    """Path to file id of open buffers, which hide the version in `files`."""
    saved: mapped.Mapped | None = None
    """Places and symbols of a huge index, if they are there to be mapped."""
    save: Callable[[], mapped.Mapped | None] = lambda: None
    """Has them written, which takes seconds; None where that cannot be done."""
    scan: Scan = field(factory=Scan)
    """Vectors that no structure finds, shared by an index's snapshots."""
    words: Postings | None = None
    """Of all files published until the arrangement, and of others that are gone."""


@define(eq=False)
class Snapshot:
    """What is visible at one revision. Safe to use from several threads; cheap to make.

    Commits after it do not change it. An `optimize` after it physically deletes versions that were
    superseded, so hits of those alone can go missing from an old snapshot; none becomes wrong.
    """

    view: View
    _tables: Callable[[], Tables | None]
    """Called for each query, so that handles may be reopened meanwhile; None if nothing was ever stored."""
    _symbols: VisibleSymbols | None = field(init=False, default=None)
    _guard: threading.Lock = field(init=False, factory=threading.Lock)

    @property
    def revision(self) -> int:
        """Return the number of the committed state this is a view of."""
        return self.view.revision

    @property
    def files(self) -> Mapping[str, FileRecord]:
        """Return the committed files; open buffers are not in it."""
        return self.view.files

    @property
    def waiting_chunks(self) -> int:
        """Return how many chunks of a bulk load still in progress cannot be found by their words yet."""
        tables = self._tables()
        if self.view.indexed_only or tables is None:
            return 0
        return self.view.pending if self.view.words or tables.has_words_structure else 0

    @property
    def live(self) -> NDArray[np.bool_]:
        """Return which file ids are visible, bool[highest id + 1]: the shape of an `allowed` mask."""
        return self.view.live

    def prepare(self) -> None:
        """Read what the first question would wait for."""
        if not self._is_slow:
            self.symbols()
            self._places()
        self.nearest(np.ones(self.view.overlay.vectors.shape[1], np.float32), 1)
        self.matching([next(iter(self.view.statistics.vocabulary), "the")], 1)

    def paths(self) -> dict[int, str]:
        """Return the path of every visible file id, open buffers included."""
        path_of = self.view.path_of
        return {int(number): path_of[int(number)] for number in np.flatnonzero(self.live)}

    def paths_with(self, parts: Sequence[str], most: int) -> list[tuple[str, int]]:
        """Return visible (path, file id) of at most `most` files whose path has all `parts` (lower case) in it."""

        def read() -> PathTable:
            # Those that an open buffer hides are in it too: the buffer may be closed.
            return PathTable([record.file_id for record in self.files.values()], self.view.path_of)

        settled = self.view.settled.get("paths", self._arrangement, read)
        recent = PathTable(np.flatnonzero(self._in_memory()).tolist(), self.view.path_of)
        found = dict.fromkeys([*recent.holding(parts, most), *settled.holding(parts, most)])
        return [(path, number) for path, number in found if self.live[number]][:most]

    def file_id(self, path: str) -> int | None:
        """Return the visible file id of `path`, an open buffer's if there is one."""
        if (number := self.view.hidden.get(path)) is not None:
            return number
        record = self.view.files.get(path)
        return record.file_id if record else None

    def nearest(
        self, vector: NDArray[np.float32], limit: int, allowed: NDArray[np.bool_] | None = None
    ) -> list[Row]:
        """Return the `limit` chunks nearest to `vector` (L2-normalised, float32[d]), best first.

        Scores are cosine similarities. `allowed` (bool, by file id) narrows the search.
        """
        return self.ask_nearest(vector, limit, allowed).result()

    def ask_nearest(
        self, vector: NDArray[np.float32], limit: int, allowed: NDArray[np.bool_] | None = None
    ) -> Asked[list[Row]]:
        """Begin to look for what `nearest` returns."""
        vector = np.ascontiguousarray(vector, np.float32)

        def fetch(tables: Tables, count: int, where: str, columns: Sequence[str]) -> Asked[_Fetched]:
            return tables.nearest(vector, count, columns, where=where, indexed_only=self.view.indexed_only)

        tables = self._tables()
        if tables is None or not self._is_scanned(tables):
            on_disk = self._search(fetch, limit, allowed)
        else:
            mask = self._mask(self.view.on_disk, allowed)
            scan, paths = self.view.scan, self.view.path_of
            on_disk = Asked.later(lambda: scan.nearest(tables, vector, limit, mask, paths))

        def result() -> list[Row]:
            rows, scores = self.view.overlay.nearest(vector, limit, self._mask(self._in_memory(), allowed))
            return _merged(on_disk.result(), self._overlay_rows(rows, scores), limit)

        return Asked(on_disk.answered, result)

    def matching(
        self, words: Sequence[str], limit: int, allowed: NDArray[np.bool_] | None = None
    ) -> list[Row]:
        """Return the `limit` chunks with any of `words`, best first by BM25.

        `words` are terms as `embedding.terms` makes them; repeated ones count once, and of many only the
        rarest: the others hardly move a score, but each costs a walk over its long list of chunks.
        """
        return self.ask_matching(words, limit, allowed).result()

    def ask_matching(
        self, words: Sequence[str], limit: int, allowed: NDArray[np.bool_] | None = None
    ) -> Asked[list[Row]]:
        """Begin to look for what `matching` returns."""
        distinct = self._rarest(list(dict.fromkeys(words)))
        if not distinct:
            return Asked.later(list)

        def fetch(tables: Tables, count: int, where: str, columns: Sequence[str]) -> Asked[_Fetched]:
            return tables.matching(distinct, count, columns, where=where)

        if (postings := self.view.words) is not None:
            on_disk = Asked.later(lambda: self._listed(postings, distinct, limit, allowed))
        else:
            on_disk = self._search(fetch, limit, allowed)

        def result() -> list[Row]:
            mask = self._mask(self._in_memory(), allowed)
            rows, scores = self.view.overlay.matching(distinct, limit, mask, self.view.statistics)
            return _merged(on_disk.result(), self._overlay_rows(rows, scores), limit)

        return Asked(on_disk.answered, result)

    @property
    def is_quick(self) -> bool:
        """Return whether nothing but LanceDB has to be waited for: where chunks stand was read, and no vector must be."""
        tables = self._tables()
        is_scanned = tables is not None and self._is_scanned(tables)
        return not is_scanned and self.view.settled.is_current("places", self._arrangement)

    def _is_scanned(self, tables: Tables) -> bool:
        return not tables.has_vector_structure and self.view.statistics.chunks <= MOST_ROWS

    def _rarest(self, words: list[str]) -> list[str]:
        if len(words) <= _MOST_WORDS:
            return words
        spread = self.view.statistics.frequency
        return sorted(words, key=lambda word: spread(word) or 0)[:_MOST_WORDS]

    def rows_of(self, file_ids: Iterable[int]) -> list[Row]:
        """Return all chunks of these visible files, by file id and position."""
        wanted = np.zeros(len(self.live), np.bool_)
        wanted[[number for number in file_ids if 0 <= number < len(wanted)]] = True
        rows = self._overlay_rows(np.flatnonzero(self.view.overlay.visible(self._in_memory() & wanted)))
        ids = np.flatnonzero(self.view.on_disk & wanted)
        if len(ids):
            rows += self._places().of_files(ids)
        return sorted(rows, key=lambda row: (row.file_id, row.ord))

    def covering(self, places: Sequence[tuple[int, int]]) -> list[Row | None]:
        """Return for each (file id, byte offset) the chunk that covers it, None where there is none."""
        known, on_disk = len(self.live), self.view.on_disk
        settled = [place for place in places if 0 <= place[0] < known and on_disk[place[0]]]
        found: dict[tuple[int, int], Row | None] = {}
        if settled:
            numbers, offsets = zip(*settled, strict=True)
            found = dict(zip(settled, self._places().covering(numbers, offsets), strict=True))
        recent = [place for place in places if place not in found]
        by_file: dict[int, list[Row]] = {}
        for row in self.rows_of({number for number, _ in recent}) if recent else ():
            by_file.setdefault(row.file_id, []).append(row)
        found |= {place: _covering(by_file.get(place[0], []), place[1]) for place in recent}
        return [found[place] for place in places]

    def symbols(self) -> VisibleSymbols:
        """Return all visible symbols, open buffers included; loaded on first use and kept."""
        with self._guard:
            if self._symbols is None:
                self._symbols = self._visible(
                    self.view.settled.get("symbols", self._arrangement, self._read_symbols)
                )
            return self._symbols

    def symbols_now(self) -> VisibleSymbols:
        """Return all visible symbols if they can be had at once, as in all but huge or growing indexes.

        Else those read before rows were last arranged, or only those in memory: see `has_symbols`.
        """
        if not self._is_slow:
            return self.symbols()
        known = self.view.settled.get_now("symbols", self._arrangement, self._read_symbols)
        return self._visible(known or SymbolTable.of(symbol_schema().empty_table(), self.view.path_of))

    @property
    def has_symbols(self) -> bool:
        """Return whether `symbols_now` has those of rows on disk."""
        return not self._is_slow or self.view.settled.is_read("symbols")

    def count_symbols(self) -> int:
        """Return how many symbols are visible, without reading what they are."""
        if self.view.saved is not None:
            return len(self.symbols())
        recent = np.count_nonzero(
            admitted(self.view.overlay_symbols()["file_id"].to_numpy(), self._in_memory())
        )
        on_disk = self._on_disk(SYMBOLS, ["file_id"], symbol_schema())["file_id"].to_numpy()
        return int(recent + np.count_nonzero(admitted(on_disk, self.view.on_disk)))

    def _search(self, fetch: _Fetch, limit: int, allowed: NDArray[np.bool_] | None) -> Asked[list[Row]]:
        """Fetch rows until `limit` of them are visible and allowed, or there are no more."""
        mask = self._mask(self.view.on_disk, allowed)
        # Which they are is a megabyte of numbers in a huge index: only a few of them are ever listed.
        files = int(np.count_nonzero(mask))
        tables = self._tables()
        if not files or limit <= 0 or tables is None:
            return Asked.later(list)

        def ask(count: int) -> tuple[int, Asked[_Found]]:
            """Ask for `count` rows, or exactly for those that are wanted; return how many may come, 0 for all."""
            if (few and files <= _FEW_FILES) or count > max(_MOST_FETCHED, 4 * limit):
                return 0, self._ask(fetch, tables, limit, where_ids(np.flatnonzero(mask)))
            return count, self._ask(fetch, tables, count, "")

        few = allowed is not None
        first = ask(self._first_fetch(limit, files))

        def result() -> list[Row]:
            count, asked = first
            while True:
                found = asked.result()
                kept = np.flatnonzero(admitted(found.file_ids, mask))
                if len(kept) >= limit or not count or len(found.file_ids) < count:
                    return found.rows(kept[:limit])
                count, asked = ask(4 * count)

        return Asked(first[1].answered, result)

    def _listed(
        self, postings: Postings, words: Sequence[str], limit: int, allowed: NDArray[np.bool_] | None
    ) -> list[Row]:
        """Return the `limit` best chunks on disk by their words."""
        mask = self._mask(self.view.on_disk, allowed)
        files = int(np.count_nonzero(mask))
        if not files or limit <= 0:
            return []
        if allowed is None:
            # Going over all file ids takes longer than finding some more rows: few are of files that are gone.
            count = self._first_fetch(limit, files)
            found = postings.matching(words, count)
            kept = np.flatnonzero(admitted(found.file_ids, mask))[:limit]
            if len(kept) == limit or len(found.file_ids) < count:
                return self._ranked(found, kept)
        found = postings.matching(words, limit, mask)
        return self._ranked(found, np.arange(len(found.file_ids)))

    def _ranked(self, found: Ranked, kept: NDArray[np.intp]) -> list[Row]:
        """Return the chunks that `kept` numbers, from where places are known or else from LanceDB."""
        file_ids, ords, scores = found.file_ids[kept], found.ords[kept], found.scores[kept]
        places, tables = self._places_now(), self._tables()
        if places is not None:
            positions = places.at(file_ids, ords)
            if not len(positions) or positions.min() >= 0:
                return places.rows(positions, scores)
        if tables is None or not len(file_ids):
            return []
        # Rows were added since we read where they are; what was deleted since this snapshot is missing.
        rows = tables.rows(CHUNKS, where_ids(file_ids), PLACE)
        keys = zip(rows["file_id"].to_pylist(), rows["ord"].to_pylist(), strict=True)
        at = {key: number for number, key in enumerate(keys)}
        wanted = zip(file_ids.tolist(), ords.tolist(), strict=True)
        numbers = np.array([at.get(key, -1) for key in wanted], np.intp)
        known = numbers >= 0
        return rows_of_table(rows.take(pa.array(numbers[known])), self.view.path_of, scores[known])

    def _ask(self, fetch: _Fetch, tables: Tables, count: int, where: str) -> Asked[_Found]:
        places = self._places_now()
        asked = fetch(tables, count, where, PLACE if places is None else [ADDRESS])

        def result() -> _Found:
            table, scores = asked.result()
            if places is not None:
                positions = places.at_addresses(table[ADDRESS].to_numpy())
                if not len(positions) or positions.min() >= 0:
                    return _Found(
                        places.file_ids(positions), lambda kept: places.rows(positions[kept], scores[kept])
                    )
                # Rows were added or moved since we read where they are.
                table, scores = fetch(tables, count, where, PLACE).result()
            return _Found(
                table["file_id"].to_numpy(),
                lambda kept: rows_of_table(table.take(pa.array(kept)), self.view.path_of, scores[kept]),
            )

        return Asked(asked.answered, result)

    def _first_fetch(self, limit: int, admitted: int) -> int:
        total = max(1, int(np.count_nonzero(self.view.on_disk)))
        # A few more, for superseded rows that are still on disk; should they not do, the next fetch is larger.
        return int(limit * min(total / admitted, 20.0)) + 8

    def _mask(self, mask: NDArray[np.bool_], allowed: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
        if allowed is None:
            return mask
        # A mask made for an older snapshot knows nothing of newer files, and leaves them out.
        fitted = np.zeros(len(mask), np.bool_)
        size = min(len(mask), len(allowed))
        fitted[:size] = allowed[:size]
        return mask & fitted

    def _in_memory(self) -> NDArray[np.bool_]:
        return self.view.live & ~self.view.on_disk

    @property
    def _arrangement(self) -> tuple[int, int, int]:
        return (*self.view.arrangement, 0 if self.view.indexed_only else self.view.revision)

    @property
    def _is_slow(self) -> bool:
        """Whether reading all rows is too much for a question: there are many, or ever more of them."""
        return (self._is_huge and self.view.saved is None) or not self.view.indexed_only

    @property
    def _is_huge(self) -> bool:
        return self.view.statistics.chunks > mapped.HUGE_CHUNKS

    def _saved(self) -> mapped.Mapped | None:
        """Return what can be mapped instead of read; the first to ask in a huge index has it written."""
        if self.view.saved is not None or not self._is_huge or not self.view.indexed_only:
            return self.view.saved
        return self.view.save()

    def _visible(self, settled: SymbolTable) -> VisibleSymbols:
        recent = _masked(self.view.overlay_symbols(), self._in_memory())
        return VisibleSymbols(settled, SymbolTable.of(recent, self.view.path_of), self.view.on_disk)

    def _read_symbols(self) -> SymbolTable:
        if (saved := self._saved()) is not None:
            table = SymbolTable(saved.symbols, self.view.path_of, saved.names)
            give_back_mapped()  # the text of names was copied
            return table
        rows = self._on_disk(SYMBOLS, symbol_schema().names, symbol_schema())
        table = SymbolTable.of(rows, self.view.path_of)
        if self._is_slow:
            table.names.like("", 1.0)  # sorted now, by the thread that nobody waits for
        return table

    def _places(self) -> PlaceTable:
        return self.view.settled.get("places", self._arrangement, self._read_places)

    def _places_now(self) -> PlaceTable | None:
        if not self._is_slow:
            return self._places()
        return self.view.settled.get_now("places", self._arrangement, self._read_places)

    def _read_places(self) -> PlaceTable:
        if (saved := self._saved()) is not None:
            return PlaceTable(saved.places, self.view.path_of)
        rows = self._on_disk(CHUNKS, (*PLACE, ADDRESS), _PLACES)
        return PlaceTable(arranged_places(rows, rows[ADDRESS].to_numpy()), self.view.path_of)

    def _on_disk(self, name: str, columns: Sequence[str], schema: pa.Schema) -> pa.Table:
        if self.view.on_disk.any() and (tables := self._tables()):
            return tables.rows(name, columns=columns)
        return schema.empty_table().select(list(columns))

    def _overlay_rows(
        self, numbers: NDArray[np.intp], scores: NDArray[np.float32] | None = None
    ) -> list[Row]:
        if not len(numbers):
            return []
        return rows_of_table(self.view.overlay.table.take(pa.array(numbers)), self.view.path_of, scores)


class _Fetch(Protocol):
    """Asks LanceDB for `columns` of `count` rows."""

    def __call__(self, tables: Tables, count: int, where: str, columns: Sequence[str]) -> Asked[_Fetched]: ...


@frozen(eq=False)
class _Found:
    """What LanceDB found, in order: the files, and what makes rows of those whose numbers are given."""

    file_ids: NDArray[np.int32]
    rows: Callable[[NDArray[np.intp]], list[Row]]


def _masked(table: pa.Table, mask: NDArray[np.bool_]) -> pa.Table:
    return table.filter(pa.array(admitted(table["file_id"].to_numpy(), mask)))


def _merged(first: list[Row], second: list[Row], limit: int) -> list[Row]:
    if not second:
        return first
    return sorted([*first, *second], key=lambda row: -row.score)[:limit]


def _covering(rows: Sequence[Row], offset: int) -> Row | None:
    return next((row for row in rows if row.span.start <= offset < row.span.end), None)
