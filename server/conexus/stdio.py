"""Standard input and output as the two ends of a protocol, each with a thread of its own.

Nothing else may write to the protocol's stream or read from it: `claim` takes both away from this process, so a
stray ``print`` of a library lands on stderr and a child process inherits nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections import OrderedDict

_BLOCK = 64 * 1024
# Blocks read ahead of the loop, and bytes that may wait for a client that does not read.
_AHEAD = 16
_FULL = 8 * 1024 * 1024


def claim() -> tuple[int, int]:
    """Return new descriptors of stdin and stdout; the old ones lead nowhere and to stderr."""
    incoming, outgoing = os.dup(0), os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.close(nowhere)
    os.dup2(2, 1)
    if sys.platform == "win32":
        import msvcrt

        for descriptor in (incoming, outgoing):
            msvcrt.setmode(descriptor, os.O_BINARY)
    return incoming, outgoing


class Input:
    """Blocks of bytes from a descriptor. Reads at most a megabyte ahead of whoever awaits them.

    A process that is told to end (SIGTERM) has read all: it says goodbye as if its client had gone. Told again, or after the
    end, it ends at once.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._loop = asyncio.get_running_loop()
        self._blocks: asyncio.Queue[bytes] = asyncio.Queue(_AHEAD)
        self.ended = False
        """Whether this process was told to end."""
        # Windows ends processes without telling them, and only the main thread is told.
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            self._loop.add_signal_handler(signal.SIGTERM, self._end)
        # A daemon: it may be waiting for input when the process has to end.
        threading.Thread(target=self._read, name="stdin", daemon=True).start()

    async def block(self) -> bytes:
        """Return the next bytes; empty at the end."""
        block = b"" if self.ended else await self._blocks.get()
        if not block:
            self._listen_no_more()
        return block

    def _end(self) -> None:
        self.ended = True
        self._listen_no_more()
        if self._blocks.empty():  # otherwise nobody waits for it
            self._blocks.put_nowait(b"")

    def _listen_no_more(self) -> None:
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            self._loop.remove_signal_handler(signal.SIGTERM)

    def _read(self) -> None:
        data = b"."
        while data:
            try:
                data = os.read(self._descriptor, _BLOCK)
            except OSError:
                # Editors use socket pairs: a dead one is an error, not an end.
                data = b""
            try:
                asyncio.run_coroutine_threadsafe(self._blocks.put(data), self._loop).result()
            except RuntimeError:
                return  # The loop ended first.


class Output:
    """Messages to a descriptor, in order. Never blocks who writes; says when too much waits.

    A message with a `key` replaces an unsent one with the same key, so states a slow client has not read yet
    take the room of one.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._waiting: OrderedDict[object, bytes] = OrderedDict()
        self._bytes = 0
        self._numbers = 0
        self._changed = threading.Condition()
        self._closed = False
        self.broken = False
        """Whether the client stopped reading for good."""
        self._thread = threading.Thread(target=self._write, name="stdout", daemon=True)
        self._thread.start()

    @property
    def full(self) -> bool:
        """Whether so much waits that nothing should be begun that adds to it."""
        return self._bytes > _FULL and not self.broken

    def send(self, data: bytes, key: str | None = None) -> None:
        """Queue a message."""
        with self._changed:
            self._numbers += 1
            place = self._numbers if key is None else key
            self._bytes += len(data) - len(self._waiting.get(place, b""))
            self._waiting[place] = data
            self._changed.notify()

    def close(self, timeout: float) -> None:
        """Write what waits, for at most `timeout` seconds."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(timeout)

    def _write(self) -> None:
        while (data := self._next()) is not None:
            view = memoryview(data)
            try:
                while view and not self.broken:
                    view = view[os.write(self._descriptor, view) :]
            except OSError:
                self.broken = True

    def _next(self) -> bytes | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if not self._waiting:
                return None
            _, data = self._waiting.popitem(last=False)
            self._bytes -= len(data)
            return data
