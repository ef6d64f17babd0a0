"""The manifest: which file version is visible, and everything else that is committed.

It is a SQLite database of its own, so that one transaction publishes a change, and it needs neither
LanceDB nor pyarrow nor numpy: seeing that nothing changed must not cost their import.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import define, evolve, field, fields_dict, frozen

from conexus.store.errors import IndexDamaged, unwritable
from conexus.store.memory import without_collecting

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

MANIFEST_NAME = "state.db"


class FileRecord(NamedTuple):
    """One visible version of a file. Change one with `_replace`.

    A tuple and not an attrs class: a hundred thousand of them are made at every start, in half the time.
    """

    path: str
    file_id: int
    digest: bytes
    """Of the source, as `workspace.source` gives it."""
    size: int
    """Of the file on disk, in bytes."""
    mtime_ns: int
    language: str
    encoding: str
    chunks: int
    indexed_at_ns: int
    note: str = ""
    revision: int = 0
    """The revision that published this file id; the manifest sets it."""


class SkipRecord(NamedTuple):
    """A file that was read and found not to belong, so that it is not read again until it changes."""

    path: str
    size: int
    mtime_ns: int
    reason: str
    detail: str = ""


class Part(NamedTuple):
    """A file that LanceDB wrote, as it was when committed."""

    name: str
    """Relative to the index directory, with ``/``."""
    size: int
    mark: bytes
    """Digest of its first and last blocks."""


@frozen
class Committed:
    """Numbers that are published together with the files."""

    revision: int = 0
    indexed_revision: int = 0
    """Files published after this revision are not yet in the full-text and vector structures."""
    next_file_id: int = 0
    chunks_version: int = 0
    symbols_version: int = 0
    chunk_rows: int = 0
    """Rows on disk, superseded ones included."""
    symbol_rows: int = 0
    counted_chunks: int = 0
    """Chunks that `frequencies` was counted over, and their words."""
    counted_words: int = 0
    optimized: int = 0
    """Rises whenever rows may have moved on disk: when they were arranged, and when old versions went."""
    unsettled: int = 0
    """1 while files of the last commit may be disappearing, so their absence proves no damage."""


@frozen
class Publication:
    """What one transaction changes."""

    committed: Committed
    files: Sequence[FileRecord] = ()
    skips: Sequence[SkipRecord] = ()
    removed: Sequence[str] = ()
    parts: Sequence[Part] = ()
    """New or changed parts."""
    lost: Sequence[str] = ()
    """Names of parts that are gone."""
    frequencies: bytes | None = None
    """The whole table, if it changed."""


@define
class Manifest:
    """The open database with its records in memory; safe to use from several threads.

    `files` and `skips` are replaced, never changed, so whoever holds one keeps a consistent view.
    """

    path: Path
    fingerprint: str
    files: Mapping[str, FileRecord] = field(init=False, factory=dict)
    skips: Mapping[str, SkipRecord] = field(init=False, factory=dict)
    left_out: Mapping[str, int] = field(init=False, factory=dict)
    """Reason → how many files and directories the last walk left out without reading them."""
    committed: Committed = field(init=False, factory=Committed)
    _database: sqlite3.Connection = field(init=False)
    _guard: threading.RLock = field(init=False, factory=threading.RLock)
    _seen: int = field(init=False, default=-1)

    @classmethod
    def open(cls, directory: Path, fingerprint: str, *, writable: bool) -> Manifest:
        """Open or, if `writable`, create the manifest of an index.

        Raises IndexDamaged if the file is not a manifest of this fingerprint, IndexUnwritable.
        """
        manifest = cls(directory / MANIFEST_NAME, fingerprint)
        try:
            with unwritable(directory):
                manifest._database = _connect(manifest.path, writable=writable)
                manifest._prepare(writable=writable)
                manifest.refresh()
        except (sqlite3.DatabaseError, ValueError, TypeError) as error:
            manifest.close()
            raise IndexDamaged(directory, f"{MANIFEST_NAME}: {error}") from error
        except BaseException:
            manifest.close()
            raise
        return manifest

    def refresh(self) -> bool:
        """Load what another process has committed since; return whether there was anything."""
        with self._guard:
            version = self._database.execute("PRAGMA data_version").fetchone()[0]
            if version == self._seen:
                return False
            self._seen = version
            # One read transaction, so that files and numbers belong to one revision.
            self._database.execute("BEGIN")
            try:
                self._load()
            finally:
                self._database.execute("ROLLBACK")
            return True

    def publish(self, change: Publication) -> None:
        """Make `change` visible, all of it or nothing. Raises IndexUnwritable."""
        number = change.committed.revision
        files = [item._replace(revision=self._revision_of(item, number)) for item in change.files]
        with self._guard, unwritable(self.path.parent):
            self._database.execute("BEGIN IMMEDIATE")
            try:
                self._write(change, files)
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise
            self._remember(change, files)

    def reserve(self, count: int) -> range:
        """Return `count` file ids that nobody was or will be given, even if this process is killed."""
        with self._guard, unwritable(self.path.parent):
            start = self.committed.next_file_id
            self._database.execute("INSERT OR REPLACE INTO meta VALUES ('next_file_id', ?)", (start + count,))
            self.committed = evolve(self.committed, next_file_id=start + count)
            return range(start, start + count)

    def note_left_out(self, counts: Mapping[str, int]) -> None:
        """Remember what a walk left out, by reason. Raises IndexUnwritable."""
        if counts == self.left_out:
            return
        with self._guard, unwritable(self.path.parent):
            noted = json.dumps(dict(counts))
            self._database.execute("INSERT OR REPLACE INTO meta VALUES ('left_out', ?)", (noted,))
            self.left_out = dict(counts)

    def parts(self) -> dict[str, Part]:
        """Return the files LanceDB had written at the last commit, by name."""
        with self._guard:
            return {
                row[0]: Part(*row) for row in self._database.execute("SELECT name, size, mark FROM parts")
            }

    def frequencies(self) -> bytes:
        """Return the committed table of document frequencies, little-endian int32; empty if none."""
        with self._guard:
            row = self._database.execute("SELECT value FROM meta WHERE key = 'frequencies'").fetchone()
        return row[0] if row else b""

    def close(self) -> None:
        """Close the database; harmless if it never opened."""
        with self._guard:
            if hasattr(self, "_database"):
                self._database.close()

    def _prepare(self, *, writable: bool) -> None:
        if writable and not self._database.execute("SELECT 1 FROM sqlite_master").fetchone():
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.executescript(_TABLES)
            self._database.execute("INSERT INTO meta VALUES ('fingerprint', ?)", (self.fingerprint,))
        owner = self._database.execute("PRAGMA application_id").fetchone()[0]
        if owner != _APPLICATION:
            raise ValueError("not written by Conexus")
        stored = self._database.execute("SELECT value FROM meta WHERE key = 'fingerprint'").fetchone()
        if stored != (self.fingerprint,):
            raise ValueError(f"belongs to {stored}")

    def _load(self) -> None:
        known = fields_dict(Committed)
        numbers = {key: value for key, value in self._database.execute(_NUMBERS) if key in known}
        self.committed = Committed(**{key: int(value) for key, value in numbers.items()})
        with without_collecting():
            self.files = {record.path: record for record in self._all_files()}
        self.skips = {
            (path := raw.decode("utf-8", "surrogateescape")): SkipRecord(path, *rest)
            for raw, *rest in self._database.execute(_ALL_SKIPS)
        }
        noted = self._database.execute("SELECT value FROM meta WHERE key = 'left_out'").fetchone()
        self.left_out = json.loads(noted[0]) if noted else {}

    def _all_files(self) -> list[FileRecord]:
        try:
            return list(
                map(FileRecord._make, self._database.execute(_ALL_FILES.format("CAST(path AS TEXT)")))
            )
        except sqlite3.OperationalError:
            # A path is not UTF-8; read one by one they take a third longer.
            rows = self._database.execute(_ALL_FILES.format("path"))
            return [FileRecord(raw.decode("utf-8", "surrogateescape"), *rest) for raw, *rest in rows]

    def _revision_of(self, record: FileRecord, number: int) -> int:
        known = self.files.get(record.path)
        return known.revision if known and known.file_id == record.file_id else number

    def _write(self, change: Publication, files: Sequence[FileRecord]) -> None:
        run = self._database.executemany
        gone = [(_raw(path),) for path in change.removed]
        run("DELETE FROM files WHERE path = ?", gone + [(_raw(skip.path),) for skip in change.skips])
        run("DELETE FROM skips WHERE path = ?", gone + [(_raw(item.path),) for item in files])
        run(_PUT_FILE, _bound(files))
        run(_PUT_SKIP, _bound(change.skips))
        run("DELETE FROM parts WHERE name = ?", [(name,) for name in change.lost])
        run("INSERT OR REPLACE INTO parts VALUES (?, ?, ?)", change.parts)
        meta: list[tuple[str, Any]] = [
            (name, getattr(change.committed, name)) for name in fields_dict(Committed)
        ]
        if change.frequencies is not None:
            meta.append(("frequencies", change.frequencies))
        run("INSERT OR REPLACE INTO meta VALUES (?, ?)", meta)

    def _remember(self, change: Publication, files: Sequence[FileRecord]) -> None:
        self.committed = change.committed
        if files or change.skips or change.removed:
            self.files = _updated(self.files, files, [*change.removed, *(skip.path for skip in change.skips)])
            self.skips = _updated(self.skips, change.skips, [*change.removed, *(item.path for item in files)])


_APPLICATION = 0x436E7873  # "Cnxs": tells our database from any other SQLite file
_TABLES = f"""
PRAGMA application_id = {_APPLICATION};
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE files (
  path BLOB PRIMARY KEY, file_id INTEGER NOT NULL, digest BLOB NOT NULL, size INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL, language TEXT NOT NULL, encoding TEXT NOT NULL, chunks INTEGER NOT NULL,
  indexed_at_ns INTEGER NOT NULL, note TEXT NOT NULL, revision INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE skips (
  path BLOB PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, reason TEXT NOT NULL,
  detail TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE parts (name TEXT PRIMARY KEY, size INTEGER NOT NULL, mark BLOB NOT NULL) WITHOUT ROWID;
"""
_ALL_FILES = """
SELECT {}, file_id, digest, size, mtime_ns, language, encoding, chunks, indexed_at_ns, note, revision
FROM files"""
_ALL_SKIPS = "SELECT path, size, mtime_ns, reason, detail FROM skips"
_PUT_FILE = "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PUT_SKIP = "INSERT OR REPLACE INTO skips VALUES (?, ?, ?, ?, ?)"
_NUMBERS = "SELECT key, value FROM meta WHERE key NOT IN ('frequencies', 'fingerprint')"


def _connect(path: Path, *, writable: bool) -> sqlite3.Connection:
    if writable:
        database = _opened(path, "mode=rwc")
        database.execute("PRAGMA synchronous=FULL")
        return database
    # A reader opens read-write all the same: in WAL mode it takes part in the shared-memory index.
    database = _opened(path, "mode=rw")
    try:
        database.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        # In a directory it may not write it cannot; then nobody of ours is writing there either.
        database.close()
        database = _opened(path, "mode=ro&immutable=1")
    database.execute("PRAGMA query_only=1")
    return database


def _opened(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?{mode}"
    return sqlite3.connect(uri, uri=True, timeout=10, isolation_level=None, check_same_thread=False)


def _raw(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")


def _bound(records: Iterable[FileRecord | SkipRecord]) -> list[tuple[Any, ...]]:
    return [(_raw(record.path), *record[1:]) for record in records]


def _updated(known: Mapping[str, Any], new: Iterable[Any], gone: Iterable[str]) -> dict[str, Any]:
    records = dict(known)
    for path in gone:
        records.pop(path, None)
    records.update((record.path, record) for record in new)
    return records
