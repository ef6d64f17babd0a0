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
# A hit counts by how many times denser its project is than all, to this power; more than ten says nothing more. Inside of
# one folder the nearest and those with the words tell together, and are trusted more.
_POWER, _POWER_WITHIN, _MOST = 0.7, 1.5, 10.0
LESS_OF_IT = "in a project that has less of it"

_Key = TypeVar("_Key", bound="Hashable")


def weights(
    sizes: Mapping[_Key, int], *found: Mapping[_Key, Iterable[float]], power: float = _POWER
) -> dict[_Key, float]:
    """Return by project what a hit in it counts: 1 in the one that is meant, never less than 1 / 100 in others.

    `sizes` says how many chunks each has; each of `found` has the scores of one agent's candidates, which must be
    comparable between projects, and `power` says how far they are trusted. Without candidates, or with too few chunks
    to tell, all count the same.
    """
    told = [lifts for scores in found if (lifts := _lifts(sizes, scores))]
    if not told:
        return dict.fromkeys(sizes, 1.0)
    dense = {key: _bounded(power * math.fsum(lifts[key] for lifts in told) / len(told)) for key in told[0]}
    most = max(dense.values())
    return {key: dense.get(key, most) / most for key in sizes}


def _lifts(sizes: Mapping[_Key, int], scores: Mapping[_Key, Iterable[float]]) -> dict[_Key, float]:
    """Return the logarithm of how many times denser each project is among the best than among all."""
    whole = sum(sizes.values())
    scored = ((score, number) for number, key in enumerate(scores) for score in scores[key])
    best = heapq.nlargest(min(_NEAREST, whole // _A_TENTH), scored)
    counts = Counter(number for _, number in best)
    found = {key: counts[number] for number, key in enumerate(scores)}
    trust = len(best) / (len(best) + _DOUBT)
    return {
        key: math.log(trust * found.get(key, 0) * whole / (len(best) * size) + 1 - trust)
        for key, size in sizes.items()
        if size and best
    }


def _bounded(lift: float) -> float:
    return min(_MOST, max(1 / _MOST, math.exp(lift)))


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

    def weights(self, *found: Sequence[tuple[str, float]]) -> dict[str, float]:
        """Return `weights` of the projects, where each of `found` are the paths and scores of one agent's candidates."""
        return weights(self.sizes, *map(self._by_project, found), power=_POWER_WITHIN)

    def _by_project(self, found: Sequence[tuple[str, float]]) -> dict[str, list[float]]:
        scores: dict[str, list[float]] = {directory: [] for directory in self.sizes}
        for path, score in found:
            scores[self.around(path)].append(score)
        return scores
