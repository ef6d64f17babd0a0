"""The paths of an index's files, to look for parts of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conexus.store.lexicon import Lexicon

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


class PathTable:
    """Paths in lower case, with the files they are of."""

    def __init__(self, numbers: Sequence[int], path_of: Mapping[int, str]) -> None:
        """Take file ids and what gives their paths, also later on."""
        lowered = [path_of[number].lower().replace("\n", " ") for number in numbers]
        order = sorted(range(len(numbers)), key=lowered.__getitem__)
        self._lowered = Lexicon.of(lowered[at] for at in order)
        self._file_ids = [numbers[at] for at in order]
        self._path_of = path_of

    def holding(self, parts: Sequence[str], most: int) -> Iterator[tuple[str, int]]:
        """Yield (path, file id) of at most `most` files whose path has all `parts` (lower case) in it."""
        # The longest part is in the fewest paths.
        longest, *others = sorted(parts, key=len, reverse=True)
        for position in self._lowered.containing(longest, len(self._lowered)):
            lowered = self._lowered[position]
            if all(part in lowered for part in others):
                number = self._file_ids[position]
                yield self._path_of[number], number
                most -= 1
            if most <= 0:
                return
