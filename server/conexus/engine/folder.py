"""One folder: kept in step with its files, searched, described."""

from __future__ import annotations

import time
from collections import Counter
from threading import Lock
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from conexus.domain import ConexusError
from conexus.engine.indexes import FolderIndexes
from conexus.indexing.indexer import Indexer, Report, Tally
from conexus.indexing.reconcile import plan as plan_changes
from conexus.search.gates import verify
from conexus.search.query import plan as plan_query
from conexus.search.rank import rank
from conexus.search.retrieve import allowed_files, retrieve
from conexus.workspace.files import Entry, Scope, Skipped
from conexus.workspace.source import Source, read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Executor
    from pathlib import Path

    from conexus.embedding.embedder import Embedder
    from conexus.engine.indexes import Opened
    from conexus.engine.shelf import Shelf
    from conexus.indexing.indexer import Progress
    from conexus.indexing.reconcile import Plan
    from conexus.search.gates import Hit, Outcome
    from conexus.search.query import Query, SearchRequest
    from conexus.search.retrieve import Found
    from conexus.settings import Settings
    from conexus.store.index import Index, IndexStats
    from conexus.store.vectors import VectorCache

# Hits may be dropped by the gates; a few more are ranked so that the reply is still full.
_SPARE_HITS = 5


@frozen
class SearchReply:
    """Hits, best first, and what they are worth."""

    hits: tuple[Hit, ...]
    query: Query
    revision: int
    files: int
    """Files the answer was drawn from."""
    notes: tuple[str, ...]
    """What the reader should know: agents that failed, files that changed."""
    seconds: float
    agents: dict[str, float]
    """Seconds each agent took."""


@frozen
class Status:
    """What an index holds."""

    root: str
    directory: str
    model: str
    files: int
    chunks: int
    bytes: int
    """Of the indexed files on disk."""
    languages: dict[str, int]
    """Files by language."""
    skipped: dict[str, int]
    """Files left out for what they contain, by reason."""
    fallbacks: tuple[str, ...]
    """Files that were cut by lines because their grammar failed, with the reason."""
    stats: IndexStats
    notes: tuple[str, ...]


class Folder:
    """A root directory and the index that answers for it. Safe to use from several threads."""

    def __init__(
        self,
        root: Path,
        settings: Settings,
        shelf: Shelf,
        embedder: Callable[[str], Embedder],
        *,
        vectors: Callable[[Embedder], VectorCache | None],
        pool: Executor,
    ) -> None:
        self.root = root
        self.settings = settings
        self._embedder = embedder
        self._vectors = vectors
        self._pool = pool
        self._scope = Scope(root, settings.scope)
        self._indexes = FolderIndexes(root, shelf)
        self._writing = Lock()

    def reconcile(
        self,
        progress: Callable[[Progress], None] = lambda _: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Report:
        """Bring the index to what the files say now and return what that took.

        While another model's or format's index is built, the old one keeps answering; the new one takes
        over when it is complete. Raises IndexBusy if another process writes, IndexUnwritable, and the
        model's own errors.
        """
        begun = time.perf_counter()
        with self._writing:
            model = self.settings.model.name
            opened = self._indexes.writable(model, self._embedder(model))
            index = opened.index
            walk = self._scope.walk(cancelled)
            todo = plan_changes(index.files, index.skips, walk.entries)
            tally = self._apply(opened, todo, progress, cancelled)
            if not tally.cancelled:
                self._indexes.publish(opened)
        skipped = Counter(str(skip.reason) for skip in walk.skipped) + _count_skips(index)
        return tally.report(index, todo, dict(skipped), time.perf_counter() - begun)

    def search(self, request: SearchRequest) -> SearchReply:
        """Answer `request` from the index as it is. Raises IndexMissing before the first reconcile."""
        begun = time.perf_counter()
        opened = self._indexes.answering()
        query = plan_query(request)
        snapshot = opened.index.snapshot()
        notes: list[str] = []
        found = retrieve(
            query, snapshot, self._query_embedder(opened, notes), self._pool, allowed_files(query, snapshot)
        )
        ranked = rank(evolve(query, limit=query.limit + _SPARE_HITS), found)
        outcome = verify(ranked, snapshot.files, self._read)
        return SearchReply(
            hits=tuple(outcome.hits[: query.limit]),
            query=query,
            revision=snapshot.revision,
            files=len(snapshot.files),
            notes=(*notes, *_remarks(found, outcome)),
            seconds=time.perf_counter() - begun,
            agents={result.agent: result.seconds for result in found},
        )

    def status(self) -> Status:
        """Return what the index holds. Raises IndexMissing before the first reconcile."""
        opened = self._indexes.answering()
        files = opened.index.files.values()
        return Status(
            root=str(self.root),
            directory=str(opened.standing.directory),
            model=opened.standing.identity,
            files=len(files),
            chunks=sum(record.chunks for record in files),
            bytes=sum(record.size for record in files),
            languages=dict(Counter(record.language for record in files).most_common()),
            skipped=dict(_count_skips(opened.index).most_common()),
            fallbacks=tuple(f"{record.path}: {record.note}" for record in files if record.note),
            stats=opened.index.stats(),
            notes=tuple(opened.index.notes),
        )

    def close(self) -> None:
        """Close the index; others may write it then."""
        self._indexes.close()

    def _apply(
        self, opened: Opened, todo: Plan, progress: Callable[[Progress], None], cancelled: Callable[[], bool]
    ) -> Tally:
        if todo.empty:
            return Tally(total=0)
        embedder = self._embedder(self.settings.model.name)
        donors = self._indexes.donors(opened, todo.read)
        try:
            indexer = Indexer(
                self.root,
                self.settings,
                opened.index,
                embedder,
                donors=[donor.index for donor in donors],
                vectors=self._vectors(embedder),
            )
            return indexer.run(todo, progress, cancelled)
        finally:
            self._indexes.release(donors)

    def _query_embedder(self, opened: Opened, notes: list[str]) -> Embedder | None:
        """Return the model that made this index's vectors; without it the other agents still answer."""
        try:
            embedder = self._embedder(opened.standing.model)
        except ConexusError as error:
            notes.append(f"searching without vectors: {error}")
            return None
        if embedder.identity != opened.standing.identity:
            notes.append(
                f"searching without vectors: {opened.standing.model} changed since the index was built"
            )
            return None
        return embedder

    def _read(self, path: str) -> Source | None:
        try:
            stat = (self.root / path).stat()
        except OSError:
            return None
        source = read(self.root, Entry(path, stat.st_size, stat.st_mtime_ns), self.settings.scope)
        return None if isinstance(source, Skipped) else source


def _count_skips(index: Index) -> Counter[str]:
    return Counter(skip.reason for skip in index.skips.values())


def _remarks(found: Iterable[Found], outcome: Outcome) -> list[str]:
    remarks = [f"the {result.agent} search failed: {result.failure}" for result in found if result.failure]
    if outcome.moved:
        remarks.append(f"{len(outcome.moved)} hits moved: their files changed since they were indexed")
    if outcome.gone:
        remarks.append(f"{len(outcome.gone)} hits dropped: they are no longer in their files")
    return remarks
