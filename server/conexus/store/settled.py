"""What is known of rows on disk: slow to read, seldom changed, shared by an index's snapshots."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define, field

from conexus.store.memory import give_back_memory

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


@define(eq=False)
class Settled:
    """Tables made of all rows on disk, each read once an arrangement of them. Safe to use from several threads.

    Hidden rows are in them too: while new rows are served from memory, those on disk only become fewer.
    """

    _key: object = None
    _read: dict[str, Future[Any]] = field(factory=dict)
    _before: dict[str, Any] = field(factory=dict)
    """What was read of the arrangement before: of use until the new one is read."""
    _guard: threading.Lock = field(factory=threading.Lock)

    def get(self, name: str, key: object, read: Callable[[], T]) -> T:
        """Return what `read` gives for the arrangement `key`; waits for it. Raises what `read` raises."""
        found: T = self._started(name, key, read).result()
        return found

    def get_now(self, name: str, key: object, read: Callable[[], T]) -> T | None:
        """Return the same if it is there, else what there was before or None, and have it read."""
        reading = self._started(name, key, read)
        if reading.done() and reading.exception() is None:
            found: T = reading.result()
            return found
        with self._guard:
            before: T | None = self._before.get(name)
            return before

    def is_read(self, name: str) -> bool:
        """Return whether there is anything to answer with."""
        with self._guard:
            reading = self._read.get(name)
            return name in self._before or (reading is not None and reading.done())

    def _started(self, name: str, key: object, read: Callable[[], T]) -> Future[T]:
        with self._guard:
            if key != self._key:
                done = {name: reading.result() for name, reading in self._read.items() if _is_good(reading)}
                self._before = {**self._before, **done}
                self._key, self._read = key, {}
            reading = self._read.get(name)
            if reading is not None and not (reading.done() and reading.exception()):
                return reading
            reading = self._read[name] = Future()
        threading.Thread(
            target=self._fill, args=(name, reading, read), name=f"reading {name}", daemon=True
        ).start()
        return reading

    def _fill(self, name: str, reading: Future[T], read: Callable[[], T]) -> None:
        try:
            reading.set_result(read())
        except BaseException as error:  # noqa: BLE001 -- raised again where it is waited for
            reading.set_exception(error)
        with self._guard:
            if self._read.get(name) is reading:
                self._before.pop(name, None)
        give_back_memory()


def _is_good(reading: Future[Any]) -> bool:
    return reading.done() and reading.exception() is None
