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


_Shapes = tuple["NDArray[np.int32]", "NDArray[np.uint64]"]

# Groups of characters that names say about as often as each other; whatever else they say goes by its number.
_GROUPS = ("e", "_", "t", "a", "s", "n", "r", "i", "o", "dk", "l", "cv", "uyjz", "bpq", "hmx", "fgw")
_MOST = 15
# As many texts are counted at a time: eight bytes for each of their characters are made meanwhile.
_BLOCK = 1 << 14
_LOWER_HALVES = np.uint64(0x0F0F0F0F0F0F0F0F)
_ONE_IN_EACH = np.uint64(0x0101010101010101)


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
        inserted (normalised indel distance). Whatever of a group of characters only one of them has is one of d.
        """
        lengths, counts = self.shapes
        mine = _counts(np.frombuffer(_utf8(text) + b"\n", np.uint8), np.zeros(1, np.int32))
        most = (1 - least) * (lengths + len(text)) + 1e-6
        fits = np.flatnonzero(np.abs(lengths - len(text)) <= most)
        return fits[_differences(counts[fits], mine) <= most[fits]]

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
        """The length in characters of each text, and how often it says each group of them (`_counts`)."""
        if not len(self):
            return np.empty(0, np.int32), np.empty(0, np.uint64)
        codes, starts = np.frombuffer(self._text, np.uint8), self._starts[:-1]
        continued = np.add.reduceat((codes & 0xC0) == 0x80, starts, dtype=np.int32)
        blocks = [self._starts[first : first + _BLOCK + 1] for first in range(0, len(starts), _BLOCK)]
        counts = [_counts(codes[block[0] : block[-1]], block[:-1] - block[0]) for block in blocks]
        return np.diff(self._starts) - 1 - continued, np.concatenate(counts)


def _counts(codes: NDArray[np.uint8], starts: NDArray[np.int32]) -> NDArray[np.uint64]:
    """Return how often each text says each group of characters, in four bits a group: `_MOST` is that or more."""
    said = [np.add.reduceat(half[codes], starts) for half in _ADDED]
    small, large = (np.minimum(half.view(np.uint8), _MOST).view(np.uint64) for half in said)
    return small | large << np.uint64(4)


def _added() -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return what a byte of UTF-8 adds to the counts of the first eight groups, and of the others, a byte a group.

    That is one for each character: bytes that go on with one add nothing. Texts of 256 characters of a group may
    count as anything, but a name has not so many.
    """
    halves = np.zeros((2, 256), np.uint64)
    for code in range(256):
        group = next((at for at, group in enumerate(_GROUPS) if chr(code) in group), code % len(_GROUPS))
        if code != ord("\n") and code & 0xC0 != 0x80:
            halves[group // 8, code] = 1 << 8 * (group % 8)
    return halves[0], halves[1]


_ADDED = _added()


def _differences(counts: NDArray[np.uint64], mine: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the sum of the differences of all groups."""
    differences = np.zeros(len(counts), np.uint64)
    for shift in (np.uint64(0), np.uint64(4)):
        theirs, ours = ((half >> shift & _LOWER_HALVES).view(np.int8) for half in (counts, mine))
        apart = np.abs(theirs.reshape(-1, 8) - ours)
        differences += apart.view(np.uint64).reshape(-1)
    # The sum of eight bytes, in the highest of them: at most 16 times 15.
    return differences * _ONE_IN_EACH >> np.uint64(56)


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
