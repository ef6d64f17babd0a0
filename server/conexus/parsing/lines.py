"""Cutting text where no syntax says: between lines, at empty lines and low indentation first."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from itertools import accumulate

# A line that closes or continues what the line before it began makes a poor start.
_CONTINUES = re.compile(rb"[ \t]*(?:[)\]}>]|else\b|elif\b|except\b|catch\b|finally\b|end\b|\Z|\r?\n)")


class Lines:
    """Where the lines of a source begin. Only ``\\n`` ends a line."""

    def __init__(self, source: bytes) -> None:
        self.source = source
        # Every line is one byte longer than its text. All of it runs in C: files have many lines.
        lengths = map((1).__add__, map(len, source.split(b"\n")))
        self.starts = [0, *accumulate(lengths)][:-1]

    def line_at(self, offset: int) -> int:
        """Return the 1-based line that holds byte `offset`."""
        return bisect_right(self.starts, offset)

    def begin(self, offset: int) -> int | None:
        """Return the start of the line of `offset`, None if more than white space lies between."""
        start = self.starts[bisect_right(self.starts, offset) - 1]
        return start if start == offset or self.source[start:offset].isspace() else None

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
        low, high = start + ideal // 2, start + min(limit, ideal + ideal // 2)
        candidates = self.starts[bisect_left(self.starts, low) : bisect_right(self.starts, high)]
        if not candidates:
            candidates = self.starts[
                bisect_left(self.starts, start + 1) : bisect_right(self.starts, start + limit)
            ][-1:]
        if not candidates:
            return self._within_line(start, start + limit)
        best, least = candidates[0], float("inf")
        for offset in candidates:
            cost = self._cost(offset, abs(offset - start - ideal) / ideal, least)
            if cost < least:
                best, least = offset, cost
        return best

    def _cost(self, offset: int, distance: float, least: float) -> float:
        """Return how bad a cut before the line at `offset` is; `distance` from the ideal counts up to 0.5.

        What is found to be no better than `least` is not looked at further.
        """
        source = self.source
        empty_before = source.endswith((b"\n\n", b"\n\r\n"), 0, offset)
        if 2 * distance - empty_before >= least:
            return least
        line = source[offset : offset + 100]
        indent = len(line) - len(line.lstrip(b" \t"))
        width = indent + 3 * line[:indent].count(b"\t")
        cost = 2 * distance + 0.08 * min(width, 40) - empty_before
        return cost + 2 if cost < least and _CONTINUES.match(line) else cost

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
