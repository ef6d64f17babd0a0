"""What has been asked of a folder and not been done: the last change wins, and a wait knows its turn.

A change only records itself here; the folder's threads take what is due. Numbers rise with every change, so
"everything said until now" is one number.
"""

from __future__ import annotations

import time
from threading import Condition
from typing import TYPE_CHECKING

from attrs import define, field, frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# An edit is searchable 50 ms later at most; waiting this long for the next keystroke leaves room for it.
DEBOUNCE_SECONDS = 0.015
LONGEST_WAIT_SECONDS = 0.03
_MOST_PATHS = 2_000


@frozen
class DiskWork:
    """What the disk thread takes at once."""

    ticket: int
    everything: bool
    paths: frozenset[str]


@define
class _Edit:
    ticket: int
    """That of the oldest change that is not shown."""
    first: float
    last: float


@define(eq=False)
class Pending:
    """The queue of one folder. Safe to use from several threads."""

    paused: bool = False
    closed: bool = False
    _ticket: int = 0
    _edits: dict[str, _Edit] = field(factory=dict)
    _in_work: dict[str, int] = field(factory=dict)
    _paths: set[str] = field(factory=set)
    _taken: frozenset[str] = frozenset()
    """Files that are being worked on."""
    _everything: bool = False
    _asked: int = 0
    """The ticket of the newest change on disk."""
    _done: int = 0
    _changed: Condition = field(factory=Condition)

    def edit(self, path: str) -> None:
        """Record that the open text of `path` changed, was opened or closed."""
        with self._changed:
            self._ticket += 1
            self._record(path, self._ticket)

    def show_again(self, paths: Iterable[str]) -> None:
        """Record that open texts must be shown anew, which is a part of all that was asked until now."""
        with self._changed:
            for path in paths:
                self._record(path, 0)

    def hurry(self, ticket: int) -> None:
        """Let texts recorded up to `ticket` be taken that only wait for the next keystroke: somebody asks about them."""
        now = time.monotonic()
        with self._changed:
            for edit in self._edits.values():
                # What could not be shown yet has its time in the future, and keeps it.
                if edit.ticket <= ticket and edit.first <= now:
                    edit.first = now - LONGEST_WAIT_SECONDS
            self._changed.notify_all()

    def touch(self, paths: Iterable[str], *, awaited: bool = True) -> None:
        """Record that files may differ from the index, "" for all; nobody waits for those that are not `awaited`."""
        with self._changed:
            if awaited:
                self._ticket += 1
                self._asked = self._ticket
            self._paths.update(paths)
            if len(self._paths) > _MOST_PATHS or "" in self._paths:
                self._everything = True
                self._paths.clear()
            self._changed.notify_all()

    def set_paused(self, *, paused: bool) -> None:
        """Hold back work on files, or let it go on."""
        with self._changed:
            self.paused = paused
            self._changed.notify_all()

    def close(self) -> None:
        """Let the threads that take work end."""
        with self._changed:
            self.closed = True
            self._changed.notify_all()

    @property
    def waiting_paths(self) -> int:
        """Return how many files are known to differ, until they do not any more."""
        return len(self._paths | self._taken)

    @property
    def ticket(self) -> int:
        """Return the number of the last change."""
        return self._ticket

    def take_edits(self) -> list[str]:
        """Wait for texts that nobody changed for a moment and return their paths; empty when closed."""
        with self._changed:
            while not self.closed:
                now = time.monotonic()
                due = {path: _due(edit) for path, edit in self._edits.items()}
                ready = [path for path, moment in due.items() if moment <= now]
                if ready:
                    for path in ready:
                        self._in_work[path] = self._edits.pop(path).ticket
                    return ready
                self._changed.wait(min(due.values()) - now if due else None)
            return []

    def finish_edit(self, path: str) -> None:
        """Record that what `take_edits` gave is done."""
        with self._changed:
            self._in_work.pop(path, None)
            self._changed.notify_all()

    def retry_edit(self, path: str) -> None:
        """Record that what `take_edits` gave could not be done yet."""
        now = time.monotonic()
        with self._changed:
            ticket = self._in_work.pop(path, 0)
            newer = self._edits.get(path)
            if newer is None:
                self._edits[path] = _Edit(ticket, now + 0.5, now + 0.5)
            else:
                newer.ticket = ticket

    def take_disk(self, timeout: float | None = None) -> DiskWork | None:
        """Wait for work on files and return all there is; None when closed or after `timeout` seconds."""
        end = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            while not self.closed:
                if not self.paused and (self._everything or self._paths):
                    work = DiskWork(self._asked, self._everything, frozenset(self._paths))
                    self._everything = False
                    self._paths, self._taken = set(), work.paths
                    return work
                left = None if end is None else end - time.monotonic()
                if left is not None and left <= 0:
                    return None
                self._changed.wait(left)
            return None

    def finish_disk(self, work: DiskWork) -> None:
        """Record that what `take_disk` gave is done."""
        with self._changed:
            self._done = max(self._done, work.ticket)
            self._taken = frozenset()
            self._changed.notify_all()

    def put_back(self, work: DiskWork) -> None:
        """Record that what `take_disk` gave was interrupted."""
        with self._changed:
            self._everything = self._everything or work.everything
            self._paths |= work.paths
            self._taken = frozenset()
            self._changed.notify_all()

    def has_done(self, ticket: int) -> bool:
        """Return whether everything recorded up to `ticket` is done."""
        with self._changed:
            return self._done >= min(self._asked, ticket) and self.has_shown(ticket)

    def has_shown(self, ticket: int) -> bool:
        """Return whether every text recorded up to `ticket` is done."""
        with self._changed:
            edits = [edit.ticket for edit in self._edits.values()] + list(self._in_work.values())
            return all(number > ticket for number in edits)

    def wait_until(self, reached: Callable[[], bool], deadline: float, cancelled: Callable[[], bool]) -> bool:
        """Wait until `reached`, asked after every change; False at the deadline or when cancelled."""
        with self._changed:
            while not reached():
                left = deadline - time.monotonic()
                if left <= 0 or self.closed or cancelled():
                    return False
                self._changed.wait(min(left, 0.1))
            return True

    def _record(self, path: str, ticket: int) -> None:
        now = time.monotonic()
        known = self._edits.get(path)
        # Whoever waits for the change before waits on: the text to come has it, but it is not shown yet.
        ticket, first = (min(known.ticket, ticket), known.first) if known else (ticket, now)
        self._edits[path] = _Edit(ticket, first, now)
        self._changed.notify_all()

    def tell(self) -> None:
        """Let those who wait look again."""
        with self._changed:
            self._changed.notify_all()


def _due(edit: _Edit) -> float:
    return min(edit.last + DEBOUNCE_SECONDS, edit.first + LONGEST_WAIT_SECONDS)
