"""Which of several projects a question is about: the one where what is near to it lies densely. Pure.

Of the nearest chunks a third may lie in a project that has one in a hundred of all chunks; a huge one beside it has
the others, and has them by its size. So the share of what is near is held against the share of all there
is, as where federated search selects its resources (ReDDE, SIGIR 2003).
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from typing import TYPE_CHECKING, TypeVar

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

# Of all chunks a tenth may be near to a question, but not more than this many.
_NEAREST, _A_TENTH = 150, 10
# So many chunks, spread as all are, are added to those that are near: few of them prove little.
_DOUBT = 10
# A hit counts by the root of how much denser its project is than all; more than sixteen times says nothing more.
_MOST = 4.0
LESS_OF_IT = "in a project that has less of it"

_Key = TypeVar("_Key", bound="Hashable")


def weights(near: Mapping[_Key, Iterable[float]], sizes: Mapping[_Key, int]) -> dict[_Key, float]:
    """Return by project what a hit in it counts: 1 in the one that is meant, never less than 1 / 16 in others.

    `near` has the cosines of each project's candidates, `sizes` how many chunks it has. Without anything near, as
    without vectors, or with too few chunks to tell, all count the same.
    """
    whole = sum(sizes.values())
    scored = ((score, number) for number, key in enumerate(near) for score in near[key])
    nearest = heapq.nlargest(min(_NEAREST, whole // _A_TENTH), scored)
    if not nearest:
        return dict.fromkeys(sizes, 1.0)
    counts = Counter(number for _, number in nearest)
    found = {key: counts[number] for number, key in enumerate(near)}
    dense = {
        key: _bounded(found.get(key, 0), len(nearest) * size / whole, len(nearest) / (len(nearest) + _DOUBT))
        for key, size in sizes.items()
        if size
    }
    most = max(dense.values())
    return {key: dense.get(key, most) / most for key in sizes}


def _bounded(found: int, expected: float, trust: float) -> float:
    lift = trust * found / expected + 1 - trust
    return min(_MOST, max(1 / _MOST, math.sqrt(lift)))


@frozen
class Projects:
    """The projects of one folder that holds several: its directories with a repository of their own."""

    sizes: Mapping[str, int]
    """Directory → how many chunks lie in it and in no project further down; ``""`` is what lies in none of them."""

    @classmethod
    def of(cls, directories: Iterable[str], chunks: Iterable[tuple[str, int]]) -> Projects | None:
        """Return the projects at `directories`, with all `chunks` (path, how many); None where there are none."""
        if not (empty := dict.fromkeys(directories, 0)):
            return None
        blank, sizes = cls({"": 0, **empty}), Counter({"": 0, **empty})
        for path, count in chunks:
            sizes[blank.around(path)] += count
        return cls(sizes)

    def around(self, path: str) -> str:
        """Return the innermost project that `path` lies in."""
        directory = path.rpartition("/")[0]
        while directory and directory not in self.sizes:
            directory = directory.rpartition("/")[0]
        return directory

    def weights(self, near: Sequence[tuple[str, float]]) -> dict[str, float]:
        """Return `weights` of the projects, where `near` are the paths and cosines of candidates."""
        scores: dict[str, list[float]] = {directory: [] for directory in self.sizes}
        for path, score in near:
            scores[self.around(path)].append(score)
        return weights(scores, self.sizes)
