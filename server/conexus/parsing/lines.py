"""Cutting text where no syntax says: between lines, at empty lines and low indentation first."""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cached_property
from typing import NamedTuple

# A line that closes or continues what the line before it began makes a poor start.
_CONTINUES = re.compile(rb"[ \t]*(?:[)\]}>]|else\b|elif\b|except\b|catch\b|finally\b|end\b|\Z|\r?\n)")
_LINE, _EMPTY_LINE, _EMPTY_LINE_OF_TWO = b"\n", b"\n\n", b"\n\r\n"

_INDENT = b" \t"
_WIDEST_INDENT = 200

_Cut = tuple[float, int]
"""How bad a cut is, and its offset: of two equally bad ones, the first is taken."""
_NO_CUT: _Cut = (float("inf"), -1)


class _Window(NamedTuple):
    """Where a part may end. A tuple, because most live for a moment."""

    low: int
    middle: int
    """The ideal end; cuts cost more with their distance from it."""
    high: int
    ideal: int
    """Bytes from the start of the part to the middle."""


class Lines:
    """Where the lines of a source begin. Only ``\\n`` ends a line."""

    def __init__(self, source: bytes) -> None:
        self.source = source

    @cached_property
    def starts(self) -> list[int]:
        """The offset of each line, in order; found when they are first asked for, as cuts are made without them."""
        import numpy as np

        # In a third of the time that lengths of lines take to add up in Python.
        ends = np.flatnonzero(np.frombuffer(self.source, np.uint8) == _LINE[0])
        return [0, *(ends + 1).tolist()]

    def line_at(self, offset: int) -> int:
        """Return the 1-based line that holds byte `offset`."""
        return bisect_right(self.starts, offset)

    def begin(self, offset: int) -> int | None:
        """Return the start of the line of `offset`, None if more than white space lies between."""
        source = self.source
        if offset == 0 or source[offset - 1] == _LINE[0]:
            return offset
        near = max(offset - _WIDEST_INDENT, 0)
        start = source.rfind(_LINE, near, offset) + 1
        if not start and near:
            # A line of half a megabyte is not searched for each of the pieces that begin in it.
            start = source.rfind(_LINE, 0, offset) + 1 if source[near:offset].isspace() else near
        return start if source[start:offset].isspace() else None

    def cuts(self, start: int, end: int, target: int, limit: int) -> list[int]:
        """Return the offsets that cut [start, end) into parts of about `target`, at most `limit`, bytes."""
        cuts: list[int] = []
        while end - start > limit:
            count = max(2, round((end - start) / target))
            start = self._cut(start, (end - start) // count, limit)
            cuts.append(start)
        return cuts

    def _cut(self, start: int, ideal: int, limit: int) -> int:
        """Return the best offset for a cut after `start`, about `ideal` and at most `limit` bytes on."""
        source = self.source
        window = _Window(start + ideal // 2, start + ideal, start + min(limit, ideal + ideal // 2), ideal)
        best = _best_after(source, _EMPTY_LINE, 1, window, _NO_CUT)
        if source.find(b"\r", max(window.low - 2, 0), window.high) >= 0:
            best = _best_after(source, _EMPTY_LINE_OF_TWO, 1, window, best)
        # Without an empty line before it, no cut costs less than nothing.
        if best[0] >= 0:
            best = _best_after(source, _LINE, 0, window, best)
        if best[1] >= 0:
            return best[1]
        last = source.rfind(_LINE, start, start + limit)
        return last + 1 if last >= 0 else self._within_line(start, start + limit)

    def _within_line(self, start: int, end: int) -> int:
        """Return where to cut inside one very long line: after a delimiter if one is near, on a whole character."""
        source = self.source
        window = source[end - 200 : end] if end - start > 400 else b""
        near = max(window.rfind(mark) for mark in (b";", b",", b"}", b" ")) if window else -1
        if near >= 0:
            return end - len(window) + near + 1
        cut = end
        while cut > end - 4 and source[cut] & 0xC0 == 0x80:
            cut -= 1
        # Bytes that are no UTF-8 may all look like continuations.
        return cut if source[cut] & 0xC0 != 0x80 else end


def _best_after(source: bytes, mark: bytes, worth: int, window: _Window, best: _Cut) -> _Cut:
    """Return the best cut after one of `mark`, which makes it so much better: `worth`; or `best` if that is better."""
    low, middle, high, ideal = window
    least, chosen = best
    size = len(mark)
    begin = max(low - size, 0)
    # From the middle outwards, as those near it leave few others that can be better.
    at = source.rfind(mark, begin, min(middle, high))
    while at >= 0 and (distant := 2 * ((middle - at - size) / ideal)) - worth <= least:
        offset = at + size
        cost = _cost(source, offset, distant, worth, least)
        if cost < least or (cost == least and offset < chosen):
            least, chosen = cost, offset
        at = source.rfind(mark, begin, offset - 1)
    at = source.find(mark, max(middle + 1 - size, begin), high)
    while at >= 0 and (distant := 2 * ((at + size - middle) / ideal)) - worth <= least:
        offset = at + size
        cost = _cost(source, offset, distant, worth, least)
        if cost < least or (cost == least and offset < chosen):
            least, chosen = cost, offset
        at = source.find(mark, at + 1, high)
    return least, chosen


def _cost(source: bytes, offset: int, distant: float, worth: int, least: float) -> float:
    """Return how bad a cut before the line at `offset` is; of one that is worse than `least`, something worse."""
    cost = distant
    if source[offset] in _INDENT:
        line = source[offset : offset + 100]
        indent = len(line) - len(line.lstrip(_INDENT))
        cost += 0.08 * min(indent + 3 * line.count(b"\t", 0, indent), 40)
    cost -= worth
    return cost + 2 if cost <= least and _CONTINUES.match(source, offset, offset + 100) else cost
