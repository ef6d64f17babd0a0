"""A folder's past: what git says and the store does not know yet, read in the background and asked at once."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from attrs import define, field

from conexus.domain import ConexusError
from conexus.store.commits import CommitRecord, CommitStore
from conexus.workspace import history
from conexus.workspace.tickets import in_branch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from conexus.workspace.history import Branch, Position

_log = logging.getLogger(__name__)

_COMMITS = 2_000
_COMMITS_OF_A_BRANCH = 100
_COMMITS_NOW = 50
# So many at a time, that what is read can be asked for before all of it is.
_BATCH = 200


@define(eq=False)
class Past:
    """Commits, tickets and what changes together, of one folder. Safe to use from several threads."""

    root: Path
    path: Path
    """Of the database."""
    ages: Mapping[str, int] = field(init=False, factory=dict)
    """Path → how many commits ago it was changed last, of those changed by the newest ones; read in the background."""
    _together: dict[str, Mapping[str, float]] = field(init=False, factory=dict)
    _store: CommitStore | None = None
    _position: Position | None = None
    _reading: threading.Thread | None = None
    _closed: bool = False
    _lock: threading.RLock = field(factory=threading.RLock)

    @property
    def position(self) -> Position | None:
        """Return where the folder stood when last looked; None without a repository."""
        return self._position

    def catch_up(self, seconds: float) -> bool:
        """Read what git has that is not known yet, and wait for it a while; return whether all is known."""
        with self._lock:
            if self._closed:
                return False
            if self._reading is None or not self._reading.is_alive():
                self._reading = threading.Thread(
                    target=self._read, name=f"past of {self.root.name}", daemon=True
                )
                self._reading.start()
            reading = self._reading
        reading.join(seconds)
        return not reading.is_alive()

    def together(self, path: str) -> Mapping[str, float]:
        """Return other paths → the share of the commits of `path` that changed them too; remembered."""
        known = self._together
        if path not in known and self._position is not None:
            try:
                known[path] = self.store().together(path)
            except ConexusError as error:
                _log.info("the past of %s is not known: %s", self.root, error)
        return known.get(path, {})

    def store(self) -> CommitStore:
        """Return what is known. Raises IndexUnwritable."""
        with self._lock:
            if self._store is None:
                self._store = CommitStore(self.path)
            return self._store

    def close(self) -> None:
        """Close the database; who reads git ends with its next batch."""
        with self._lock:
            self._closed = True
            store, self._store = self._store, None
        if self._reading is not None:
            self._reading.join(5.0)
        if store is not None:
            store.close()

    def _read(self) -> None:
        try:
            self._position = history.position(self.root)
            if self._position is not None:
                self._bring_up_to_date(self._position)
                self.ages = self.store().ages(_COMMITS_NOW)
                self._together = {}
        except ConexusError as error:
            _log.info("the past of %s is not kept: %s", self.root, error)
        except Exception:  # noqa: BLE001 -- without a past, the present is answered for all the same
            _log.exception("the past of %s cannot be read", self.root)

    def _bring_up_to_date(self, position: Position) -> None:
        branches = history.branches(self.root)
        mark = " ".join([position.head, position.branch, *(f"{b.name} {b.tip}" for b in branches)])
        store = self.store()
        if mark == store.mark:
            return
        line = history.recent(self.root, position.head, _COMMITS)
        own = self._of_branches(branches, position)
        wanted = list(dict.fromkeys([*line, *(one for ids in own.values() for one in ids)]))
        missing = store.unknown(wanted)
        for start in range(0, len(missing), _BATCH):
            if self._closed:
                return
            store.add(_rows(self.root, missing[start : start + _BATCH]))
        store.arrange(mark, line, own)

    def _of_branches(self, branches: Sequence[Branch], position: Position) -> Mapping[str, Sequence[str]]:
        """Return ticket → the commits that only the branches of its name have."""
        base = history.default_branch(self.root)
        found: dict[str, list[str]] = {}
        for branch in branches:
            tickets = in_branch(branch.name)
            if not tickets:
                continue
            without = [base] if base else []
            if not base and branch.name != position.branch:
                without = [position.head]
            ids = history.recent(self.root, branch.tip, _COMMITS_OF_A_BRANCH, without=without)
            for ticket in tickets:
                found.setdefault(ticket, []).extend(ids)
        return found


def _rows(root: Path, ids: Sequence[str]) -> list[tuple[CommitRecord, Sequence[str], Sequence[str]]]:
    return [
        (CommitRecord(one.id, one.time, one.author, one.subject, one.is_merge), one.paths, one.tickets)
        for one in history.commits(root, ids)
    ]
