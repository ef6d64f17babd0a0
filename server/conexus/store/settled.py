"""What is known of rows on disk: slow to read, seldom changed, shared by an index's snapshots."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define, field

from conexus.store.memory import give_back_memory

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
_BULK_SECONDS = 0.2


@define(eq=False)
class _Table:
    """One kind of table: of which arrangement it is or is being read, and the last one that was read."""

    key: object = None
    reading: Future[Any] | None = None
    before: Any = None


@define(eq=False)
class Settled:
    """Tables made of all rows on disk, each read once an arrangement of them. Safe to use from several threads.

    Hidden rows are in them too: while new rows are served from memory, those on disk only become fewer.
    """

    _tables: dict[str, _Table] = field(factory=dict)
    _guard: threading.Lock = field(factory=threading.Lock)

    def get(self, name: str, key: object, read: Callable[[], T]) -> T:
        """Return what `read` gives for the arrangement `key`; waits for it. Raises what `read` raises."""
        with self._guard:
            reading = self._started(self._tables.setdefault(name, _Table()), key, name, read)
        found: T = reading.result()
        return found

    def get_now(self, name: str, key: object, read: Callable[[], T]) -> T | None:
        """Return the same if it is there; else have it read, and return what there was before or None.

        One table is read at a time, so that during a bulk load the next read begins when one is done.
        """
        with self._guard:
            table = self._tables.setdefault(name, _Table())
            if table.reading is None or table.reading.done():
                self._started(table, key, name, read)
            reading = table.reading
            before: T | None = table.before
        if reading is not None and _is_good(reading):
            found: T = reading.result()
            return found
        return before

    def is_read(self, name: str) -> bool:
        """Return whether there is anything to answer with."""
        with self._guard:
            table = self._tables.get(name)
            if table is None:
                return False
            return table.before is not None or (table.reading is not None and _is_good(table.reading))

    def is_current(self, name: str, key: object) -> bool:
        """Return whether `get` with this key returns at once."""
        with self._guard:
            table = self._tables.get(name)
            return (
                table is not None
                and table.key == key
                and table.reading is not None
                and _is_good(table.reading)
            )

    def _started(self, table: _Table, key: object, name: str, read: Callable[[], T]) -> Future[T]:
        if table.reading is not None and table.key == key and not _is_bad(table.reading):
            return table.reading
        if table.reading is not None and _is_good(table.reading):
            table.before = table.reading.result()
        reading: Future[T] = Future()
        table.key, table.reading = key, reading
        arguments = (table, reading, read)
        threading.Thread(target=self._fill, args=arguments, name=f"reading {name}", daemon=True).start()
        return reading

    def _fill(self, table: _Table, reading: Future[T], read: Callable[[], T]) -> None:
        began = time.monotonic()
        try:
            reading.set_result(read())
        except BaseException as error:  # noqa: BLE001 -- raised again where it is waited for
            reading.set_exception(error)
        with self._guard:
            if table.reading is reading and _is_good(reading):
                table.before = None
        # What was mapped leaves nothing behind, and somebody may be waiting for his first answer.
        if time.monotonic() - began > _BULK_SECONDS:
            give_back_memory()


def _is_good(reading: Future[Any]) -> bool:
    return reading.done() and reading.exception() is None


def _is_bad(reading: Future[Any]) -> bool:
    return reading.done() and reading.exception() is not None
