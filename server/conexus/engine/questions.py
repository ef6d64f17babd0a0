"""Questions that are being answered, each in its turn, and background work that gives way to them.

Python runs one thread at a time: a walk over a hundred thousand files makes each step of an answer wait its turn, and
many questions at once make each step of all of them, and of an edit, wait for all others.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from collections import deque
from threading import Condition
from typing import TYPE_CHECKING

from attrs import define, field

from conexus.machine import cores

if TYPE_CHECKING:
    from collections.abc import Iterator

QUESTIONS = frozenset(
    {"search", "similar", "related", "history", "context", "symbols", "grep", "read", "outline"}
)
"""Requests that somebody waits for. Files are not read meanwhile, or at half the pace."""
# A second question has work for another core while the first one holds Python's lock; more only wait for each other.
_AT_ONCE = max(2, min(4, cores() // 2))
# Whoever takes longer (an expression over all files, a context) goes on, but no longer keeps others from beginning.
_TURN_SECONDS = 0.1
_LONGEST_SECONDS = 1.0


@define(eq=False)
class Questions:
    """How many there are, and which of them have begun. Safe to use from several threads."""

    _count: int = field(init=False, default=0)
    _numbers: Iterator[int] = field(init=False, factory=itertools.count)
    _line: deque[int] = field(init=False, factory=deque)
    """Who waits to begin, in the order they came."""
    _turns: dict[int, float] = field(init=False, factory=dict)
    """Who has begun → until when no other may have their place."""
    _ended: Condition = field(init=False, factory=Condition)
    _works_until: float = field(init=False, default=0.0)

    @contextlib.contextmanager
    def asked(self) -> Iterator[None]:
        """Wait for a question's turn, and count it for as long as it waits and is answered."""
        with self._ended:
            self._count += 1
            number = next(self._numbers)
            self._line.append(number)
            self._await_turn(number)
        try:
            yield
        finally:
            with self._ended:
                self._count -= 1
                del self._turns[number]
                self._ended.notify_all()

    def give_way(self) -> None:
        """Wait until no question is being answered; but background work gets half of the time at least."""
        began = time.monotonic()
        if not self._count or began < self._works_until:
            return
        with self._ended:
            self._ended.wait_for(lambda: not self._count, _LONGEST_SECONDS)
        ended = time.monotonic()
        self._works_until = 2 * ended - began

    def _await_turn(self, number: int) -> None:
        while True:
            now = time.monotonic()
            held = [end for end in self._turns.values() if end > now]
            if self._line[0] == number and len(held) < _AT_ONCE:
                break
            self._ended.wait(min(held) - now if held else None)
        self._line.popleft()
        self._turns[number] = now + _TURN_SECONDS
        self._ended.notify_all()  # there may be room for the next one too
