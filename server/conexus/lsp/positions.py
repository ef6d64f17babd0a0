"""Lines and columns as editors count them, over text as we keep it: the only UTF-16 in the house.

An editor's line ends at ``\\n``, ``\\r\\n`` or ``\\r`` and nowhere else; its columns count the units of the
position encoding it chose: bytes of UTF-8, units of UTF-16, or code points.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lsprotocol.types import Position, Range

if TYPE_CHECKING:
    from conexus.domain import Span

_SURROGATES = re.compile("[\ud800-\udfff]")
_LINE = re.compile(rb"[^\r\n]*")
_AFTER_LINE_END = re.compile(r"(?<=\n)|(?<=\r)(?!\n)")
# How many bytes of the codec one unit of a column is; code points need no codec.
_CODECS = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2)}


def clean(text: str) -> str:
    """Return `text` with lone surrogates, which no encoding can carry, replaced by U+FFFD.

    The replacement is as wide as what it replaces in every position encoding, so positions stay right.
    """
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)


def split(text: str) -> list[str]:
    """Return the lines of `text` with their ends; the last one has none and may be empty."""
    if text.count("\r") == text.count("\r\n"):
        *ended, last = text.split("\n")
        return [f"{line}\n" for line in ended] + [last]
    return _AFTER_LINE_END.split(text)


def width(text: str, encoding: str) -> int:
    """Return how many units of `encoding` the text takes."""
    if encoding not in _CODECS or text.isascii():
        return len(text)
    codec, size = _CODECS[encoding]
    return len(text.encode(codec)) // size


def index(line: str, column: int, encoding: str) -> int:
    """Return the index into `line` of a column, at most the end of its text, never inside a character."""
    text = line.rstrip("\r\n")
    if encoding not in _CODECS or text.isascii():
        return min(column, len(text))
    codec, size = _CODECS[encoding]
    return len(text.encode(codec)[: column * size].decode(codec, "ignore"))


class Source:
    """A text as UTF-8, which is what spans are measured in."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._has_returns = b"\r" in data
        self._known = (0, 0)
        """A byte offset, and how many lines end before it: most places asked for lie after the last one."""

    def range(self, span: Span, encoding: str) -> Range:
        """Return where an editor sees a span: half-open, as the span is."""
        return Range(self.position(span.start, encoding), self.position(span.end, encoding))

    def line(self, span: Span, number: int, encoding: str) -> Range:
        """Return where an editor sees the 1-based line `number` of a span, without indentation and line end."""
        start = span.start
        for _ in range(number - span.start_line):
            start = self.data.find(b"\n", start, span.end) + 1 or start
        line = _LINE.match(self.data, start, span.end)[0].rstrip()  # type: ignore[index]  # it may be empty
        text = line.lstrip()
        begin = self.position(start + len(line) - len(text), encoding)
        after = begin.character + width(text.decode("utf-8", "ignore"), encoding)
        return Range(begin, Position(begin.line, after))

    def position(self, offset: int, encoding: str) -> Position:
        """Return where an editor sees a byte offset; one past the end is the end."""
        data, offset = self.data, min(offset, len(self.data))
        if data[max(offset - 1, 0) : offset + 1] == b"\r\n":
            # Between the two halves of a line end is the end of the line.
            offset -= 1
        start = data.rfind(b"\n", 0, offset) + 1
        if self._has_returns:
            start = max(start, data.rfind(b"\r", 0, offset) + 1)
        text = data[start:offset].decode("utf-8", "ignore")
        return Position(self._line_ends_before(start), width(text, encoding))

    def _line_ends_before(self, start: int) -> int:
        """Return how many lines end before a byte offset at which one begins."""
        offset, lines = self._known
        if offset > start:
            offset, lines = 0, 0
        lines += self.data.count(b"\n", offset, start)
        if self._has_returns:
            lines += self.data.count(b"\r", offset, start) - self.data.count(b"\r\n", offset, start)
        self._known = (start, lines)
        return lines
