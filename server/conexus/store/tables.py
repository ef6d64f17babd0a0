"""LanceDB behind plain functions: one event loop on one thread, one session, two tables.

Nothing else in the house awaits LanceDB, so callers may be any threads.
"""

from __future__ import annotations

import asyncio
import math
import threading
import warnings
from concurrent.futures import CancelledError, Future
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
from attrs import define, field, frozen

from conexus.store.arranger import Arranger
from conexus.store.errors import IndexClosed, unwritable
from conexus.store.lean import load_lancedb
from conexus.store.originals import Originals, Unreadable
from conexus.store.schema import chunk_schema, symbol_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa
    from numpy.typing import NDArray

    Scored = tuple[pa.Table, NDArray[np.float32]]

CHUNKS = "chunks"
SYMBOLS = "symbols"
FLAT_ROWS = 5_000
"""Below this many rows an exact scan beats a vector structure."""
CODED_ROWS = 150_000
"""From here on vectors are found by codes of two bits a dimension, a fifth of the size, and compared exactly."""
_PARTITION_ROWS = 16_384
# All of them: passages that share words lie everywhere, and half of the partitions find nine of ten.
_NPROBES = 1_000
# Of half as many candidates more by short codes, ninety-nine of the hundred nearest are among the first hundred.
_CODED_REFINE = 1.5
# By codes of 8 bits 985 of a thousand of the ten nearest are among the first ten, and all among twice as many.
_COMPARED = 32
# Where not all rows have codes, so many candidates by code are compared exactly with the others.
_REFINED = 100
_ATTEMPTS = 3
# LanceDB makes a plan in less than a millisecond; where it does not, whoever asked goes on meanwhile.
_START_SECONDS = 0.02
# Fills with the structures that questions use: 30 MB at 77,000 chunks, 200 at a million. Where it is too small
# for one question, each question reads them again, which takes three times as long.
_INDEX_CACHE = 256 << 20
_METADATA_CACHE = 24 << 20
_SCALAR, _CODED = "IvfSq", "IvfRq"
_WORDS = ("file_id", "ord", "tokens")
_BATCH = 8_192
ADDRESS = "_rowid"
"""Where LanceDB keeps a row: the number of a fragment, never given twice, and of a row in it. Queries get it
for nothing, while any column of a hundred rows costs more than finding them."""


T = TypeVar("T")


@frozen(eq=False)
class Asked(Generic[T]):
    """A question that LanceDB is at work on, while whoever asked does something else."""

    answered: Future[Any]
    """Done when LanceDB is; what it said is taken by `result` alone."""
    result: Callable[[], T]
    """Waits for the answer and returns it; raises what asking raises."""

    @classmethod
    def later(cls, answer: Callable[[], T]) -> Asked[T]:
        """Return what needs no LanceDB."""
        answered: Future[Any] = Future()
        answered.set_result(None)
        return cls(answered, answer)


def where_ids(ids: Sequence[int] | NDArray[np.integer[Any]], column: str = "file_id") -> str:
    """Return a filter for rows of these file ids; runs of ids become ranges, so it stays short."""
    numbers = sorted({int(number) for number in ids})
    singles: list[str] = []
    ranges: list[str] = []
    start = 0
    for end in range(1, len(numbers) + 1):
        if end < len(numbers) and numbers[end] == numbers[end - 1] + 1:
            continue
        if end - start > 2:
            ranges.append(f"({column} BETWEEN {numbers[start]} AND {numbers[end - 1]})")
        else:
            singles.extend(str(number) for number in numbers[start:end])
        start = end
    if singles:
        ranges.append(f"{column} IN ({','.join(singles)})")
    return " OR ".join(ranges) or "false"


def preload() -> None:
    """Load LanceDB, which takes a second, before somebody waits for it."""
    load_lancedb()


@define
class Tables:
    """The open tables of one index directory."""

    directory: Path
    dimensions: int
    _loop: asyncio.AbstractEventLoop = field(init=False)
    _thread: threading.Thread = field(init=False)
    _open: dict[str, Any] = field(init=False, factory=dict)
    _connection: Any = field(init=False, default=None)
    _structures: dict[str, str] = field(init=False, factory=dict)
    """Kinds of search structures by name."""
    _arranger: Arranger | None = field(init=False, default=None)
    _originals: Originals = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._originals = Originals(self.directory / f"{CHUNKS}.lance", "vector", self.dimensions)

    @classmethod
    def open(cls, directory: Path, dimensions: int, *, create: bool) -> Tables:
        """Connect and open both tables, made empty if missing and `create`.

        Raises ValueError or RuntimeError as LanceDB does when there is no readable table.
        """
        tables = cls(directory, dimensions)
        tables._loop = asyncio.new_event_loop()
        tables._thread = threading.Thread(target=tables._loop.run_forever, name="conexus-lance", daemon=True)
        tables._thread.start()
        try:
            tables._run(tables._connect(create=create))
        except BaseException:
            tables.close()
            raise
        return tables

    @property
    def has_vector_structure(self) -> bool:
        """Return whether nearest-neighbour queries go through a structure instead of a flat scan."""
        return "vector_idx" in self._structures

    @property
    def has_words_structure(self) -> bool:
        """Return whether LanceDB has a full-text structure, as it has in indexes from before `postings`."""
        return "tokens_idx" in self._structures

    def versions(self) -> tuple[int, int]:
        """Return the versions of (chunks, symbols) that the handles stand at."""
        versions: tuple[int, int] = self._run(self._versions())
        return versions

    def counts(self) -> tuple[int, int]:
        """Return the rows of (chunks, symbols), superseded ones included."""
        counts: tuple[int, int] = self._run(self._counts())
        return counts

    def refresh(self) -> None:
        """Move both handles to what any process committed last."""
        self._run(self._refresh())

    def reopen(self) -> None:
        """Drop connection, caches and handles and open them again: LanceDB leaks a few per optimise."""
        self._run(self._connect(create=False))

    def add(self, chunks: pa.Table, symbols: pa.Table) -> None:
        """Append rows to both tables, and keep lists of their words for the next `build`. Raises IndexUnwritable."""
        from conexus.store import kept

        with unwritable(self.directory):
            added = self._begin(self._add(chunks, symbols))
            try:
                kept.keep(self.directory, chunks)
            finally:
                self._wait(added)

    def delete(self, ids: Sequence[int] | NDArray[np.integer[Any]]) -> None:
        """Delete the rows of these file ids. Raises IndexUnwritable."""
        with unwritable(self.directory):
            self._run(self._delete(where_ids(ids)))

    def nearest(
        self,
        vector: NDArray[np.float32],
        limit: int,
        columns: Sequence[str],
        *,
        where: str = "",
        indexed_only: bool = True,
    ) -> Asked[Scored]:
        """Ask for `columns` of the rows nearest to `vector` (L2-normalised, float32[d]) and cosine similarities.

        Best first; ADDRESS may be among the columns. With `where` the scan is exact over the rows it admits,
        whatever the size of the index. Otherwise, where there is a structure and it covers what is asked
        (`indexed_only`), similarities are those of codes of 8 bits, some thousandths off but for the first few, or
        those of half as many candidates more by shorter codes.
        """
        kind = self._structures.get("vector_idx") if indexed_only and not where else None
        if kind == _CODED:
            return self._nearest_by_code(vector, limit, columns)

        def query(table: Any) -> Any:
            if kind == _SCALAR:
                wanted = dict.fromkeys([*columns, ADDRESS, "_distance"])
                candidates = _near(table, vector, list(wanted)).limit(max(limit, _COMPARED))
                return candidates.nprobes(_NPROBES).fast_search()
            found = _near(table, vector, [*columns, "_distance"]).limit(limit)
            if where:
                return found.bypass_vector_index().where(where)
            if not self.has_vector_structure:
                return found
            found = found.nprobes(_NPROBES).refine_factor(
                max(math.ceil(_CODED_REFINE), -(-_REFINED // limit))
            )
            return found.fast_search() if indexed_only else found

        asked = self._ask(CHUNKS, query)

        def result() -> Scored:
            rows = asked.result()
            distances = rows["_distance"].to_numpy()
            if kind != _SCALAR:
                return rows, 1 - distances
            # Codes are compared by the squared Euclidean distance of the normalised vectors, 2 - 2 cos.
            similarities = self._first_compared(rows, 1 - distances / 2, vector)
            best = np.argsort(-similarities, kind="stable")[:limit]
            return rows.select(list(columns)).take(best), similarities[best]

        return Asked(asked.answered, result)

    def _first_compared(
        self, rows: pa.Table, similarities: NDArray[np.float32], vector: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return `similarities` with those of the first rows by their vectors, where these can be read in place."""
        addresses = rows[ADDRESS].slice(0, _COMPARED).to_numpy()
        try:
            first = self._originals.similarities(addresses, vector)
        except Unreadable:
            return similarities
        return np.concatenate([first, similarities[len(first) :]])

    def _nearest_by_code(
        self, vector: NDArray[np.float32], limit: int, columns: Sequence[str]
    ) -> Asked[Scored]:
        """Ask for candidates by short codes, and compare them by their vectors."""
        candidates = max(math.ceil(_CODED_REFINE * limit), _REFINED)
        wanted = dict.fromkeys([*columns, ADDRESS, "_distance"])

        def query(table: Any, columns: Sequence[str], count: int) -> Any:
            return _near(table, vector, columns).limit(count).nprobes(_NPROBES).fast_search()

        asked = self._ask(CHUNKS, lambda table: query(table, list(wanted), candidates))

        def result() -> Scored:
            rows = asked.result()
            addresses = rows[ADDRESS].to_numpy()
            try:
                similarities = self._originals.similarities(addresses, vector)
            except Unreadable:
                factor = -(-candidates // limit)
                columns_and_distance = [*columns, "_distance"]
                rows = self._ask(
                    CHUNKS, lambda table: query(table, columns_and_distance, limit).refine_factor(factor)
                ).result()
                return rows, 1 - rows["_distance"].to_numpy()
            best = np.lexsort((addresses, -similarities))[:limit]
            return rows.select(list(columns)).take(best), similarities[best]

        return Asked(asked.answered, result)

    def matching(
        self, words: Sequence[str], limit: int, columns: Sequence[str], *, where: str = ""
    ) -> Asked[Scored]:
        """Ask for `columns` of the rows with any of `words` and their BM25 scores, best first.

        For what `postings` do not hold. Rows that LanceDB's full-text structure does not cover are left out, if there
        is one: scanning their words takes 25 ms a thousand, and a question must not wait for a bulk load.
        """
        from lancedb.query import MatchQuery

        text = MatchQuery(" ".join(words), "tokens")  # type: ignore[call-arg] # its attrs defaults are hidden

        def query(table: Any) -> Any:
            found = _selecting(table.query().nearest_to_text(text), [*columns, "_score"]).limit(limit)
            found = found.where(where) if where else found
            return found.fast_search() if self.has_words_structure else found

        asked = self._ask(CHUNKS, query)

        def result() -> Scored:
            rows = asked.result()
            return rows, rows["_score"].to_numpy()

        return Asked(asked.answered, result)

    def rows(self, name: str, where: str = "", columns: Sequence[str] | None = None) -> pa.Table:
        """Return the rows of table `name` that `where` admits; ADDRESS may be among `columns`."""

        def query(table: Any) -> Any:
            found = table.query()
            found = found.where(where) if where else found
            return _selecting(found, columns) if columns else found

        return self._ask(name, query).result()

    def start_arranger(self) -> None:
        """Let `build`, `build_words`, `prune` and `save_tables` be done by a process of low priority from now on.

        It loads what it needs meanwhile, so who starts it early waits less.
        """
        if self._arranger is None:
            self._arranger = Arranger(self.directory, self.dimensions)

    def stop_arranger(self) -> None:
        """End that process, whatever it does; harmless if there is none."""
        if self._arranger is not None:
            self._arranger.close()
            self._arranger = None

    def build(self, words: str) -> None:
        """Create the structures that are missing and extend the others to every row; write `postings` called `words`.

        Raises IndexUnwritable.
        """

        def here() -> None:
            # Both at once where rows stay where they are, and memory has room for both: each leaves cores idle.
            at_once = not self._structures and self.counts()[0] < CODED_ROWS
            building = self._begin(self._build())
            if not at_once:
                self._wait(building)
            try:
                self._write_words(words)
            finally:
                self._wait(building)
            self._run(self._drop_words_structure())

        self._arrange(f"build {words}", here)

    def build_words(self, words: str) -> None:
        """Make the structure of ids anew and write `postings` called `words`, over every row. Raises IndexUnwritable."""

        def here() -> None:
            self._run(self._build_ids())
            self._write_words(words)

        self._arrange(f"build_words {words}", here)

    def prune(self) -> None:
        """Merge small fragments and delete the files of all older versions. Raises IndexUnwritable.

        A query that stands at an older version fails then, and `_ask` asks again at the newest.
        """
        self._arrange("prune", lambda: self._run(self._prune()))

    def save_tables(self, name: str) -> None:
        """Write places and symbols of all rows as files called `name`. Raises IndexUnwritable."""
        if self._arranger is not None:
            self._apart(self._arranger, f"save_tables {name}")
            return
        from conexus.store import mapped
        from conexus.store.places import PLACE, arranged_places
        from conexus.store.symbols import SymbolTable

        symbols, names = SymbolTable.of(self.rows(SYMBOLS), {}).saved()
        rows = self.rows(CHUNKS, columns=(*PLACE, ADDRESS))
        places = arranged_places(rows, rows[ADDRESS].to_numpy())
        with unwritable(self.directory):
            mapped.write(self.directory, name, mapped.Mapped(places, symbols, names))

    def drop_structures(self) -> None:
        """Remove every index structure; `build` makes them anew."""
        self._run(self._drop_structures())

    def statistics(self) -> dict[str, Any]:
        """Return `fragments`, `unindexed` and `segments` of the chunks table."""
        statistics: dict[str, Any] = self._run(self._statistics())
        return statistics

    def close(self) -> None:
        """Cancel what is running, close handles and stop the thread."""
        if self._loop.is_closed():
            return
        self.stop_arranger()
        self._originals.close()
        asyncio.run_coroutine_threadsafe(_cancel_others(), self._loop).result()
        for handle in [*self._open.values(), self._connection]:
            if handle is not None:
                handle.close()
        self._open, self._connection = {}, None
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _arrange(self, step: str, here: Callable[[], None]) -> None:
        with unwritable(self.directory), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            if self._arranger is None:
                here()
            else:
                self._apart(self._arranger, step)
                self.refresh()

    def _apart(self, arranger: Arranger, step: str) -> None:
        try:
            arranger.do(step)
        except RuntimeError:
            self.stop_arranger()  # it may be gone: the next attempt has another
            raise

    def _write_words(self, name: str) -> None:
        """Write `postings` of every row, out of the last ones and the words of rows that are not in those."""
        from conexus.store import kept, postings

        file_ids = self.rows(CHUNKS, columns=["file_id"])["file_id"].to_numpy()
        if not len(file_ids):
            return
        before = postings.newest(self.directory)
        new = postings.new_files(before, file_ids)
        if new is not None and not len(new) and postings.find(self.directory, name):
            return
        wanted = np.unique(file_ids) if new is None else new
        parts = list(kept.of_files(self.directory, wanted))
        others = np.setdiff1d(wanted, np.concatenate([wanted[:0], *(part.file_ids for _, part in parts)]))
        rows = self._batches(_WORDS, where_ids(others) if new is not None or parts else "")
        postings.write(
            self.directory, name, None if new is None else before, rows if len(others) else (), parts
        )
        kept.forget(self.directory)

    def _batches(self, columns: Sequence[str], where: str) -> Iterator[pa.RecordBatch]:
        """Yield rows of chunks some thousands at a time."""
        query = self._table(CHUNKS).query().select(list(columns))
        reader = self._run((query.where(where) if where else query).to_batches(max_batch_length=_BATCH))
        while (batch := self._run(anext(reader, None))) is not None:
            yield batch

    def _ask(self, name: str, query: Callable[[Any], Any]) -> Asked[pa.Table]:
        def begin() -> Future[Any]:
            started = threading.Event()
            answered = self._begin(_collected(query(self._table(name)), started))
            # Else it would begin when whoever asked lets go of the interpreter, up to 5 ms later.
            started.wait(_START_SECONDS)
            return answered

        first = begin()

        def result() -> pa.Table:
            answered = first
            for _attempt in range(_ATTEMPTS - 1):
                try:
                    return self._wait(answered)
                except (OSError, RuntimeError, ValueError):
                    # The writer may have pruned the version we stand at; at the newest all files are there.
                    self.refresh()
                    answered = begin()
            return self._wait(answered)

        return Asked(first, result)

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self._wait(self._begin(work))

    def _begin(self, work: Coroutine[Any, Any, Any]) -> Future[Any]:
        if self._loop.is_closed():
            work.close()
            raise IndexClosed(self.directory)
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def _wait(self, answered: Future[Any]) -> Any:
        try:
            return answered.result()
        except CancelledError:
            raise IndexClosed(self.directory) from None

    def _table(self, name: str) -> Any:
        try:
            return self._open[name]
        except KeyError:
            raise IndexClosed(self.directory) from None

    async def _connect(self, *, create: bool) -> None:
        lancedb = load_lancedb()
        session = lancedb.Session(_INDEX_CACHE, _METADATA_CACHE)
        # An absolute path: a relative name that starts with "db" would be taken for a cloud address.
        connection = await lancedb.connect_async(str(self.directory.absolute()), session=session)
        schemas = {CHUNKS: chunk_schema(self.dimensions), SYMBOLS: symbol_schema()}
        opened = {}
        for name, schema in schemas.items():
            if create:
                opened[name] = await connection.create_table(name, schema=schema, exist_ok=True)
            else:
                opened[name] = await connection.open_table(name)
            if (found := await opened[name].schema()).names != schema.names:
                raise ValueError(f"{name} has columns {found.names}")
        self._open, self._connection = opened, connection
        await self._look_at_structures()

    async def _refresh(self) -> None:
        await asyncio.gather(*(table.checkout_latest() for table in self._open.values()))
        await self._look_at_structures()

    async def _look_at_structures(self) -> None:
        configs = await self._table(CHUNKS).list_indices()
        self._structures = {config.name: config.index_type for config in configs}

    async def _versions(self) -> tuple[int, int]:
        return (await self._table(CHUNKS).version(), await self._table(SYMBOLS).version())

    async def _counts(self) -> tuple[int, int]:
        return (await self._table(CHUNKS).count_rows(), await self._table(SYMBOLS).count_rows())

    async def _add(self, chunks: pa.Table, symbols: pa.Table) -> None:
        added = {CHUNKS: chunks, SYMBOLS: symbols}
        await asyncio.gather(*(self._table(name).add(rows) for name, rows in added.items() if rows.num_rows))

    async def _delete(self, where: str) -> None:
        await asyncio.gather(*(table.delete(where) for table in self._open.values()))

    async def _build(self) -> None:
        from lancedb.index import BTree

        table = self._table(CHUNKS)
        rows = await table.count_rows()
        if not rows:
            return
        wanted: dict[str, Any] = {"file_id": BTree()}
        if rows >= FLAT_ROWS:
            wanted["vector"] = _vector_structure(rows)
        # Extending structures merges fragments, which writes all rows; before there are vectors, making ids anew
        # costs less, and nothing where a bulk load has just done it.
        is_first = "vector" in wanted and not self.has_vector_structure
        if self._structures and not is_first:
            await table.optimize(cleanup_older_than=timedelta(days=1))
        for column, config in wanted.items():
            if f"{column}_idx" not in self._structures or await self._is_outdated(column, is_first=is_first):
                await table.create_index(column, config=config, replace=True)
        await self._look_at_structures()

    async def _build_ids(self) -> None:
        from lancedb.index import BTree

        await self._table(CHUNKS).create_index("file_id", config=BTree(), replace=True)
        await self._look_at_structures()

    async def _drop_words_structure(self) -> None:
        """Drop what an index from before `postings` has instead of them."""
        if self.has_words_structure:
            await self._table(CHUNKS).drop_index("tokens_idx")
            await self._look_at_structures()

    async def _is_outdated(self, column: str, *, is_first: bool) -> bool:
        statistics = await self._table(CHUNKS).index_stats(f"{column}_idx")
        if is_first:
            return bool(statistics.num_unindexed_rows)
        # Vector segments grow by one with each optimise, and each is searched on its own.
        return column == "vector" and (statistics.num_indices or 1) >= 8

    async def _prune(self) -> None:
        for table in self._open.values():
            # It compacts, prunes and extends structures in this order, so one round leaves what it replaced.
            for _round in range(2):
                await table.optimize(cleanup_older_than=timedelta(0), delete_unverified=True)

    async def _drop_structures(self) -> None:
        for name in self._structures:
            await self._table(CHUNKS).drop_index(name)
        await self._look_at_structures()

    async def _statistics(self) -> dict[str, Any]:
        table = self._table(CHUNKS)
        fragments = (await table.stats())["fragment_stats"]["num_fragments"]
        segments, unindexed = 0, 0
        for name in self._structures:
            statistics = await table.index_stats(name)
            segments = max(segments, statistics.num_indices or 0)
            unindexed = max(unindexed, statistics.num_unindexed_rows)
        return {"fragments": fragments, "segments": segments, "unindexed": unindexed}


async def _collected(query: Any, started: threading.Event) -> pa.Table:
    """Return the rows of `query`; `started` is set when LanceDB needs Python no more until it has found some."""
    import pyarrow as pa
    from lancedb.query import AsyncQueryBase

    try:
        # Not the query's own, which waits until all is found.
        reader = await AsyncQueryBase.to_batches(query)
        first = asyncio.ensure_future(anext(reader, None))
        await asyncio.sleep(0)  # it has begun when this goes on: tasks take turns in the order they came
    finally:
        started.set()
    batches = [batch] if (batch := await first) is not None else []
    batches += [batch async for batch in reader]
    return pa.Table.from_batches(batches, schema=reader.schema)


def _near(table: Any, vector: NDArray[np.float32], columns: Sequence[str]) -> Any:
    return _selecting(table.query().nearest_to(vector).distance_type("cosine"), columns)


def _selecting(query: Any, columns: Sequence[str]) -> Any:
    query = query.select(list(columns))
    return query.with_row_id() if ADDRESS in columns else query


def _vector_structure(rows: int) -> Any:
    from lancedb.index import IvfRq, IvfSq

    # All are searched, so it does not matter which rows share one; making them takes longer than the codes.
    partitions = max(1, rows // _PARTITION_ROWS)
    if rows < CODED_ROWS:
        return IvfSq(distance_type="cosine", num_partitions=partitions, sample_rate=16)
    return IvfRq(distance_type="cosine", num_bits=2, num_partitions=partitions, sample_rate=64)


async def _cancel_others() -> None:
    # Whoever waits for a query in another thread would wait for ever once the loop stops.
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
