"""Names and paths by the hundred thousand, sorted, in one string each: found by beginning, by part, by likeness."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, overload

import numpy as np

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

    from numpy.typing import NDArray


class Lexicon(Sequence[str]):
    """Sorted texts without line ends, by position. One string and a number each, where a list takes 60 bytes more."""

    def __init__(self, texts: Sequence[str]) -> None:
        """Take texts in the order of their characters; one may come several times."""
        lengths = np.fromiter(map(len, texts), np.int64, len(texts)) + 1
        self._starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
        self._text = "\n".join(texts) + "\n" * bool(texts)

    def __len__(self) -> int:
        return len(self._starts) - 1

    @overload
    def __getitem__(self, position: int) -> str: ...
    @overload
    def __getitem__(self, position: slice) -> list[str]: ...
    def __getitem__(self, position: int | slice) -> str | list[str]:
        if isinstance(position, slice):
            return [self[at] for at in range(*position.indices(len(self)))]
        if not -len(self) <= position < len(self):
            raise IndexError(position)
        at = position % len(self)
        return self._text[self._starts[at] : self._starts[at + 1] - 1]

    def __contains__(self, text: object) -> bool:
        return isinstance(text, str) and self.find(text) is not None

    def find(self, text: str) -> int | None:
        """Return the first position of `text`, None if there is none."""
        at = bisect.bisect_left(self, text)
        return at if at < len(self) and self[at] == text else None

    def beginning_with(self, beginning: str, most: int) -> range:
        """Return the positions of at most `most` texts that begin so."""
        first = bisect.bisect_left(self, beginning)
        # No character sorts behind the last one there is, and no text has it.
        last = bisect.bisect_left(self, beginning + "\U0010ffff", first)
        return range(first, min(last, first + most))

    def containing(self, part: str, most: int) -> list[int]:
        """Return the positions of at most `most` texts that `part` is in."""
        found: list[int] = []
        at = self._text.find(part) if part else -1
        while at >= 0 and len(found) < most:
            found.append(int(np.searchsorted(self._starts, np.int32(at), side="right")) - 1)
            at = self._text.find(part, int(self._starts[found[-1] + 1]))
        return found

    def matching(self, pattern: re.Pattern[str], beginning: str) -> Iterator[int]:
        """Yield the positions of texts that begin so and in which `pattern` is found, which keeps to one line."""
        among = self.beginning_with(beginning, len(self))
        if not among:
            return
        start, end = int(self._starts[among.start]), int(self._starts[among.stop])
        while (match := pattern.search(self._text, start, end)) is not None:
            position = int(np.searchsorted(self._starts, np.int32(match.start()), side="right")) - 1
            yield position
            start = int(self._starts[position + 1])

    def like(self, text: str, least: float) -> NDArray[np.int64]:
        """Return the positions of texts that can be as similar to `text` as `least`, in [0, 1]; no other is.

        Similarity is 1 - d / (a + b) for texts of a and b characters, d of which are to be deleted or
        inserted (normalised indel distance). Each kind of character that only one of them has is one of d.
        """
        lengths = np.diff(self._starts) - 1
        most = (1 - least) * (lengths + len(text)) + 1e-6
        mine = np.uint32(_kinds(text)[0] if text else 0)
        different = np.bitwise_count(self._letters ^ mine)
        return np.flatnonzero((different <= most) & (np.abs(lengths - len(text)) <= most))

    @cached_property
    def _letters(self) -> NDArray[np.uint32]:
        """The kinds of characters in each text, 32 of them: several share a bit, and count as one then."""
        return _kinds(self._text, self._starts[:-1]) if len(self) else np.empty(0, np.uint32)


def _kinds(text: str, starts: NDArray[np.int32] | None = None) -> NDArray[np.uint32]:
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    # A line end is no character of a text.
    bits = np.where(codes == ord("\n"), np.uint32(0), np.left_shift(np.uint32(1), codes & np.uint32(31)))
    return np.bitwise_or.reduceat(bits, np.zeros(1, np.int32) if starts is None else starts)
