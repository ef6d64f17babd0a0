"""What is remembered of git's commits, beside a folder's index: which files each changed, which tickets it names."""

from __future__ import annotations

import sqlite3
import threading
from typing import TYPE_CHECKING, NamedTuple

from attrs import define, field

from conexus.store.errors import unwritable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

COMMITS_NAME = "commits.db"

# A commit of more files is a formatter's or a merge's work and relates nothing.
_MOST_FILES = 30
_FEWEST_COMMITS = 2
_MOST_TOGETHER = 50
_BATCH = 500


class CommitRecord(NamedTuple):
    """One commit."""

    id: str
    time: int
    """In seconds since 1970."""
    author: str
    subject: str
    is_merge: bool = False


@define(eq=False)
class CommitStore:
    """Commits by id, and which of them the folder stands on. Safe with several threads and processes.

    A commit never changes, so what was once read of it is never read again. A damaged file is replaced:
    git knows everything in it.
    """

    path: Path
    _database: sqlite3.Connection = field(init=False)
    _guard: threading.RLock = field(init=False, factory=threading.RLock)

    def __attrs_post_init__(self) -> None:
        with unwritable(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._database = _connect(self.path)
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise
                for name in (self.path.name, f"{self.path.name}-wal", f"{self.path.name}-shm"):
                    self.path.with_name(name).unlink(missing_ok=True)
                self._database = _connect(self.path)

    @property
    def mark(self) -> str:
        """Return what `arrange` was last called for."""
        row = self._row("SELECT value FROM meta WHERE key = 'mark'")
        return str(row[0]) if row else ""

    def unknown(self, ids: Sequence[str]) -> list[str]:
        """Return those of `ids` that were never added, in their order."""
        with self._guard:
            known = {
                row[0]
                for start in range(0, len(ids), _BATCH)
                for row in self._database.execute(
                    f"SELECT id FROM commits WHERE id IN ({_marks(ids[start : start + _BATCH])})",  # noqa: S608 - only question marks are put in
                    ids[start : start + _BATCH],
                )
            }
        return [one for one in ids if one not in known]

    def add(self, commits: Iterable[tuple[CommitRecord, Sequence[str], Sequence[str]]]) -> None:
        """Remember commits with the paths they changed and the tickets they name. Raises IndexUnwritable."""
        with self._guard, unwritable(self.path), self._database:
            for record, paths, tickets in commits:
                number = self._database.execute(
                    "INSERT INTO commits (id, time, author, subject, merge, files) VALUES (?, ?, ?, ?, ?, ?)"
                    " ON CONFLICT (id) DO UPDATE SET files = excluded.files RETURNING number",
                    (*record, len(paths)),
                ).fetchone()[0]
                run = self._database.executemany
                run("INSERT OR IGNORE INTO paths VALUES (?, ?)", [(_raw(path), number) for path in paths])
                run("INSERT OR IGNORE INTO tickets VALUES (?, ?)", [(ticket, number) for ticket in tickets])

    def arrange(self, mark: str, ids: Sequence[str], branches: Mapping[str, Sequence[str]]) -> None:
        """Let `ids` be the commits the folder stands on, newest first, until another `mark`.

        `branches` are the commits that belong to a ticket because a branch of its name has them. Raises
        IndexUnwritable.
        """
        with self._guard, unwritable(self.path), self._database:
            run = self._database.execute
            run("DELETE FROM line")
            run("DELETE FROM branches")
            put = self._database.executemany
            put("INSERT OR IGNORE INTO line SELECT ?, number FROM commits WHERE id = ?", enumerate(ids))
            for ticket, own in branches.items():
                put(
                    "INSERT OR IGNORE INTO branches SELECT ?, number FROM commits WHERE id = ?",
                    [(ticket, one) for one in own],
                )
            run("INSERT OR REPLACE INTO meta VALUES ('mark', ?)", (mark,))

    def together(self, path: str) -> dict[str, float]:
        """Return other paths → the share of the commits of `path` that changed them too, at least 2."""
        raw = _raw(path)
        own = "SELECT number FROM paths NATURAL JOIN commits NATURAL JOIN line WHERE path = ? AND merge = 0"
        telling = f"{own} AND files BETWEEN 2 AND {_MOST_FILES}"
        with self._guard:
            count = self._database.execute(f"SELECT count(*) FROM ({telling})", (raw,)).fetchone()[0]  # noqa: S608 - nothing from outside is put in
            rows = self._database.execute(
                f"SELECT path, count(*) AS times FROM paths WHERE number IN ({telling}) AND path <> ?"  # noqa: S608 - as above
                " GROUP BY path HAVING times >= ? ORDER BY times DESC, path LIMIT ?",
                (raw, raw, _FEWEST_COMMITS, _MOST_TOGETHER),
            ).fetchall()
        return {other.decode("utf-8", "surrogateescape"): times / count for other, times in rows}

    def ages(self, commits: int) -> dict[str, int]:
        """Return path → how many commits ago it was changed last, 0 by the newest, of the newest `commits`."""
        query = (
            "SELECT path, min(position) FROM line NATURAL JOIN commits NATURAL JOIN paths"
            " WHERE position < ? AND merge = 0 AND files <= ? GROUP BY path"
        )
        with self._guard:
            rows = self._database.execute(query, (commits, _MOST_FILES)).fetchall()
        return {path.decode("utf-8", "surrogateescape"): position for path, position in rows}

    def of_ticket(self, ticket: str) -> dict[CommitRecord, list[str]]:
        """Return the commits of a ticket with the paths they changed, newest first."""
        numbers = (
            "SELECT number FROM tickets WHERE ticket = ? UNION SELECT number FROM branches WHERE ticket = ?"
        )
        return self._with_paths(f"number IN ({numbers})", (ticket, ticket))

    def of_path(self, path: str, limit: int) -> list[CommitRecord]:
        """Return the newest commits the folder stands on that changed `path`."""
        return self._records(
            f"SELECT {_COLUMNS} FROM line NATURAL JOIN commits NATURAL JOIN paths"  # noqa: S608 - as above
            " WHERE path = ? ORDER BY position LIMIT ?",
            (_raw(path), limit),
        )

    def recent(self, limit: int) -> list[CommitRecord]:
        """Return the newest commits the folder stands on."""
        return self._records(
            f"SELECT {_COLUMNS} FROM line NATURAL JOIN commits ORDER BY position LIMIT ?",  # noqa: S608 - as above
            (limit,),
        )

    def by_ids(self, ids: Sequence[str]) -> dict[str, CommitRecord]:
        """Return what is known of these commits."""
        few = list(dict.fromkeys(ids))[:_BATCH]
        rows = self._records(f"SELECT {_COLUMNS} FROM commits WHERE id IN ({_marks(few)})", few)  # noqa: S608 - only question marks are put in
        return {row.id: row for row in rows}

    def tickets_of(self, ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Return the tickets of these commits, by their messages and their branches' names."""
        few = list(dict.fromkeys(ids))[:_BATCH]
        found: dict[str, tuple[str, ...]] = {}
        with self._guard:
            rows = self._database.execute(
                f"SELECT id, ticket FROM (SELECT * FROM tickets UNION SELECT * FROM branches)"  # noqa: S608 - as above
                f" NATURAL JOIN commits WHERE id IN ({_marks(few)}) ORDER BY ticket",
                few,
            ).fetchall()
        for one, ticket in rows:
            found[one] = (*found.get(one, ()), ticket)
        return found

    def close(self) -> None:
        """Close the database."""
        with self._guard:
            self._database.close()

    def _with_paths(self, where: str, values: Sequence[object]) -> dict[CommitRecord, list[str]]:
        found: dict[CommitRecord, list[str]] = {}
        with self._guard:
            rows = self._database.execute(
                f"SELECT {_COLUMNS}, path FROM commits NATURAL LEFT JOIN paths NATURAL LEFT JOIN line WHERE {where}"  # noqa: S608 - as above
                # Commits of one second are in the order of the line they stand in.
                " ORDER BY time DESC, position, id, path",
                values,
            ).fetchall()
        for *fields, path in rows:
            paths = found.setdefault(_record(fields), [])
            if path is not None:
                paths.append(path.decode("utf-8", "surrogateescape"))
        return found

    def _records(self, query: str, values: Sequence[object]) -> list[CommitRecord]:
        with self._guard:
            return [_record(row) for row in self._database.execute(query, values)]

    def _row(self, query: str) -> tuple[object, ...] | None:
        with self._guard:
            row: tuple[object, ...] | None = self._database.execute(query).fetchone()
            return row


_COLUMNS = "id, time, author, subject, merge"
_FORMAT = 1
_TABLES = f"""
PRAGMA user_version = {_FORMAT};
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE commits (
  number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, time INTEGER NOT NULL, author TEXT NOT NULL,
  subject TEXT NOT NULL, merge INTEGER NOT NULL, files INTEGER NOT NULL);
CREATE TABLE paths (path BLOB NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (path, number)) WITHOUT ROWID;
CREATE INDEX paths_by_commit ON paths (number);
CREATE TABLE tickets (ticket TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (ticket, number)) WITHOUT ROWID;
CREATE TABLE branches (ticket TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (ticket, number)) WITHOUT ROWID;
CREATE TABLE line (position INTEGER NOT NULL, number INTEGER PRIMARY KEY);
"""


def _connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=10, check_same_thread=False)
    if database.execute("PRAGMA user_version").fetchone()[0] != _FORMAT:
        if database.execute("SELECT 1 FROM sqlite_master").fetchone():
            database.close()
            raise sqlite3.DatabaseError("written in another format")
        database.execute("PRAGMA journal_mode=WAL")
        database.executescript(_TABLES)
    database.execute("PRAGMA synchronous=NORMAL")
    return database


def _record(fields: Sequence[object]) -> CommitRecord:
    number, time, author, subject, merge = fields
    return CommitRecord(str(number), int(str(time)), str(author), str(subject), bool(merge))


def _marks(values: Sequence[str]) -> str:
    return ",".join("?" * len(values))


def _raw(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")
