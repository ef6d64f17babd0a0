"""One folder's index on disk: open, verify, recover, commit, optimise.

A commit writes LanceDB rows first and then publishes them with one SQLite transaction. Whatever happens in
between leaves rows that no file record names, which nobody sees and the next open or optimise deletes.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field

from conexus.store import parts
from conexus.store.errors import IndexBusy, IndexClosed, IndexDamaged, IndexMissing, unwritable
from conexus.store.manifest import MANIFEST_NAME, Committed, FileRecord, Manifest, Publication, SkipRecord
from conexus.store.masks import Masks
from conexus.store.stats import IndexStats, bytes_by_part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from filelock import BaseFileLock
    from numpy.typing import NDArray

    from conexus.store.mapped import Mapped
    from conexus.store.overlay import Overlay
    from conexus.store.postings import Postings
    from conexus.store.schema import Fingerprint
    from conexus.store.snapshot import Snapshot
    from conexus.store.tables import Tables

OVERLAY_ROWS = 8_192
"""Committed rows that no structure covers yet are served from memory up to this many, from disk beyond."""
_REOPEN_AFTER = 10
_RESERVED_IDS = 256
_VECTOR_FILES = 64
_SPARE_PATHS = 1_024
_LOCK_NAME = "lock"
_OWNER_NAME = "owner"


@define(eq=False)
class Index:
    """The index of one folder under one fingerprint. Safe to use from several threads.

    LanceDB is loaded by the first call that needs rows; opening, `files`, `skips` and commits without rows
    need the manifest only.
    """

    directory: Path
    dimensions: int
    writable: bool
    arranges_apart: bool = field(init=False, default=False)
    """Whether search structures are built by a process of low priority: questions are being asked meanwhile."""
    notes: list[str] = field(init=False, factory=list)
    """What had to be repaired, for people. A rebuilt index is empty: reconcile again."""
    _fingerprint: str
    _vocabulary: Mapping[str, int]
    _manifest: Manifest = field(init=False)
    _lock: BaseFileLock | None = field(init=False, default=None)
    _tables: Tables | None = field(init=False, default=None)
    _overlay: Overlay | None = field(init=False, default=None)
    _loaded: set[int] = field(init=False, factory=set)
    _masks: Masks | None = field(init=False, default=None)
    _term_counts: NDArray[np.int32] | None = field(init=False, default=None)
    _path_of: dict[int, str] = field(init=False, factory=dict)
    _buffers: Mapping[str, int] = field(init=False, factory=dict)
    _next_id: int = field(init=False, default=0)
    _optimized: int = field(init=False, default=0)
    _snapshot: Snapshot | None = field(init=False, default=None)
    _settled_rows: Any = field(init=False, default=None)
    _scan: Any = field(init=False, default=None)
    _saved: tuple[str, Mapped | None] = field(init=False, default=("", None))
    """Places and symbols to be mapped, and the name they were looked for under."""
    _words: tuple[str, Postings | None] = field(init=False, default=("", None))
    """The same of lists of words."""
    _saving: threading.Lock = field(init=False, factory=threading.Lock)
    _closed: bool = field(init=False, default=False)
    _guard: threading.RLock = field(init=False, factory=threading.RLock)
    """Held for state changes and their reading, never during a query."""
    _writing: threading.RLock = field(init=False, factory=threading.RLock)
    """Held by one commit or optimise at a time; taken before `_guard`."""

    @classmethod
    def open(
        cls,
        directory: Path,
        fingerprint: Fingerprint | str,
        dimensions: int,
        *,
        writable: bool,
        vocabulary: Mapping[str, int] | None = None,
    ) -> Index:
        """Open the index in `directory`, created if `writable`; repair what is damaged and note it.

        `fingerprint` may be given by its key. `vocabulary` maps words to positions in the `frequencies` given to `commit`. Raises IndexBusy if
        another process writes it, IndexUnwritable, and for readers IndexMissing and IndexDamaged.
        """
        key = fingerprint if isinstance(fingerprint, str) else fingerprint.key
        index = cls(directory, dimensions, writable, key, vocabulary or {})
        try:
            if writable:
                index._open_for_writing()
            else:
                index._open_for_reading()
        except BaseException:
            index.close()
            raise
        index._next_id = index._manifest.committed.next_file_id
        return index

    @property
    def files(self) -> Mapping[str, FileRecord]:
        """Return the visible file versions by path; the mapping never changes, a commit makes a new one."""
        return self._manifest.files

    @property
    def skips(self) -> Mapping[str, SkipRecord]:
        """Return the files that were read and left out, by path."""
        return self._manifest.skips

    @property
    def left_out(self) -> Mapping[str, int]:
        """Return how many files and directories the last walk left out without reading them, by reason."""
        return self._manifest.left_out

    @property
    def revision(self) -> int:
        """Return the number of the last committed state."""
        return self._manifest.committed.revision

    @property
    def pending_chunks(self) -> int:
        """Return how many visible chunks no structure covers yet; `optimize` makes it 0."""
        with self._guard:
            return self._current_masks().pending_chunks

    @property
    def chunks(self) -> int:
        """Return how many chunks are visible; open buffers do not count."""
        with self._guard:
            return self._current_masks().chunks

    @property
    def unarranged_chunks(self) -> int:
        """Return how many visible chunks `optimize` would have to arrange: all before it was done once."""
        with self._guard:
            masks = self._current_masks()
            return masks.pending_chunks if self._manifest.committed.optimized else masks.chunks

    @property
    def waiting_commits(self) -> int:
        """Return how many commits there were since `optimize`: each keeps a version and some files on disk."""
        committed = self._manifest.committed
        return committed.revision - committed.indexed_revision

    def allocate(self, count: int) -> range:
        """Return `count` file ids that are never given again. Raises IndexUnwritable."""
        with self._guard:
            self._require_open()
            start = self._next_id
            missing = start + count - self._manifest.committed.next_file_id
            if missing > 0:
                self._manifest.reserve(max(missing, _RESERVED_IDS))
            self._next_id = start + count
            return range(start, start + count)

    def note_left_out(self, counts: Mapping[str, int]) -> None:
        """Remember what a walk left out, by reason; it is no revision of its own. Raises IndexUnwritable."""
        with self._guard:
            self._require_open()
            self._manifest.note_left_out(counts)

    def commit(
        self,
        *,
        chunks: Sequence[bytes] = (),
        symbols: Sequence[bytes] = (),
        files: Sequence[FileRecord] = (),
        removed: Sequence[str] = (),
        touched: Sequence[FileRecord] = (),
        skips: Sequence[SkipRecord] = (),
        frequencies: NDArray[np.int32] | None = None,
    ) -> int:
        """Publish file versions and their rows, and return the new revision.

        `chunks` and `symbols` are what `RowsBuilder.encode` made, `files` the versions to show (file ids
        from `allocate`); rows of ids that no record names stay invisible. `removed` paths disappear,
        `touched` records change nothing but size and time, `skips` are remembered as left out.
        `frequencies` (int32[vocabulary]) counts in how many of these chunks each word occurs. Bulk loads
        do best with 8 to 16 thousand chunks a commit. Raises IndexUnwritable, IndexClosed, ValueError.
        """
        with self._writing:
            self._require_open()
            rows, names = _decoded(chunks), _decoded(symbols)
            _check_counts(rows, files)
            changes, numbers = parts.Changes([], []), self._manifest.committed
            if rows is not None and rows.num_rows:
                tables = self._opened()
                tables.add(rows, names)
                changes, numbers = self._settled(numbers)
            numbers = evolve(numbers, revision=numbers.revision + 1)
            numbers, table = self._counted(numbers, rows, frequencies)
            change = Publication(
                numbers, [*files, *touched], skips, removed, changes.new, changes.lost, table
            )
            self._publish(change)
            if rows is not None and rows.num_rows:
                self._show(rows, names, files)
            return numbers.revision

    def known_vectors(self, paths: Iterable[str]) -> dict[bytes, NDArray[np.float16]]:
        """Return chunk digest → float16[d] of the visible chunks of these paths; unknown paths are ignored."""
        ids = [self.files[path].file_id for path in paths if path in self.files]
        found: dict[bytes, NDArray[np.float16]] = {}
        if not ids or not self._has_rows():
            return found
        from conexus.store.schema import vectors_of
        from conexus.store.tables import CHUNKS, where_ids

        tables = self._opened()
        for start in range(0, len(ids), _VECTOR_FILES):
            rows = tables.rows(CHUNKS, where_ids(ids[start : start + _VECTOR_FILES]), ["digest", "vector"])
            found.update(zip(rows["digest"].to_pylist(), vectors_of(rows), strict=True))
        return found

    def put_buffers(self, file_ids: Mapping[str, int], chunks: bytes, symbols: bytes) -> None:
        """Show the rows of open buffers in place of the committed versions of their paths, in memory only."""
        with self._guard:
            overlay = self._opened_overlay()
            overlay.put(chunks, symbols)
            self._path_of.update((file_id, path) for path, file_id in file_ids.items())
            previous = [self._buffers[path] for path in file_ids if path in self._buffers]
            self._buffers = {**self._buffers, **file_ids}
            self._forget_paths()
            overlay.drop(previous)
            self._snapshot = None

    def drop_buffer(self, path: str) -> None:
        """Show the committed version of `path` again; harmless if there is no buffer."""
        with self._guard:
            if path in self._buffers:
                self._opened_overlay().drop([self._buffers[path]])
                self._buffers = {name: number for name, number in self._buffers.items() if name != path}
                self._snapshot = None

    def snapshot(self) -> Snapshot:
        """Return a view of what is visible now; a reader first looks for other processes' commits."""
        with self._guard:
            self._require_open()
            if not self.writable:
                self.refresh()
            if self._snapshot is None:
                self._snapshot = self._new_snapshot()
            return self._snapshot

    def refresh(self) -> bool:
        """Take in what another process committed; return whether there was anything."""
        with self._guard:
            if not self._manifest.refresh():
                return False
            self._masks, self._term_counts, self._snapshot = None, None, None
            if self._tables is not None:
                self._tables.refresh()
            return True

    def optimize(self, progress: Callable[[str], None] | None = None) -> None:
        """Bring every row into the structures, delete superseded rows, compact, forget old versions.

        `progress` is told what comes next. Queries go on meanwhile, commits wait. Raises IndexUnwritable.
        """
        with self._writing:
            self._require_open()
            if not self._has_rows():
                return
            tables = self._opened()
            self.prepare_arranging()
            try:
                self._arrange(tables, progress or (lambda _stage: None))
            finally:
                tables.stop_arranger()

    def prepare_arranging(self) -> None:
        """Start what will arrange rows, so that it is there when it is needed; `dismiss_arranger` ends it.

        Does nothing unless rows are arranged apart.
        """
        if self.arranges_apart:
            self._opened().start_arranger()

    def dismiss_arranger(self) -> None:
        """End what was prepared, where nothing came of it; harmless otherwise."""
        with self._writing:
            if self._tables is not None:
                self._tables.stop_arranger()

    def index_words(self) -> None:
        """Make all committed rows searchable by their words while a bulk load goes on.

        Only before the first `optimize`: vectors are then scanned, and need no structure to be found. A process that
        arranges rows stays for the next time, until `optimize` or `dismiss_arranger`.
        Raises IndexUnwritable.
        """
        with self._writing:
            self._require_open()
            if not self._has_rows() or self._opened().has_vector_structure:
                return
            tables = self._opened()
            self._publish(Publication(evolve(self._manifest.committed, unsettled=1)))
            self.prepare_arranging()
            tables.build_words(self._next_words())
            self._publish_settled(evolve(self._manifest.committed, indexed_revision=self.revision))
            self._forget_words()
            self._publish_settled(evolve(self._manifest.committed, unsettled=0))
            with self._guard:
                self._masks, self._snapshot = None, None

    def stats(self) -> IndexStats:
        """Return counts and sizes; loads LanceDB if there are rows."""
        numbers, files = self._manifest.committed, self.files.values()
        chunks = sum(record.chunks for record in files)
        bytes_of = bytes_by_part(self.directory)
        return IndexStats(
            files=len(self.files),
            skipped=len(self.skips),
            chunks=chunks,
            symbols=self.snapshot().count_symbols(),
            revision=numbers.revision,
            pending_chunks=self.pending_chunks,
            dead_rows=numbers.chunk_rows - chunks,
            fragments=self._opened().statistics()["fragments"] if self._has_rows() else 0,
            **bytes_of,
        )

    def close(self) -> None:
        """Close everything and release the writer lock; harmless twice."""
        with self._writing, self._guard:
            self._closed = True
            if self._tables is not None:
                self._tables.close()
                self._tables = None
            if hasattr(self, "_manifest"):
                self._manifest.close()
            if self._lock is not None:
                self._lock.release()
                self._lock = None

    # -- opening, verifying, repairing ------------------------------------------------------------------

    def _open_for_writing(self) -> None:
        with unwritable(self.directory):
            self.directory.mkdir(parents=True, exist_ok=True)
            self._take_lock()
        # Not durable, so nothing of it is trusted that another process left.
        shutil.rmtree(self.directory / parts.WORDS / parts.KEPT, ignore_errors=True)
        try:
            self._manifest = Manifest.open(self.directory, self._fingerprint, writable=True)
        except IndexDamaged as error:
            self._set_aside(error.what)
            self._manifest = Manifest.open(self.directory, self._fingerprint, writable=True)
        if not self._manifest.committed.chunks_version and self._leftovers():
            self._set_aside("tables without a manifest", (*parts.ROOTS,))
        self._verify_parts()

    def _open_for_reading(self) -> None:
        if not (self.directory / MANIFEST_NAME).is_file():
            raise IndexMissing(self.directory)
        self._manifest = Manifest.open(self.directory, self._fingerprint, writable=False)
        if bad := self._damaged_parts():
            # A writer may just have replaced files and published it: look again before complaining.
            self._manifest.refresh()
            bad = self._damaged_parts()
            if bad:
                raise IndexDamaged(self.directory, _listed(bad))

    def _take_lock(self) -> None:
        from filelock import FileLock, Timeout

        self._lock = FileLock(self.directory / _LOCK_NAME, timeout=0)
        owner = self.directory / _OWNER_NAME
        try:
            self._lock.acquire()
        except Timeout:
            self._lock = None
            raise IndexBusy(self.directory, _read_pid(owner)) from None
        owner.write_text(str(os.getpid()), "ascii")

    def _damaged_parts(self) -> list[str]:
        if self._manifest.committed.unsettled:
            return []
        return parts.damaged(self.directory, self._manifest.parts())

    def _verify_parts(self) -> None:
        bad = self._damaged_parts()
        if not bad:
            return
        if all(_is_structure(name) for name in bad):
            self._drop_structures(bad)
        else:
            self._rebuild(_listed(bad))

    def _drop_structures(self, bad: Sequence[str]) -> None:
        """Give up search structures whose files are damaged; the rows are sound."""
        from conexus.store import postings

        self.notes.append(f"rebuilding search structures of {self.directory}: damaged {_listed(bad)}")
        if any(not name.startswith(parts.WORDS) for name in bad):
            self._opened().drop_structures()
        if any(name.startswith(parts.WORDS) for name in bad):
            postings.forget(self.directory)
        # They stay on disk until versions are pruned; forget what they should have been.
        self._publish(Publication(self._manifest.committed, lost=bad))
        self._publish_settled(evolve(self._manifest.committed, indexed_revision=-1))

    def _rebuild(self, what: str) -> None:
        """Empty the index: it is a cache, and serving wrong rows is the failure to fear."""
        self.notes.append(f"rebuilding {self.directory}: {what}")
        with unwritable(self.directory):
            for name in (*parts.ROOTS, "tables"):
                shutil.rmtree(self.directory / name, ignore_errors=True)
        old = self._manifest
        numbers = Committed(revision=old.committed.revision + 1, next_file_id=old.committed.next_file_id)
        self._publish(Publication(numbers, removed=list(old.files), lost=list(old.parts()), frequencies=b""))

    def _set_aside(self, what: str, names: Iterable[str] | None = None) -> None:
        """Move what stands in our way, but may be somebody's, into a directory beside it."""
        target = self.directory / f"aside-{time.time_ns()}"
        with unwritable(self.directory):
            target.mkdir()
            for name in names or (
                MANIFEST_NAME,
                f"{MANIFEST_NAME}-wal",
                f"{MANIFEST_NAME}-shm",
                *parts.ROOTS,
                "tables",
            ):
                if (self.directory / name).exists():
                    (self.directory / name).rename(target / name)
        self.notes.append(
            f"started a new index in {self.directory}: {what}; what was there is in {target.name}"
        )

    def _leftovers(self) -> bool:
        return any((self.directory / name).exists() for name in parts.ROOTS)

    # -- LanceDB ----------------------------------------------------------------------------------------

    def _has_rows(self) -> bool:
        return self._manifest.committed.chunks_version > 0

    def _opened(self) -> Tables:
        with self._guard:
            self._require_open()
            if self._tables is None:
                self._tables = self._open_tables()
            return self._tables

    def _open_tables(self) -> Tables:
        from conexus.store.tables import Tables

        try:
            tables = Tables.open(self.directory, self.dimensions, create=self.writable)
            self._recover(tables)
        except (OSError, RuntimeError, ValueError) as error:
            with unwritable(self.directory):
                if not self.writable:
                    raise IndexDamaged(self.directory, str(error)) from error
                self._rebuild(str(error))
                return Tables.open(self.directory, self.dimensions, create=True)
        return tables

    def _recover(self, tables: Tables) -> None:
        """Compare LanceDB with what was committed; delete what was not. Raises ValueError if rows are lost."""
        numbers = self._manifest.committed
        versions = tables.versions()
        if versions < (numbers.chunks_version, numbers.symbols_version):
            tables.close()
            raise ValueError(f"versions {versions} are older than what was committed")
        if not self.writable or not self._has_rows():
            return
        if versions != (numbers.chunks_version, numbers.symbols_version) or numbers.unsettled:
            self._delete_dead(tables)
            expected = sum(record.chunks for record in self.files.values())
        else:
            expected = numbers.chunk_rows
        if (found := tables.counts()[0]) != expected:
            tables.close()
            raise ValueError(f"{found} rows instead of {expected}")
        self._publish_settled(evolve(numbers, unsettled=0), tables)

    def _delete_dead(self, tables: Tables) -> None:
        import numpy as np

        from conexus.store.tables import CHUNKS, SYMBOLS

        dead: set[int] = set()
        live = {record.file_id for record in self.files.values()}
        for name in (CHUNKS, SYMBOLS):
            present = np.unique(tables.rows(name, columns=["file_id"])["file_id"].to_numpy())
            dead.update(set(present.tolist()) - live)
        if dead:
            tables.delete(sorted(dead))

    def _publish_settled(self, numbers: Committed, tables: Tables | None = None) -> None:
        changes, numbers = self._settled(numbers, tables)
        self._publish(Publication(numbers, parts=changes.new, lost=changes.lost))

    def _settled(self, numbers: Committed, tables: Tables | None = None) -> tuple[parts.Changes, Committed]:
        """Make LanceDB's files durable; return them and `numbers` with the versions and counts now."""
        tables = tables or self._opened()
        with unwritable(self.directory):
            changes = parts.settle(self.directory, self._manifest.parts())
        versions, rows = tables.versions(), tables.counts()
        return changes, evolve(
            numbers,
            chunks_version=versions[0],
            symbols_version=versions[1],
            chunk_rows=rows[0],
            symbol_rows=rows[1],
        )

    def _arrange(self, tables: Tables, tell: Callable[[str], None]) -> None:
        is_first = not (tables.has_words_structure or self._words_now())
        self._publish(Publication(evolve(self._manifest.committed, unsettled=1)))
        tell("deleting superseded rows")
        self._delete_dead(tables)
        tell("building search structures")
        tables.build(self._next_words())
        indexed = evolve(
            self._manifest.committed,
            indexed_revision=self.revision,
            optimized=self._manifest.committed.optimized + 1,
            unsettled=0 if is_first else 1,
        )
        self._save_tables(tables, indexed)
        self._publish_settled(indexed)
        if not is_first:
            # A first build replaced nothing: compacting it would only write all rows again.
            tell("forgetting old versions")
            tables.prune()
            numbers = self._manifest.committed
            numbers = evolve(numbers, unsettled=0, optimized=numbers.optimized + 1)
            self._save_tables(tables, numbers)
            self._forget_words()
            self._publish_settled(numbers)
        self._forget_tables()
        self._after_optimize(tables, reopen=is_first)

    def _next_words(self) -> str:
        from conexus.store import postings

        return postings.name_of(self.revision)

    def _words_now(self) -> Postings | None:
        """Return the lists of words of this arrangement; None if there are none, as in indexes from before them."""
        from conexus.store import postings

        name = postings.name_of(self._manifest.committed.indexed_revision)
        if self._words[0] != name or self._words[1] is None:
            self._words = (name, postings.find(self.directory, name))
        return self._words[1]

    def _forget_words(self) -> None:
        from conexus.store import postings

        postings.forget(self.directory, but=postings.name_of(self._manifest.committed.indexed_revision))

    def _save_tables(self, tables: Tables, numbers: Committed) -> None:
        """Write places and symbols of a huge index for everybody who will open it."""
        from conexus.store import mapped

        if tables.counts()[0] > mapped.HUGE_CHUNKS:
            tables.save_tables(mapped.name_of((numbers.indexed_revision, numbers.optimized)))

    def _forget_tables(self) -> None:
        from conexus.store import mapped

        numbers = self._manifest.committed
        mapped.forget(self.directory, but=mapped.name_of((numbers.indexed_revision, numbers.optimized)))

    def _saved_tables(self, arrangement: tuple[int, int], chunks: int) -> Mapped | None:
        """Return the files of this arrangement, mapped, if there are any."""
        from conexus.store import mapped

        name = mapped.name_of(arrangement)
        if chunks > mapped.HUGE_CHUNKS and (self._saved[0] != name or self._saved[1] is None):
            self._saved = (name, mapped.find(self.directory, name))
        return self._saved[1] if self._saved[0] == name else None

    def _tables_saved_apart(self, arrangement: tuple[int, int]) -> Mapped | None:
        """Return the same, written by another process if they are missing; None if that fails: reading is slower."""
        from conexus.store import mapped
        from conexus.store.arranger import Arranger

        name = mapped.name_of(arrangement)
        with self._saving, contextlib.suppress(OSError, RuntimeError):
            found = mapped.find(self.directory, name)
            if found is None and self.writable:
                with Arranger(self.directory, self.dimensions) as arranger:
                    arranger.do(f"save_tables {name}")
                found = mapped.find(self.directory, name)
            with self._guard:
                self._snapshot = None
            return found
        return None

    def _after_optimize(self, tables: Tables, *, reopen: bool) -> None:
        from conexus.store.memory import give_back_memory

        self._optimized += 1
        with self._guard:
            if self._overlay is not None:
                self._overlay.drop(sorted(self._loaded))
            self._loaded.clear()
            self._masks, self._snapshot, self._scan = None, None, None
            # A first build leaves its caches full of what no query needs.
            if reopen or self._optimized % _REOPEN_AFTER == 0:
                tables.reopen()
        give_back_memory()

    # -- what is visible --------------------------------------------------------------------------------

    def _require_open(self) -> None:
        if self._closed:
            raise IndexClosed(self.directory)

    def _publish(self, change: Publication) -> None:
        with self._guard:
            reserved = self._manifest.committed.next_file_id
            change = evolve(change, committed=evolve(change.committed, next_file_id=reserved))
            before, indexed = self.files, self._manifest.committed.indexed_revision
            self._manifest.publish(change)
            self._snapshot = None
            if change.frequencies is not None:
                self._term_counts = None
            if change.committed.indexed_revision != indexed:
                self._masks = None
            elif self._masks is not None:
                self._masks = self._masks_after(self._masks, change, before)

    def _counted(
        self, numbers: Committed, rows: Any, delta: NDArray[np.int32] | None
    ) -> tuple[Committed, bytes | None]:
        """Add the document frequencies and lengths of new rows to what was counted."""
        if rows is None or not rows.num_rows:
            return numbers, None
        import numpy as np

        words = rows.num_rows + sum(map(_spaces, rows["tokens"].chunks))
        numbers = evolve(
            numbers,
            counted_chunks=numbers.counted_chunks + rows.num_rows,
            counted_words=numbers.counted_words + words,
        )
        if delta is None:
            return numbers, None
        known = self._frequencies()
        table = np.zeros(max(len(delta), len(known)), "<i4")
        table[: len(known)] += known
        table[: len(delta)] += delta
        return numbers, table.tobytes()

    def _frequencies(self) -> NDArray[np.int32]:
        if self._term_counts is None:
            import numpy as np

            self._term_counts = np.frombuffer(self._manifest.frequencies(), "<i4")
        return self._term_counts

    def _show(self, rows: Any, names: Any, files: Sequence[FileRecord]) -> None:
        """Serve new rows from memory until they are in a structure, if they are few."""
        with self._guard:
            if self.pending_chunks <= OVERLAY_ROWS:
                self._opened_overlay().put(rows, names)
                self._loaded.update(record.file_id for record in files)
                self._snapshot = None
                return
        self._keep_vectors(rows)

    def _keep_vectors(self, rows: Any) -> None:
        """Have new rows where questions compare vectors without a structure, as long as they do."""
        from conexus.store.scan import MOST_ROWS

        with self._guard:
            if self.chunks > MOST_ROWS:
                self._scan = None
            scan = self._scan
        if scan is not None and not self._opened().has_vector_structure:
            scan.put(rows)

    def _opened_overlay(self) -> Overlay:
        if self._overlay is None:
            from conexus.store.overlay import Overlay

            self._overlay = Overlay(self.dimensions)
        return self._overlay

    def _forget_paths(self) -> None:
        """Keep paths of visible files only, once most others are gone; snapshots that are out keep what they have."""
        if len(self._path_of) > 2 * len(self.files) + _SPARE_PATHS:
            self._path_of = {record.file_id: record.path for record in self.files.values()}
            self._path_of |= {number: path for path, number in self._buffers.items()}
            self._snapshot = None

    def _current_masks(self) -> Masks:
        if self._masks is None:
            self._masks = Masks.of(self.files.values(), self._manifest.committed)
            self._name(self.files.values())
        return self._masks

    def _masks_after(self, masks: Masks, change: Publication, before: Mapping[str, FileRecord]) -> Masks:
        paths = {
            *change.removed,
            *(item.path for item in change.files),
            *(item.path for item in change.skips),
        }
        gone = [before[path] for path in paths if path in before]
        new = [self.files[path] for path in paths if path in self.files]
        self._name(new)
        return masks.changed(gone, new, self._manifest.committed)

    def _name(self, records: Iterable[FileRecord]) -> None:
        self._path_of.update((record.file_id, record.path) for record in records)

    def _new_snapshot(self) -> Snapshot:
        import numpy as np

        from conexus.store.overlay import TermStatistics
        from conexus.store.scan import Scan
        from conexus.store.settled import Settled
        from conexus.store.snapshot import Snapshot, View

        if self._has_rows():
            self._opened()
        if self._settled_rows is None:
            self._settled_rows = Settled()
        if self._scan is None:
            self._scan = Scan()
        masks = self._current_masks()
        overlay = self._opened_overlay()
        in_memory = self._load_pending(masks)
        size = self._manifest.committed.next_file_id
        live = np.zeros(size, np.bool_)
        live[: len(masks.live)] = masks.live
        on_disk = live.copy()
        if in_memory:
            on_disk[: len(masks.pending)] &= ~masks.pending
        for path, number in self._buffers.items():
            if (record := self.files.get(path)) is not None:
                live[record.file_id] = on_disk[record.file_id] = False
            live[number] = True
        numbers = self._manifest.committed
        statistics = TermStatistics(
            self._vocabulary,
            self._frequencies(),
            numbers.counted_chunks,
            numbers.counted_words,
            masks.chunks,
        )
        arrangement = (numbers.indexed_revision, numbers.optimized)
        view = View(
            numbers.revision, self.files, self._path_of, live, on_disk, in_memory, masks.pending_chunks,
            overlay.view(), overlay.symbols, statistics, self._settled_rows,
            arrangement, self._buffers,
            self._saved_tables(arrangement, masks.chunks), lambda: self._tables_saved_apart(arrangement),
            self._scan, self._words_now(),
        )  # fmt: skip
        return Snapshot(view, lambda: self._opened() if self._has_rows() else None)

    def _load_pending(self, masks: Masks) -> bool:
        """Have the rows that no structure covers in memory; return False if they are too many for it."""
        import numpy as np

        pending = set(np.flatnonzero(masks.pending).tolist())
        if stale := self._loaded - pending:
            self._opened_overlay().drop(sorted(stale))
            self._loaded &= pending
        if masks.pending_chunks > OVERLAY_ROWS:
            return False
        if missing := sorted(pending - self._loaded):
            from conexus.store.tables import CHUNKS, SYMBOLS, where_ids

            tables = self._opened()
            where = where_ids(missing)
            self._opened_overlay().put(tables.rows(CHUNKS, where), tables.rows(SYMBOLS, where))
            self._loaded.update(missing)
        return True


def _decoded(streams: Sequence[bytes]) -> Any:
    if not streams:
        return None
    import pyarrow as pa

    from conexus.store.schema import decode

    return pa.concat_tables([decode(stream) for stream in streams])


def _spaces(texts: Any) -> int:
    """Return how many spaces an Arrow array of strings holds, from its bytes: a fifth of the time of counting in each."""
    import numpy as np

    _, ends, data = texts.buffers()
    if data is None:
        return 0
    bounds = np.frombuffer(ends, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return int(np.count_nonzero(np.frombuffer(data, np.uint8)[bounds[0] : bounds[-1]] == ord(" ")))


def _check_counts(rows: Any, files: Sequence[FileRecord]) -> None:
    if rows is None:
        if any(record.chunks for record in files):
            raise ValueError("records with chunks, but no rows")
        return
    import numpy as np

    ids, counts = np.unique(rows["file_id"].to_numpy(), return_counts=True)
    found = dict(zip(ids.tolist(), counts.tolist(), strict=True))
    for record in files:
        if found.get(record.file_id, 0) != record.chunks:
            raise ValueError(f"{record.path}: {record.chunks} chunks, {found.get(record.file_id, 0)} rows")


def _listed(names: Sequence[str]) -> str:
    return f"{names[0]} and {len(names) - 1} more" if len(names) > 1 else names[0]


def _read_pid(owner: Path) -> int | None:
    try:
        return int(owner.read_text("ascii"))
    except (OSError, ValueError):
        return None


def _is_structure(name: str) -> bool:
    """Return whether a file can be made again from the rows."""
    return "/_indices/" in name or name.startswith(f"{parts.WORDS}/")
