"""The frames of the protocol: headers, an empty line, a body of as many bytes as the headers say.

pygls' reader waits for ever when a header is spelled in lower case or promises more than will come. This one
takes what clients send, and after a frame it cannot use goes on at the next header that it can.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from conexus.domain import ConexusError

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST_BODY = 128 * 1024 * 1024
"""Bytes. No editor sends a longer message; a longer length is an error, not a message to wait for."""

_LARGEST_HEAD = 8 * 1024
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_LENGTH = re.compile(rb"^content-length[ \t]*:[ \t]*(\d{1,20})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_NEXT = re.compile(rb"content-length[ \t]*:", re.IGNORECASE)


class FrameError(ConexusError):
    """Bytes that are no frame."""


class Frames:
    """Bytes in, bodies out; holds at most one unfinished frame."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._expected: int | None = None
        self._lost = False

    def feed(self, data: bytes) -> Iterator[bytes | FrameError]:
        """Yield each body that `data` completes, and an error for each stretch that is no frame."""
        self._held += data
        while (frame := self._next()) is not None:
            yield frame

    def _next(self) -> bytes | FrameError | None:
        if self._lost and not self._recover():
            return None
        if self._expected is None:
            head = self._head()
            if head is None or isinstance(head, FrameError):
                return head
            self._expected = head
        if len(self._held) < self._expected:
            return None
        body = self._take(self._expected)
        self._expected = None
        return body

    def _head(self) -> int | FrameError | None:
        """Take a head off the held bytes and return the length it promises."""
        end = _END_OF_HEAD.search(self._held, 0, _LARGEST_HEAD)
        if end is None:
            if len(self._held) < _LARGEST_HEAD:
                return None
            return self._lose(f"no end of headers in {_LARGEST_HEAD} bytes")
        head = self._take(end.end())
        length = _LENGTH.search(head)
        if length is None:
            return self._lose("a message without a Content-Length header")
        if int(length[1]) > LARGEST_BODY:
            return self._lose(f"a message of {int(length[1])} bytes, of which {LARGEST_BODY} are allowed")
        return int(length[1])

    def _lose(self, reason: str) -> FrameError:
        self._lost = True
        return FrameError(f"{reason}: skipped up to the next Content-Length header")

    def _recover(self) -> bool:
        """Drop bytes up to the next head; False keeps only what may be the beginning of one."""
        found = _NEXT.search(self._held)
        if found is None:
            del self._held[: max(0, len(self._held) - len(b"content-length "))]
            return False
        del self._held[: found.start()]
        self._lost = False
        return True

    def _take(self, count: int) -> bytes:
        taken = bytes(self._held[:count])
        del self._held[:count]
        return taken
