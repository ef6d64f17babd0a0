"""Runs a plan: files to workers, their rows to the index. The only writer."""

from __future__ import annotations

import contextlib
import os
import time
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
from attrs import define, evolve, field, frozen

from conexus.embedding.embedder import EmbeddingCancelledError, is_static
from conexus.indexing.jobs import Item, Job, Setup
from conexus.indexing.workers import WorkerPool
from conexus.machine import cores, on_battery
from conexus.store.index import OVERLAY_ROWS
from conexus.store.manifest import FileRecord, SkipRecord
from conexus.store.tables import preload
from conexus.workspace.files import Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from conexus.embedding.embedder import Embedder
    from conexus.indexing.jobs import FileRows, Made, Unfinished
    from conexus.indexing.reconcile import Plan
    from conexus.indexing.workers import ResidentWorker
    from conexus.settings import Settings
    from conexus.store.index import Index
    from conexus.store.vectors import VectorCache

# Big enough that a job's fixed costs vanish, small enough that two workers end at nearly the same time.
_JOB_BYTES = 1_000_000
_JOB_FILES = 256
_COMMIT_ROWS = 12_000
# The first files of a folder can be searched at once; each commit may then be larger than the one before.
_FIRST_COMMIT_ROWS = 500
_COMMIT_SECONDS = 5.0
_MAX_WORKERS = 8
# Chunks that no search structure covers are searched in memory, loaded at each start: a few are cheap.
_TAIL_CHUNKS = 2_000
# Each commit leaves two versions and some files, which arranging clears away; but it writes all rows. So few may wait
# where rows are few: versions, files and memory stay what they are over a day of saving.
_TAIL_COMMITS = (32, 256)
_CHUNKS_A_COMMIT = 2_000
_FEW_FILES = 16
# From then on the process that arranges rows is started: it loads while the rest is read.
_NEARLY_READ = 0.75
# Vectors of more files are not compared one by one while somebody waits.
_MOST_SCANNED_FILES = 20_000


@frozen
class Progress:
    """How far a reconcile is."""

    phase: str
    """`reading`, `writing` or `arranging` (building the search structures)."""
    files: int
    total: int
    chunks: int
    bytes: int


@frozen
class Report:
    """What a plan came to."""

    files: int
    """Files in the index afterwards."""
    chunks: int
    unchanged: int
    indexed: int
    removed: int
    embedded: int
    """Chunks whose vector was computed."""
    reused: int
    """Chunks whose vector was known by digest."""
    skipped: dict[str, int]
    bytes: int
    seconds: float
    cancelled: bool = False
    notes: tuple[str, ...] = ()


class Indexer:
    """Applies plans to one index."""

    def __init__(
        self,
        root: Path,
        settings: Settings,
        index: Index,
        embedder: Embedder,
        *,
        donors: Sequence[Index] = (),
        vectors: VectorCache | None = None,
        resident: ResidentWorker | None = None,
    ) -> None:
        """`resident` reads plans of a few files, because starting a process costs more than reading them."""
        self._root = root
        self._settings = settings
        self._index = index
        self._embedder = embedder
        self._donors = donors
        self._vectors = vectors
        self._resident = resident

    def run(
        self,
        plan: Plan,
        progress: Callable[[Progress], None] = lambda _: None,
        cancelled: Callable[[], bool] = lambda: False,
        *,
        asked: Callable[[], bool] = lambda: False,
        searchable: Callable[[], None] | None = None,
    ) -> Tally:
        """Bring the index to what `plan` says and return the tally.

        `asked` says whether somebody searches now, which is worth a twentieth more work. `searchable` is told
        when every agent finds all that was read, if that is before rows are arranged. Cancelling stops reading; what
        was made until then is committed and searchable.
        """
        try:
            return self._run(plan, progress, cancelled, asked, searchable)
        finally:
            self._index.dismiss_arranger()

    def _run(
        self,
        plan: Plan,
        progress: Callable[[Progress], None],
        cancelled: Callable[[], bool],
        asked: Callable[[], bool],
        searchable: Callable[[], None] | None,
    ) -> Tally:
        tally = Tally(total=len(plan.read))
        pending = _Pending()
        for made in self._made(plan, cancelled):
            try:
                pending.add(self._finished(made, cancelled), self._touched(made), tally)
            except EmbeddingCancelledError:
                tally.cancelled = True
                break
            progress(tally.progress("reading"))
            if pending.due:
                self._commit(pending)
                pending = _Pending(enough=min(_COMMIT_ROWS, 3 * pending.enough))
                if asked():
                    self._keep_words_searchable()
                if tally.read > _NEARLY_READ * tally.total and must_be_arranged(self._index):
                    self._index.prepare_arranging()
            if cancelled():
                break
        tally.cancelled = tally.cancelled or cancelled()
        # Forgotten last: until here their vectors can serve the same text under a new name.
        pending.removed = () if tally.cancelled else plan.removed
        self._commit(pending)
        if must_be_arranged(self._index):
            if searchable is not None and not tally.cancelled and self._found_as_they_are():
                searchable()
            progress(tally.progress("arranging"))
            self._index.optimize()
        return tally

    def rows_of_texts(self, texts: Mapping[str, bytes]) -> Iterator[tuple[list[FileRecord], bytes, bytes]]:
        """Yield what the index should show for editors' texts by path: records, their chunk rows and symbol rows.

        Texts that do not belong (too large, generated, binary) are left out. Needs a resident worker.
        """
        assert self._resident is not None
        numbers = self._index.allocate(len(texts))
        items = tuple(
            Item(Entry(path, len(text), 0), number, text=text)
            for number, (path, text) in zip(numbers, texts.items(), strict=True)
        )
        for made in self._resident.run([Job(items)]):
            finished = self._finished(made, lambda: False)
            if finished.files:
                yield [_record(rows) for rows in finished.files], finished.chunk_rows, finished.symbol_rows

    def _found_as_they_are(self) -> bool:
        """Make sure that rows are found before they are arranged; return False if there are too many for that."""
        if self._index.pending_chunks > OVERLAY_ROWS and len(self._index.files) <= _MOST_SCANNED_FILES:
            self._index.index_words()
        return self._index.pending_chunks <= OVERLAY_ROWS

    def _keep_words_searchable(self) -> None:
        """Index words anew each time the index has doubled, so that all of it costs twice the last time."""
        waiting = self._index.pending_chunks
        covered = sum(record.chunks for record in self._index.files.values()) - waiting
        # The first time while all of them can still be had from memory: without a structure, LanceDB reads the words
        # of every row for each question, half a second until there is one.
        if waiting > max(OVERLAY_ROWS // 2, covered):
            self._index.index_words()

    def _made(self, plan: Plan, cancelled: Callable[[], bool]) -> Iterator[Made]:
        if not plan.read:
            return
        jobs = self._jobs(plan, cancelled)
        if self._resident is not None and len(plan.read) <= _FEW_FILES:
            yield from self._resident.run(jobs)
            return
        setup = setup_of(self._root, self._settings, self._embedder)
        pool = WorkerPool(setup, self._worker_count(plan), self._settings.index.file_timeout)
        with contextlib.closing(pool):
            made = pool.run(jobs)
            if not self._index.files and not self._donors:
                # Half a second that the first commit would wait for, while workers start. Only where no thread of
                # the pool may load it too, to look for vectors.
                preload()
            yield from made

    def _worker_count(self, plan: Plan) -> int:
        wanted = self._settings.index.workers or min(self._cores(), _MAX_WORKERS)
        work = sum(entry.size for entry in plan.read)
        # Starting a process costs what reading half a megabyte of code does.
        return max(1, min(wanted, round(work / _JOB_BYTES + 0.5), len(plan.read)))

    def _cores(self) -> int:
        """Return how many cores may read files; half of them in the background on a battery, which lasts longer so."""
        in_background = self._resident is not None
        return max(1, cores() // 2) if in_background and on_battery() else cores()

    def _jobs(self, plan: Plan, cancelled: Callable[[], bool]) -> Iterator[Job]:
        ids = iter(self._index.allocate(len(plan.read)))
        reusable = _Reusable(self._index, self._donors, plan)
        for group in _groups(plan.read):
            if cancelled():
                return
            items = tuple(self._item(entry, next(ids)) for entry in group)
            yield Job(items, reusable.vectors(group))

    def _item(self, entry: Entry, file_id: int) -> Item:
        record = self._index.files.get(entry.path)
        return Item(entry, file_id, record.digest if record else b"")

    def _finished(self, made: Made, cancelled: Callable[[], bool]) -> Made:
        """Give rows their vectors where the model runs in a process of its own."""
        rows = made.unfinished
        if rows is None:
            return made
        vectors, computed = self._vectors_of(rows, cancelled)
        chunks, symbols = rows.builder.encode(vectors)
        return evolve(
            made,
            chunk_rows=chunks,
            symbol_rows=symbols,
            embedded=computed,
            reused=len(rows.digests) - computed,
            unfinished=None,
        )

    def _vectors_of(self, rows: Unfinished, cancelled: Callable[[], bool]) -> tuple[NDArray[np.float32], int]:
        known = {digest: np.frombuffer(vector, np.float16) for digest, vector in rows.known.items()}
        if self._vectors is not None:
            known |= self._vectors.get_many([digest for digest in rows.digests if digest not in known])
        missing = [i for i, digest in enumerate(rows.digests) if digest not in known]
        computed = self._embedder.embed([rows.passages[i] for i in missing], cancel=cancelled)
        fresh = {rows.digests[i]: row for i, row in zip(missing, computed.astype(np.float16), strict=True)}
        if self._vectors is not None and fresh:
            self._vectors.put_many(fresh)
        known |= fresh
        vectors = np.empty((len(rows.digests), self._embedder.dimensions), np.float32)
        for i, digest in enumerate(rows.digests):
            vectors[i] = known[digest]
        return vectors, len(missing)

    def _touched(self, made: Made) -> list[FileRecord]:
        """Return the records of files whose stamp moved while their content stayed."""
        files = self._index.files
        return [
            files[item.entry.path]._replace(
                size=item.entry.size, mtime_ns=item.entry.mtime_ns, indexed_at_ns=read_at
            )
            for item, read_at in made.touched
        ]

    def _commit(self, pending: _Pending) -> None:
        if pending.empty:
            return
        self._index.commit(
            chunks=pending.chunk_rows,
            symbols=pending.symbol_rows,
            files=pending.files,
            touched=pending.touched,
            skips=pending.skips,
            removed=pending.removed,
            frequencies=pending.frequencies,
        )


def must_be_arranged(index: Index) -> bool:
    """Return whether so much waits to be arranged that questions or the disk feel it."""
    least, most = _TAIL_COMMITS
    enough = min(most, max(least, index.chunks // _CHUNKS_A_COMMIT))
    return index.unarranged_chunks > _TAIL_CHUNKS or index.waiting_commits > enough


def setup_of(root: Path, settings: Settings, embedder: Embedder, *, background: bool = True) -> Setup:
    """Return what workers for this folder and model need."""
    return Setup(
        os.fspath(root),
        settings.scope,
        settings.model.name if is_static(embedder) else "",
        embedder.dimensions,
        background,
    )


class _Reusable:
    """Vectors that may serve a group of files: of their older versions, former names, other folders."""

    def __init__(self, index: Index, donors: Sequence[Index], plan: Plan) -> None:
        self._index = index
        self._donors = donors
        self._removed_by_size: dict[int, list[str]] = {}
        for path in plan.removed:
            if (record := index.files.get(path)) is not None:
                self._removed_by_size.setdefault(record.size, []).append(path)

    def vectors(self, group: Sequence[Entry]) -> dict[bytes, bytes]:
        """Return passage digest → float16 vector for what `group` is likely to contain."""
        known: dict[bytes, bytes] = {}
        own = [entry.path for entry in group if entry.path in self._index.files]
        own += [path for entry in group for path in self._removed_by_size.get(entry.size, ())]
        if own:
            known |= _as_bytes(self._index.known_vectors(own))
        for donor in self._donors:
            shared = [entry.path for entry in group if _same_size(donor.files.get(entry.path), entry)]
            if shared:
                known |= _as_bytes(donor.known_vectors(shared))
        return known


@define
class _Pending:
    """What is made but not yet committed."""

    chunk_rows: list[bytes] = field(factory=list)
    symbol_rows: list[bytes] = field(factory=list)
    files: list[FileRecord] = field(factory=list)
    touched: list[FileRecord] = field(factory=list)
    skips: list[SkipRecord] = field(factory=list)
    removed: tuple[str, ...] = ()
    frequencies: NDArray[np.int32] | None = None
    enough: int = _FIRST_COMMIT_ROWS
    rows: int = 0
    since: float = field(factory=time.monotonic)

    @property
    def due(self) -> bool:
        return self.rows >= self.enough or time.monotonic() - self.since > _COMMIT_SECONDS

    @property
    def empty(self) -> bool:
        return not (self.files or self.touched or self.skips or self.removed)

    def add(self, made: Made, touched: Iterable[FileRecord], tally: Tally) -> None:
        if made.files:
            self.chunk_rows.append(made.chunk_rows)
            self.symbol_rows.append(made.symbol_rows)
        self.files += [_record(rows) for rows in made.files]
        self.touched += touched
        self.skips += [
            SkipRecord(item.entry.path, item.entry.size, item.entry.mtime_ns, str(skip.reason), skip.detail)
            for item, skip in made.skipped
        ]
        if made.frequencies is not None:
            old = self.frequencies
            self.frequencies = made.frequencies if old is None else old + made.frequencies
        self.rows += sum(rows.chunks for rows in made.files)
        tally.add(made)


@define
class Tally:
    """Counts of one run."""

    total: int
    read: int = 0
    indexed: int = 0
    touched: int = 0
    chunks: int = 0
    bytes: int = 0
    embedded: int = 0
    reused: int = 0
    skipped: Counter[str] = field(factory=Counter)
    notes: list[str] = field(factory=list)
    cancelled: bool = False

    def add(self, made: Made) -> None:
        """Count what a worker made."""
        self.read += len(made.files) + len(made.touched) + len(made.skipped)
        self.indexed += len(made.files)
        self.touched += len(made.touched)
        self.chunks += sum(rows.chunks for rows in made.files)
        self.bytes += sum(rows.size for rows in made.files)
        self.embedded += made.embedded
        self.reused += made.reused
        self.skipped.update(str(skip.reason) for _, skip in made.skipped)
        self.notes += [f"{rows.item.entry.path}: {rows.note}" for rows in made.files if rows.item.lines_only]

    def report(self, index: Index, plan: Plan, skipped: dict[str, int], seconds: float) -> Report:
        """Return the outcome for people; `skipped` counts all files left out, by reason."""
        return Report(
            files=len(index.files),
            chunks=sum(record.chunks for record in index.files.values()),
            unchanged=plan.unchanged + self.touched,
            indexed=self.indexed,
            removed=0 if self.cancelled else len(plan.removed),
            embedded=self.embedded,
            reused=self.reused,
            skipped=skipped,
            bytes=self.bytes,
            seconds=seconds,
            cancelled=self.cancelled,
            notes=(*index.notes, *self.notes),
        )

    def progress(self, phase: str) -> Progress:
        """Return the state of this run for people."""
        return Progress(phase, self.read, self.total, self.chunks, self.bytes)


def _groups(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    group: list[Entry] = []
    size = 0
    for entry in entries:
        group.append(entry)
        size += entry.size
        if size >= _JOB_BYTES or len(group) >= _JOB_FILES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _as_bytes(vectors: Mapping[bytes, NDArray[np.float16]]) -> dict[bytes, bytes]:
    return {digest: vector.tobytes() for digest, vector in vectors.items()}


def _same_size(record: FileRecord | None, entry: Entry) -> bool:
    return record is not None and record.size == entry.size


def _record(rows: FileRows) -> FileRecord:
    return FileRecord(
        path=rows.item.entry.path,
        file_id=rows.item.file_id,
        digest=rows.digest,
        size=rows.size,
        mtime_ns=rows.mtime_ns,
        language=rows.language,
        encoding=rows.encoding,
        chunks=rows.chunks,
        indexed_at_ns=rows.read_at_ns,
        note=rows.note,
    )
