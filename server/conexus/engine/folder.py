"""One folder: kept in step with its files, searched, described."""

from __future__ import annotations

import math
import os
import time
from collections import ChainMap, Counter
from contextlib import suppress
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING

from attrs import define, evolve, field, frozen

from conexus.domain import ConexusError
from conexus.embedding.embedder import is_static
from conexus.embedding.words import passage
from conexus.engine.indexes import FolderIndexes
from conexus.engine.texts import OpenTexts
from conexus.indexing.affected import affected_by
from conexus.indexing.indexer import Indexer, Report, Tally, must_be_arranged, setup_of
from conexus.indexing.past import Past
from conexus.indexing.reconcile import Comparison, Plan
from conexus.indexing.workers import ResidentWorker
from conexus.search.closer import LOOKED_AT, look_closer, tells_little, texts_as_indexed
from conexus.search.confidence import WEAK, confidence
from conexus.search.context import Surroundings
from conexus.search.exact import Texts, grep, holds
from conexus.search.focus import focused
from conexus.search.gates import verify
from conexus.search.projects import Projects
from conexus.search.query import Intent
from conexus.search.query import plan as plan_query
from conexus.search.rank import nearness, rank
from conexus.search.retrieve import Ground, State, admitted_files, allowed_files, retrieve
from conexus.search.second import CANDIDATES, reordered
from conexus.store.errors import IndexUnwritable
from conexus.workspace.files import Scope, Skipped, SkipReason, WalkCancelledError
from conexus.workspace.source import Piece, PlainTexts
from conexus.workspace.source import cut as cut_source
from conexus.workspace.source import peek as peek_source
from conexus.workspace.source import read as read_source

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from concurrent.futures import Executor
    from pathlib import Path

    from conexus.embedding.embedder import Embedder
    from conexus.engine.indexes import Opened
    from conexus.engine.shelf import Shelf
    from conexus.engine.tallies import Tallies
    from conexus.indexing.indexer import Progress
    from conexus.search.context import EditorContext
    from conexus.search.exact import Grepped
    from conexus.search.gates import Hit, Outcome
    from conexus.search.query import Exact, Filters, Query, SearchRequest
    from conexus.search.retrieve import Found
    from conexus.search.second import SecondOpinion
    from conexus.settings import Settings
    from conexus.store.index import Index
    from conexus.store.manifest import FileRecord
    from conexus.store.places import Row
    from conexus.store.snapshot import Snapshot
    from conexus.store.stats import IndexStats
    from conexus.store.vectors import VectorCache
    from conexus.workspace.files import Walk
    from conexus.workspace.source import Source

_KEPT_TEXT_ROWS = 64
# Hits may be dropped by the gates; a few more are ranked so that the reply is still full.
_SPARE_HITS = 5
_NEARLY_ALL = 0.8
# The first question waits for libraries and tables to be loaded, which takes seconds on a cold disk.
_FIRST_SECONDS = 60.0
_LOADING_SECONDS = 120.0
_SHOWING_SECONDS = 0.03
# Who asked this long ago may ask again soon.
_ASKED_SECONDS = 3.0
_REFINED_INTENTS = frozenset({Intent.PROSE, Intent.CODE})
_UNFINISHED = frozenset({State.PARTIAL, State.TIMED_OUT})


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
    states: dict[str, str] = field(factory=dict)
    """How far each agent came: `retrieve.State`."""
    partial: bool = False
    """Whether the time was over before all was looked at; `notes` say where."""
    confidence: float = 1.0
    """How sure it is that the hits answer the question, in [0, 1]."""
    refined: bool = False
    """Whether a second opinion was heard about their order."""
    found: tuple[Found, ...] = ()
    """Every agent's candidates, for explaining."""
    versions: Mapping[str, int] = field(factory=dict)
    """The buffer version that spans are right for, by path, of hits in open texts."""
    near: tuple[float, ...] = ()
    """The cosines of what is near to the question, best first; none where it says itself where to look."""
    chunks: int = 0
    """How many there are to be found."""

    @property
    def weak(self) -> bool:
        """Return whether there are hits, and nothing of them may be what was asked for."""
        return bool(self.hits) and self.confidence < WEAK


class CancelledError(ConexusError):
    """Whoever asked does not want the answer any more."""


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


@define(eq=False)
class View:
    """What one question sees: a snapshot, and the texts as they are now. The index stays open as long as this is held."""

    opened: Opened
    snapshot: Snapshot
    records: Mapping[str, FileRecord]
    """What the snapshot's rows were made of, by path, open texts included."""
    _read: Callable[[str], tuple[Source | None, int | None]]
    _cut: Callable[[Sequence[tuple[Row, FileRecord]]], list[bytes | None]]
    versions: dict[str, int] = field(init=False, factory=dict)
    """Of the open texts read so far, by path."""

    def read(self, path: str) -> Source | None:
        """Return the text of `path` as it is now; None if it is gone or does not belong any more."""
        source, version = self._read(path)
        if version is not None:
            self.versions[path] = version
        return source

    def cut(self, row: Row) -> bytes | None:
        """Return the bytes of a chunk, unjudged, if its file surely is what was indexed; see `workspace.source.cut`."""
        return self.cuts([row])(row)

    def cuts(self, rows: Sequence[Row]) -> Callable[[Row], bytes | None]:
        """Return `cut`, for which those of `rows` are read at once, and all others when they are asked for."""
        found = {
            row: record
            for row in rows
            if (record := self.records.get(row.path)) is not None and record.file_id == row.file_id
        }
        known: dict[Row, bytes | None] = dict.fromkeys(rows)
        known.update(zip(found, self._cut(list(found.items())), strict=True))
        others = cache(self.cut)
        return lambda row: known[row] if row in known else others(row)


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
        self._second = second
        self._tallies = tallies
        self.settings = settings
        self._embedder = embedder
        self._vectors = vectors
        self._pool = pool
        self._scope = Scope(root, settings.scope)
        self._indexes = FolderIndexes(root, shelf)
        self._writing = Lock()
        self._resident: ResidentWorker | None = None
        self._resident_guard = Lock()
        self._keeps_worker = False
        self._asked = -math.inf
        self._spoken = (0, "")
        self._plain = PlainTexts(settings.scope)
        self.texts = OpenTexts()
        self.past = Past(root, shelf.commits(root))
        self._text_rows: dict[int, FileRecord] = {}
        self._projects: Projects | None = None

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
            known = Comparison(index.files, index.skips)
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
            self._projects = Projects.of(walk.repositories, ((one.path, one.chunks) for one in records))
        return tally.report(index, todo, dict(left_out + _count_skips(index)), time.perf_counter() - begun)

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
        return View(opened, snapshot, records, self._read, self._cut)

    def plan(self, request: SearchRequest, view: View) -> Query:
        """Return what `request` asks of this folder."""
        files = view.snapshot.files
        # Counted again when files come or go: an edit hardly makes it another folder.
        if self._spoken[0] != len(files):
            self._spoken = (len(files), _spoken(files.values()))
        return plan_query(request, self._spoken[1])

    def search(self, request: SearchRequest, cancelled: Callable[[], bool] = lambda: False) -> SearchReply:
        """Answer `request` from the index as it is.

        Raises IndexMissing before the first reconcile, and CancelledError.
        """
        begun = time.perf_counter()
        deadline = time.monotonic() + (
            self.settings.search.budget_ms / 1000 if math.isfinite(self._asked) else _FIRST_SECONDS
        )
        if not request.refine:
            self._interrupt_second_opinion()
        view = self.view()
        query = self.plan(request, view)
        snapshot = view.snapshot
        notes: list[str] = []
        embedder = self.query_embedder(view, notes)
        found = retrieve(
            query,
            snapshot,
            embedder,
            self._pool,
            allowed_files(query, snapshot, view.records),
            ground=Ground(snapshot, view.records, self._texts(view)),
            deadline=deadline,
            cancelled=cancelled,
        )
        self._asked = time.monotonic()
        if cancelled():
            raise CancelledError(f"searching {self.root} was cancelled")
        second = self._second_opinion(query, notes) if request.refine else None
        wanted = max(query.limit, CANDIDATES) if second else query.limit
        around = self._around(request.context)
        deep = evolve(query, limit=max(wanted + _SPARE_HITS, LOOKED_AT))
        ranked = rank(deep, found, around, self._projects)
        # Who looks closer and who checks read the same hits.
        looked_at = LOOKED_AT if tells_little(query, ranked) else wanted
        read, cut = cache(view.read), view.cuts([one.row for one in ranked[:looked_at]])
        if embedder is not None and is_static(embedder):
            text_of = texts_as_indexed(view.records, read, cut=cut, deadline=deadline)
            ranked = look_closer(query, ranked, embedder, rarity_in(snapshot), text_of)
        outcome = verify(
            ranked,
            view.records,
            read,
            wanted,
            cut=cut,
            holds=lambda excerpt: holds(excerpt, query.exact),
            deadline=deadline,
        )
        refined = second is not None and self._refine(second, query, outcome, time.perf_counter() - begun)
        del outcome.hits[query.limit :]
        sure = confidence(query, found, outcome.hits, rarity_in(snapshot))
        self._count(found, outcome, sure)
        return SearchReply(
            hits=self._focused(outcome, query, view),
            query=query,
            revision=snapshot.revision,
            files=len(snapshot.files),
            notes=(*notes, *_waiting(snapshot), *_remarks(found, outcome)),
            seconds=time.perf_counter() - begun,
            agents={result.agent: result.seconds for result in found},
            states={result.agent: str(result.state) for result in found},
            partial=outcome.unchecked > 0 or any(result.state in _UNFINISHED for result in found),
            confidence=sure,
            refined=refined,
            found=tuple(found) if request.explain else (),
            versions=view.versions,
            near=tuple(score for _, score in nearness(query, found)),
            chunks=snapshot.view.statistics.chunks,
        )

    def wait_for_second_opinion(self) -> None:
        """Wait until the model of `search.second_model` is loaded, if one is named."""
        if self.settings.search.second_model:
            with suppress(ConexusError):  # the answer says why there is none
                self._second(self.settings.search.second_model).wait(_LOADING_SECONDS)

    def _second_opinion(self, query: Query, notes: list[str]) -> SecondOpinion | None:
        """Return who gives a second opinion on this question; who asks by name knows what is meant."""
        name = self.settings.search.second_model
        if not name or query.intent not in _REFINED_INTENTS:
            return None
        try:
            second = self._second(name)
        except ConexusError as error:
            notes.append(f"there is no second opinion: {error}")
            return None
        second.start()
        if hindrance := second.hindrance:
            notes.append(hindrance)
            return None
        return second

    def _interrupt_second_opinion(self) -> None:
        if self.settings.search.second_model:
            with suppress(ConexusError):  # whoever asks for one is told why there is none
                self._second(self.settings.search.second_model).let_go()

    def _refine(self, second: SecondOpinion, query: Query, outcome: Outcome, used: float) -> bool:
        """Bring the hits in the order that a second opinion gives them; return whether there was one in time.

        Of its time, the search has `used` some seconds, and showing hits takes a few more; but half of it is left,
        whatever the search took.
        """
        passages = [passage(hit.path, hit.symbol, hit.excerpt) for hit in outcome.hits]
        whole = self.settings.search.second_ms / 1000
        opinions = second.judge(query.meaning, passages, max(whole / 2, whole - used - _SHOWING_SECONDS))
        outcome.hits = reordered(outcome.hits, opinions)
        judged = sum(opinion is not None for opinion in opinions)
        self._tallies.add("second opinion", "judged", judged)
        self._tallies.add("second opinion", "no time", len(opinions) - judged)
        return judged > 1

    def _around(self, context: EditorContext) -> Surroundings:
        """Return what lifts files for this question."""
        together = self.past.together(context.active) if context.active else {}
        return Surroundings(context, self.past.ages, together)

    def _count(self, found: Sequence[Found], outcome: Outcome, sure: float) -> None:
        """Take note of what the gates met."""
        add = self._tallies.add
        add("span", "verified", len(outcome.hits) - len(outcome.moved))
        add("span", "moved", len(outcome.moved))
        add("span", "dropped", len(outcome.gone))
        add("duplicate", "dropped", outcome.duplicates)
        add("budget", "over" if outcome.unchecked else "kept")
        add("confidence", "weak" if outcome.hits and sure < WEAK else "fine")
        for result in found:
            add(f"{result.agent} agent", str(result.state))

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
        texts = self._texts(view)
        found = grep(
            wanted, view.snapshot, view.records, texts, allowed,
            limit=limit, deadline=deadline, cancelled=cancelled,
        )  # fmt: skip
        return found, view

    def _texts(self, view: View) -> Texts:
        return Texts(view.read, self._peek, self.is_unchanged)

    def _peek(self, path: str) -> bytes | None:
        if (held := self.texts.get(path)) is not None:
            return held.text
        return peek_source(self.root, path, self.settings.scope)

    def _focused(self, outcome: Outcome, query: Query, view: View) -> tuple[Hit, ...]:
        places = [(view.records[hit.path].file_id, hit.span) for hit in outcome.hits]
        inside = view.snapshot.symbols_now().within(places)
        moved = set(outcome.moved)
        return tuple(
            # Where the definitions of a changed file stand now is not known here; its hits keep their first line.
            hit if hit.path in moved else focused(hit, query, symbols)
            for hit, symbols in zip(outcome.hits, inside, strict=True)
        )

    @property
    def files(self) -> int:
        """Return how many files can be searched now; 0 while the index is not open yet."""
        index = self._indexes.current
        return len(index.files) if index is not None else 0

    def languages(self) -> Counter[str]:
        """Return how many files of each language are searched, open texts as they are. Raises as `view`."""
        return Counter(record.language for record in self.view().records.values())

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
            language_chunks=dict(_count_chunks(files).most_common()),
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
            return indexer.run(todo, progress, cancelled, asked=self._is_asked, searchable=searchable)
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

    def _is_asked(self) -> bool:
        """Return whether somebody searches here these days, so that it is worth some work to find more."""
        return time.monotonic() - self._asked < _ASKED_SECONDS

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

    def query_embedder(self, view: View, notes: list[str]) -> Embedder | None:
        """Return the model that made the index's vectors; without it the other agents still answer."""
        opened = view.opened
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


def _waiting(snapshot: Snapshot) -> list[str]:
    notes = []
    if waiting := snapshot.waiting_chunks:
        notes.append(f"{waiting} new chunks are not yet found by their words, only by meaning and name")
    if not snapshot.has_symbols:
        notes.append("definitions are not yet found by their names: they are being read")
    return notes


def _unseen(walk: Walk) -> list[str]:
    """Return directories that are there but could not be read, as after an unmount or with other rights."""
    return [
        skip.path
        for skip in walk.skipped
        if skip.reason is SkipReason.UNREADABLE and skip.detail != "vanished"
    ]


def _spoken(files: Iterable[FileRecord]) -> str:
    """Return the language nearly all chunks are in; empty if there is none."""
    ((language, chunks),) = (counted := _count_chunks(files)).most_common(1) or [("", 0)]
    return language if chunks >= _NEARLY_ALL * counted.total() else ""


def _count_chunks(files: Iterable[FileRecord]) -> Counter[str]:
    found: Counter[str] = Counter()
    for record in files:
        found[record.language] += record.chunks
    return found


def _skipped(index: Index) -> dict[str, int]:
    return dict((Counter(index.left_out) + _count_skips(index)).most_common())


def _count_skips(index: Index) -> Counter[str]:
    return Counter(skip.reason for skip in index.skips.values())


def rarity_in(snapshot: Snapshot) -> Callable[[str], float]:
    """Return what weighs a term by how few of the chunks have it; one that was not counted counts as unheard of."""
    statistics = snapshot.view.statistics
    chunks = max(1, statistics.chunks)
    return lambda term: math.log(1 + (chunks + 0.5) / ((statistics.frequency(term) or 0) + 0.5))


def _remarks(found: Sequence[Found], outcome: Outcome) -> list[str]:
    remarks = [f"the {result.agent} search failed: {result.failure}" for result in found if result.failure]
    remarks += [note for result in found for note in result.notes]
    if outcome.unchecked:
        remarks.append(
            f"the time was over: {outcome.unchecked} candidates were not checked and are not shown"
        )
    if outcome.moved:
        remarks.append(f"{len(outcome.moved)} hits moved: their files changed since they were indexed")
    if outcome.gone:
        remarks.append(f"{len(outcome.gone)} hits dropped: they are no longer in their files")
    return remarks
