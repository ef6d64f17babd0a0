"""Names and paths by the hundred thousand, sorted, in one string each: found by beginning, by part, by likeness."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

import numpy as np

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray


_Shapes = tuple["NDArray[np.int32]", "NDArray[np.uint32]"]


class Lexicon(Sequence[str]):
    """Sorted texts without line ends, by position.

    All are one string of UTF-8, a line each, which sorts as characters do: a list of them would take 60 bytes
    more for each, and one string of characters four times as much for a single emoji in any of them.
    """

    def __init__(self, text: bytes, starts: NDArray[np.int32], shapes: _Shapes | None = None) -> None:
        """Take texts in the order of their characters, a line each in UTF-8, where each begins and all end.

        `shapes` are what `shapes` once returned.
        """
        self._text = text
        self._starts = starts
        if shapes is not None:
            self.shapes = shapes

    @classmethod
    def of(cls, texts: Iterable[str]) -> Lexicon:
        """Return a lexicon of texts in the order of their characters; one may come several times."""
        lines = [_utf8(text) for text in texts]
        return cls.of_lines(b"".join(line + b"\n" for line in lines), np.array([len(line) for line in lines]))

    @classmethod
    def of_lines(cls, text: bytes, lengths: NDArray[np.integer[Any]]) -> Lexicon:
        """Return a lexicon of texts in the order of their characters, a line each, and the bytes each has."""
        return cls(text, np.concatenate([[0], np.cumsum(lengths + 1)]).astype(np.int32))

    @property
    def lines(self) -> tuple[bytes, NDArray[np.int32]]:
        """All texts, a line each, and where each begins and all end."""
        return self._text, self._starts

    def __len__(self) -> int:
        return len(self._starts) - 1

    @overload
    def __getitem__(self, position: int) -> str: ...
    @overload
    def __getitem__(self, position: slice) -> list[str]: ...
    def __getitem__(self, position: int | slice) -> str | list[str]:
        if isinstance(position, slice):
            return [self[at] for at in range(*position.indices(len(self)))]
        if not 0 <= position < len(self):
            raise IndexError(position)
        return self._line(position).decode("utf-8", "surrogatepass")

    def __contains__(self, text: object) -> bool:
        return isinstance(text, str) and self.find(text) is not None

    def find(self, text: str) -> int | None:
        """Return the first position of `text`, None if there is none."""
        wanted = _utf8(text)
        at = self._first(wanted)
        return at if at < len(self) and self._line(at) == wanted else None

    def beginning_with(self, beginning: str, most: int) -> range:
        """Return the positions of at most `most` texts that begin so."""
        wanted = _utf8(beginning)
        first = self._first(wanted)
        # No byte of UTF-8 is as large.
        last = self._first(wanted + b"\xff")
        return range(first, min(last, first + most))

    def containing(self, part: str, most: int) -> list[int]:
        """Return the positions of at most `most` texts that `part` is in."""
        wanted = _utf8(part)
        found: list[int] = []
        at = self._text.find(wanted) if wanted else -1
        while at >= 0 and len(found) < most:
            found.append(at)
            at = self._text.find(wanted, self._text.find(b"\n", at) + 1)
        return self._positions(found)

    def matching(self, pattern: re.Pattern[str], beginning: str) -> Iterator[int]:
        """Yield the positions of texts that begin so and in which `pattern` is found.

        It begins with a line end, as if one stood before each text, and has no other.
        """
        among = self.beginning_with(beginning, len(self))
        start = int(self._starts[among.start])
        text = self._text[start : int(self._starts[among.stop])]
        if text.isascii():
            lines = "\n" + text.decode("ascii")
            yield from self._positions([start + match.start() for match in pattern.finditer(lines)])
        else:
            yield from (at for at in among if pattern.search("\n" + self[at]))

    def like(self, text: str, least: float) -> NDArray[np.int64]:
        """Return the positions of texts that can be as similar to `text` as `least`, in [0, 1]; no other is.

        Similarity is 1 - d / (a + b) for texts of a and b characters, d of which are to be deleted or
        inserted (normalised indel distance). Each kind of character that only one of them has is one of d.
        """
        lengths, kinds = self.shapes
        mine = _kinds(np.frombuffer(_utf8(text) + b"\n", np.uint8), np.zeros(1, np.int32))[0]
        most = (1 - least) * (lengths + len(text)) + 1e-6
        fits = np.abs(lengths - len(text)) <= most
        return np.flatnonzero(fits & (np.bitwise_count(kinds ^ mine) <= most))

    def _line(self, position: int) -> bytes:
        return self._text[self._starts[position] : self._starts[position + 1] - 1]

    def _first(self, line: bytes) -> int:
        return bisect.bisect_left(range(len(self)), line, key=self._line)

    def _positions(self, offsets: Sequence[int]) -> list[int]:
        found: list[int] = (
            np.searchsorted(self._starts, np.array(offsets, np.int32), side="right") - 1
        ).tolist()
        return found

    @cached_property
    def shapes(self) -> _Shapes:
        """The length in characters and the kinds of characters of each text."""
        if not len(self):
            return np.empty(0, np.int32), np.empty(0, np.uint32)
        codes, starts = np.frombuffer(self._text, np.uint8), self._starts[:-1]
        continued = np.add.reduceat((codes & 0xC0) == 0x80, starts, dtype=np.int32)
        return np.diff(self._starts) - 1 - continued, _kinds(codes, starts)


def _kinds(codes: NDArray[np.uint8], starts: NDArray[np.int32]) -> NDArray[np.uint32]:
    """Return 31 kinds of ASCII characters, and one for all others, as bits; characters that share one count once."""
    bits = np.left_shift(np.uint32(1), np.arange(256, dtype=np.uint32) % 31)
    bits[ord("\n")], bits[128:] = 0, 1 << 31
    return np.bitwise_or.reduceat(bits[codes], starts)


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
