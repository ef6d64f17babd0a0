"""Runs the steps of a workflow: each in its time, several at once, and none takes the others with it."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from enum import StrEnum
from typing import TYPE_CHECKING, Generic, TypeVar

from attrs import define, field, frozen

from conexus.domain import ConexusError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_log = logging.getLogger(__name__)

T = TypeVar("T")

# So many questions are worked on at once, others wait their turn: each of them keeps a processor busy, and half
# done together they would all be late.
_AT_ONCE = 4
_THREADS = 4 * _AT_ONCE
# Without what an essential step finds there is no answer; only a step that hangs is given up.
_LONGEST_SECONDS = 30.0
# How soon a cancelled question is let go of.
_LOOK_SECONDS = 0.02


class StoppedError(ConexusError):
    """Whoever asked does not want the answer any more."""


class Outcome(StrEnum):
    """How a step ended."""

    DONE = "done"
    LATE = "late"
    FAILED = "failed"
    SKIPPED = "skipped"


@frozen
class Step(Generic[T]):
    """One agent's work: yields what it finds, best first, so that what is late is not lost."""

    name: str
    seconds: float
    """Its budget."""
    work: Callable[[], Iterator[T]]
    essential: bool = False
    """Whether it is waited for beyond its budget; the reply says that it took longer."""


@define
class Done(Generic[T]):
    """What became of a step."""

    name: str
    outcome: Outcome = Outcome.DONE
    found: list[T] = field(factory=list)
    seconds: float = 0.0
    note: str = ""


class Runner:
    """Threads that steps run on. Safe to use from several threads."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="conexus-steps")
        self._turns = threading.Semaphore(_AT_ONCE)

    def close(self) -> None:
        """End the threads; steps still running end with what they do now."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    @contextlib.contextmanager
    def turn(self, cancelled: Callable[[], bool]) -> Iterator[None]:
        """Wait until this question may be worked on. Raises StoppedError when `cancelled`."""
        while not self._turns.acquire(timeout=_LOOK_SECONDS):
            if cancelled():
                raise StoppedError("the question was cancelled")
        try:
            yield
        finally:
            self._turns.release()

    def run(self, steps: Sequence[Step[T]], deadline: float, cancelled: Callable[[], bool]) -> list[Done[T]]:
        """Run `steps` at the same time, and return what each found by its own time and by `deadline`.

        `deadline` is a time of `time.monotonic`. Raises StoppedError when `cancelled`.
        """
        begun = time.monotonic()
        jobs = [
            _Job(step, begun + _LONGEST_SECONDS if step.essential else min(deadline, begun + step.seconds))
            for step in steps
        ]
        futures = {self._pool.submit(job.run): job for job in jobs}
        waiting = set(futures)
        while waiting:
            left = max(futures[future].deadline for future in waiting) - time.monotonic()
            if left <= 0:
                break
            _, waiting = wait(waiting, timeout=min(left, _LOOK_SECONDS))
            if cancelled():
                for job in jobs:
                    job.stopped = True
                raise StoppedError("the question was cancelled")
        return [job.result() for job in jobs]


class _Job(Generic[T]):
    def __init__(self, step: Step[T], deadline: float) -> None:
        self.step = step
        self.deadline = deadline
        self.stopped = False
        self._ended = False
        self._begun = time.monotonic()
        self._done: Done[T] = Done(step.name)

    def run(self) -> None:
        done = self._done
        try:
            for found in self.step.work():
                if self.stopped or time.monotonic() > self.deadline:
                    break
                done.found.append(found)
            else:
                self._ended = True
        except Exception as error:  # noqa: BLE001 -- one agent may fail in any way; the others answer
            if self.stopped:
                return  # nobody waits for it any more, and the folder may have been closed
            _log.exception("the step %s failed", self.step.name)
            done.outcome, done.note = Outcome.FAILED, f"{type(error).__name__}: {error}"
            self._ended = True
        done.seconds = time.monotonic() - self._begun

    def result(self) -> Done[T]:
        """Return what there is now; a step that goes on is told to stop, and what it finds is not looked at."""
        self.stopped = True
        done = self._done
        if self._ended:
            return done
        note = f"its {self.step.seconds:.2g} s were up"
        return Done(done.name, Outcome.LATE, list(done.found), time.monotonic() - self._begun, note)
