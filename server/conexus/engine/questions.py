"""Questions that are being answered, and background work that gives way to them.

Python runs one thread at a time: a walk over a hundred thousand files makes each step of an answer wait its turn.
"""

from __future__ import annotations

import contextlib
import time
from threading import Condition
from typing import TYPE_CHECKING

from attrs import define, field

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST_SECONDS = 1.0


@define(eq=False)
class Questions:
    """How many there are. Safe to use from several threads."""

    _count: int = field(init=False, default=0)
    _ended: Condition = field(init=False, factory=Condition)
    _works_until: float = field(init=False, default=0.0)

    @contextlib.contextmanager
    def asked(self) -> Iterator[None]:
        """Count a question for as long as it is answered."""
        with self._ended:
            self._count += 1
        try:
            yield
        finally:
            with self._ended:
                self._count -= 1
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
