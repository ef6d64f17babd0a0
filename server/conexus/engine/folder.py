"""One folder: kept in step with its files, described, and what questions see of it."""

from __future__ import annotations

import os
import time
from collections import ChainMap, Counter
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING

from attrs import frozen

from conexus.domain import ConexusError
from conexus.engine.indexes import FolderIndexes
from conexus.engine.searcher import Searcher, chunks_by_language
from conexus.engine.texts import OpenTexts
from conexus.engine.view import View
from conexus.indexing.affected import affected_by
from conexus.indexing.indexer import Indexer, Report, Tally, must_be_arranged, setup_of
from conexus.indexing.past import Past
from conexus.indexing.reconcile import Comparison, Plan
from conexus.indexing.workers import ResidentWorker
from conexus.search.exact import grep
from conexus.search.projects import Projects
from conexus.search.retrieve import admitted_files
from conexus.store.errors import IndexUnwritable
from conexus.workspace.files import Scope, Skipped, SkipReason, WalkCancelledError
from conexus.workspace.source import Piece, PlainTexts
from conexus.workspace.source import cut as cut_source
from conexus.workspace.source import peek as peek_source
from conexus.workspace.source import read as read_source

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from concurrent.futures import Executor
    from pathlib import Path

    from conexus.embedding.embedder import Embedder
    from conexus.engine.indexes import Opened
    from conexus.engine.searcher import SearchReply
    from conexus.engine.shelf import Shelf
    from conexus.engine.tallies import Tallies
    from conexus.indexing.indexer import Progress
    from conexus.search.exact import Grepped
    from conexus.search.query import Exact, Filters, SearchRequest
    from conexus.search.second import SecondOpinion
    from conexus.settings import Settings
    from conexus.store.index import Index
    from conexus.store.manifest import FileRecord, SkipRecord
    from conexus.store.places import Row
    from conexus.store.stats import IndexStats
    from conexus.store.vectors import VectorCache
    from conexus.workspace.files import Walk
    from conexus.workspace.source import Source

_KEPT_TEXT_ROWS = 64
_GENERATED = frozenset({SkipReason.GENERATED, SkipReason.MINIFIED})


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
    language_chunks: dict[str, int]
    """Chunks by language."""
    skipped: dict[str, int]
    """Files left out, by reason: for what they contain, and before they were read, where a directory counts as one."""
    fallbacks: tuple[str, ...]
    """Files that were cut by lines because their grammar failed, with the reason."""
    quarantined: tuple[str, ...]
    """Files left out because parsing them did not end, with what happened."""
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
        tallies: Tallies,
        second: Callable[[str], SecondOpinion],
    ) -> None:
        self.root = root
        self.settings = settings
        self._embedder = embedder
        self._vectors = vectors
        self._scope = Scope(root, settings.scope)
        self._indexes = FolderIndexes(root, shelf)
        self._writing = Lock()
        self._resident: ResidentWorker | None = None
        self._resident_guard = Lock()
        self._keeps_worker = False
        self._plain = PlainTexts(settings.scope)
        self.texts = OpenTexts()
        self.past = Past(root, shelf.commits(root))
        self._text_rows: dict[int, FileRecord] = {}
        self.searcher = Searcher(self, embedder, pool=pool, tallies=tallies, second=second)

    def reconcile(
        self,
        progress: Callable[[Progress], None] = lambda _: None,
        cancelled: Callable[[], bool] = lambda: False,
        walked: Callable[[Walk, Plan], None] | None = None,
        searchable: Callable[[], None] | None = None,
    ) -> Report:
        """Bring the index to what the files say now and return what that took.

        `walked` is told what there is, and what of it must be read, before any of it is. `searchable` is told when
        everything is found, before rows are arranged to be found faster. While another model's or format's index
        is built, or the same anew, the old one keeps answering; the new one takes over when it is complete. Raises
        IndexBusy if another process writes, IndexUnwritable, and the model's own errors.
        """
        begun = time.perf_counter()
        with self._writing:
            model = self.settings.model.name
            opened = self._indexes.writable(model, self._embedder(model))
            index = opened.index
            known = Comparison(index.files, self._settled_skips(index))
            try:
                walk = self._scope.walk(cancelled, known.settles)
            except WalkCancelledError:
                tally = Tally(total=0, cancelled=True)
                return tally.report(index, Plan((), (), 0), {}, time.perf_counter() - begun)
            todo = known.plan(walk.entries, _unseen(walk))
            if walked is not None:
                walked(walk, todo)
            tally = self._apply(opened, todo, progress, cancelled, searchable)
            left_out = Counter(str(skip.reason) for skip in walk.skipped)
            if not tally.cancelled:
                with suppress(IndexUnwritable):  # no reason to call a folder that did not change failed
                    index.note_left_out(left_out)
                if not self._indexes.answers(opened):
                    opened.index.snapshot().prepare()
                self._indexes.publish(opened)
            records = opened.index.files.values()
            self.searcher.projects = Projects.of(
                walk.repositories, ((one.path, one.chunks) for one in records)
            )
        return tally.report(index, todo, dict(left_out + _count_skips(index)), time.perf_counter() - begun)

    def _settled_skips(self, index: Index) -> Mapping[str, SkipRecord]:
        """Return what need not be read again to be left out: not what was generated, once that is asked for."""
        if not self.settings.scope.generated:
            return index.skips
        return {path: skip for path, skip in index.skips.items() if skip.reason not in _GENERATED}

    def touch(self, paths: Collection[str], cancelled: Callable[[], bool] = lambda: False) -> bool:
        """Bring the index to what these paths say now, directories with all in them.

        Returns False, with nothing done, where that is more than a reconcile is for: many files, or rules
        that say what belongs. Raises as `reconcile`.
        """
        with self._writing:
            model = self.settings.model.name
            opened = self._indexes.writable(model, self._embedder(model))
            affected = affected_by(paths, opened.index, self._scope, self.root)
            if affected is None:
                return False
            self._apply(opened, affected, lambda _: None, cancelled)
            return True

    def show_texts(self, paths: Sequence[str]) -> Collection[str]:
        """Let the open texts of `paths` be searched instead of the files; where none is open, the file again.

        They are read as one: each hand-over to the worker and back costs as much as reading a small text. Returns
        those that have to be tried again later, because another model's index is still being built. Raises as
        `reconcile`.
        """
        held = {path: text for path in paths if (text := self._shown_text(path)) is not None}
        embedder = self._embedder(self.settings.model.name)
        opened = self._indexes.shown(self._indexes.writable(self.settings.model.name, embedder))
        if opened is None:
            return held.keys()
        shown = self._put_texts(opened.index, embedder, held) if held else set()
        for path in paths:
            if path not in shown:
                opened.index.drop_buffer(path)
        return ()

    def _shown_text(self, path: str) -> bytes | None:
        """Return the open text of `path`, if there is one and it belongs."""
        held = self.texts.get(path)
        return held.text if held is not None and self._scope.admit_text(path) is None else None

    def _put_texts(self, index: Index, embedder: Embedder, texts: Mapping[str, bytes]) -> set[str]:
        """Give `index` the rows of `texts`, and return the paths that have some."""
        resident = self._worker(embedder)
        indexer = Indexer(
            self.root, self.settings, index, embedder, vectors=self._vectors(embedder), resident=resident
        )
        shown: dict[str, int] = {}
        for records, chunks, symbols in indexer.rows_of_texts(texts):
            numbers = {record.path: record.file_id for record in records}
            self._text_rows.update((record.file_id, record) for record in records)
            index.put_buffers(numbers, chunks, symbols)
            shown |= numbers
        self._forget_text_rows()
        return set(shown)

    def configure(self, settings: Settings) -> None:
        """Go by other settings from now on; a reconcile applies them."""
        with self._writing, self._resident_guard:
            self.settings = settings
            self._plain = PlainTexts(settings.scope)
            self._scope = Scope(self.root, settings.scope)
            if self._resident is not None:
                self._resident.close()
            self._resident = None

    def renew(self) -> None:
        """Let the next reconcile make a new index; the one that is there answers until that is complete.

        Raises as `reconcile`.
        """
        with self._writing:
            model = self.settings.model.name
            self._indexes.writable(model, self._embedder(model))
            self._indexes.renew()

    def keep_worker(self) -> None:
        """Be ready for questions at any time: read a few files with a process that stays, arrange rows in another."""
        self._keeps_worker = True

    def view(self) -> View:
        """Return what a question sees now. Raises IndexMissing before the first reconcile."""
        opened = self._answering()
        snapshot = opened.index.snapshot()
        hidden = snapshot.view.hidden.items()
        shown = {path: row for path, number in hidden if (row := self._text_rows.get(number))}
        records: Mapping[str, FileRecord] = ChainMap(shown, snapshot.files)  # type: ignore[arg-type]
        return View(opened, snapshot, records, self._read, self._cut, self._peek, self.is_unchanged)

    def search(self, request: SearchRequest, cancelled: Callable[[], bool] = lambda: False) -> SearchReply:
        """Answer `request` from the index as it is; see `Searcher.search`."""
        return self.searcher.search(request, cancelled)

    def grep(
        self,
        wanted: Exact,
        filters: Filters,
        *,
        limit: int,
        seconds: float,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> tuple[Grepped, View]:
        """Return where `wanted` is in the indexed files as they are now, open texts included, in `seconds`.

        Raises IndexMissing before the first reconcile.
        """
        view = self.view()
        allowed = admitted_files(filters, view.snapshot, view.records)
        deadline = time.monotonic() + seconds
        found = grep(
            wanted, view.snapshot, view.records, view.texts, allowed,
            limit=limit, deadline=deadline, cancelled=cancelled,
        )  # fmt: skip
        return found, view

    def _peek(self, path: str) -> bytes | None:
        if (held := self.texts.get(path)) is not None:
            return held.text
        return peek_source(self.root, path, self.settings.scope)

    @property
    def files(self) -> int:
        """Return how many files can be searched now; 0 while the index is not open yet."""
        index = self._indexes.current
        return len(index.files) if index is not None else 0

    def languages(self) -> Counter[str]:
        """Return how many files of each language are searched, open texts as they are. Raises as `view`."""
        return Counter(record.language for record in self.view().records.values())

    def admits(self, filters: Filters) -> bool:
        """Return whether any file that is searched has a path that `filters` let through. Raises as `view`."""
        return any(map(filters.admits_path, self.view().records))

    @property
    def skipped(self) -> dict[str, int]:
        """Return how many files and directories are left out, by reason; empty while the index is not open yet."""
        index = self._indexes.current
        return _skipped(index) if index is not None else {}

    @property
    def revision(self) -> int:
        """Return the number of the last committed state; 0 while the index is not open yet."""
        index = self._indexes.current
        return index.revision if index is not None else 0

    def status(self) -> Status:
        """Return what the index holds. Raises IndexMissing before the first reconcile."""
        opened = self._answering()
        files = opened.index.files.values()
        return Status(
            root=str(self.root),
            directory=str(opened.standing.directory),
            model=opened.standing.identity,
            files=len(files),
            chunks=sum(record.chunks for record in files),
            bytes=sum(record.size for record in files),
            languages=dict(Counter(record.language for record in files).most_common()),
            language_chunks=dict(chunks_by_language(files).most_common()),
            skipped=_skipped(opened.index),
            fallbacks=tuple(f"{record.path}: {record.note}" for record in files if record.note),
            quarantined=tuple(
                f"{skip.path}: {skip.detail}"
                for skip in opened.index.skips.values()
                if skip.reason == SkipReason.HUNG
            ),
            stats=opened.index.stats(),
            notes=tuple(opened.index.notes),
        )

    def close(self) -> None:
        """Close the index and end the worker; others may write then."""
        with self._resident_guard:
            if self._resident is not None:
                self._resident.close()
            self._resident = None
        self.past.close()
        self._indexes.close()

    def _apply(
        self,
        opened: Opened,
        todo: Plan,
        progress: Callable[[Progress], None],
        cancelled: Callable[[], bool],
        searchable: Callable[[], None] | None = None,
    ) -> Tally:
        # An engine that was killed may have left rows as they were read.
        if todo.empty and not must_be_arranged(opened.index):
            return Tally(total=0)
        embedder = self._embedder(self.settings.model.name)
        opened.index.arranges_apart = self._keeps_worker
        donors = self._indexes.donors(opened, todo.read)
        try:
            indexer = Indexer(
                self.root,
                self.settings,
                opened.index,
                embedder,
                donors=[donor.index for donor in donors],
                vectors=self._vectors(embedder),
                resident=self._worker(embedder) if self._keeps_worker else None,
            )
            if not self._indexes.answers(opened):
                return indexer.run(todo, progress, cancelled)
            return indexer.run(todo, progress, cancelled, asked=self.searcher.is_asked, searchable=searchable)
        finally:
            self._indexes.release(donors)

    def _answering(self) -> Opened:
        """Return the index that answers. One that is kept in step is opened for writing, whoever comes first.

        Opened for reading by a question that was quicker than the first reconcile, it would be opened twice.
        """
        if self._keeps_worker and self._indexes.current is None and self._indexes.has_answers:
            model = self.settings.model.name
            with suppress(ConexusError):  # where it cannot be written, it can be read
                self._indexes.writable(model, self._embedder(model))
        return self._indexes.answering()

    def _worker(self, embedder: Embedder) -> ResidentWorker:
        with self._resident_guard:
            if self._resident is None:
                setup = setup_of(self.root, self.settings, embedder, background=False)
                self._resident = ResidentWorker(setup, self.settings.index.file_timeout)
            return self._resident

    def _forget_text_rows(self) -> None:
        """Forget records of texts that no snapshot still in use can show."""
        spare = len(self._text_rows) - _KEPT_TEXT_ROWS - 2 * len(self.texts)
        if spare > 0:
            shown = set(self._indexes.answering().index.snapshot().view.hidden.values())
            for number in [number for number in self._text_rows if number not in shown][:spare]:
                del self._text_rows[number]

    def is_unchanged(self, path: str, record: FileRecord) -> bool:
        """Return whether `path` surely has the text that `record` is of, without reading it."""
        if (held := self.texts.get(path)) is not None:
            return held.digest == record.digest
        try:
            # Asked of every file of a hundred definitions; making a Path takes longer than the answer.
            status = os.stat(f"{self.root}/{path}")  # noqa: PTH116
        except OSError:
            return False
        return (status.st_size, status.st_mtime_ns) == (record.size, record.mtime_ns)

    def read(self, path: str) -> Source | None:
        """Return the text that counts for `path` now; None if it is gone or does not belong."""
        return self._read(path)[0] if self._scope.admit_text(path) is None else None

    def text_of(self, path: str) -> tuple[Source | Skipped, int | None]:
        """Return the text that counts for `path` now and its buffer version, or why nobody is shown it."""
        refused = self._scope.admit_text(path)
        if refused is not None:
            return refused, None
        if (held := self.texts.get(path)) is not None:
            return held.source(self.settings.scope), held.version
        source = read_source(self.root, path, self.settings.scope)
        # Asked again after it was read: a directory on the way may have become a link meanwhile.
        refused = None if isinstance(source, Skipped) else self._scope.admit_text(path)
        return refused or source, None

    def _read(self, path: str) -> tuple[Source | None, int | None]:
        held = self.texts.get(path)
        source = (
            held.source(self.settings.scope)
            if held
            else read_source(self.root, path, self.settings.scope, self._plain)
        )
        return None if isinstance(source, Skipped) else source, held.version if held else None

    def _cut(self, wanted: Sequence[tuple[Row, FileRecord]]) -> list[bytes | None]:
        # What an editor shows has a version, and is in memory anyway.
        pieces = {
            place: Piece(row.path, (record.size, record.mtime_ns), row.span.start, row.span.end)
            for place, (row, record) in enumerate(wanted)
            if self.texts.get(row.path) is None
        }
        found = dict(zip(pieces, cut_source(self.root, list(pieces.values())), strict=True))
        return [found.get(place) for place in range(len(wanted))]


def _unseen(walk: Walk) -> list[str]:
    """Return directories that are there but could not be read, as after an unmount or with other rights."""
    return [
        skip.path
        for skip in walk.skipped
        if skip.reason is SkipReason.UNREADABLE and skip.detail != "vanished"
    ]


def _skipped(index: Index) -> dict[str, int]:
    return dict((Counter(index.left_out) + _count_skips(index)).most_common())


def _count_skips(index: Index) -> Counter[str]:
    return Counter(skip.reason for skip in index.skips.values())
