"""Copies: hits that say word for word, under the same name, what another hit says. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from conexus.search.gates import Hit


def count_copies(hits: Sequence[Hit]) -> int:
    """Return how many of `hits` say what one before them says."""
    return len(hits) - len(_groups(hits))


def copies_last(hits: Sequence[Hit], size: Callable[[str], int]) -> list[Hit]:
    """Return `hits`, where of those that are copies of each other one has the best place, and all others are last.

    It is the one in the smallest file by `size`: a bundle of a whole package is no place to edit one function, and
    where files are copies as a whole, the better hit stands. The reasons say what is copied from where.
    """
    shown, behind = [], []
    for group in _groups(hits):
        best = hits[group[0]]
        first, *others = sorted((hits[place] for place in group), key=lambda hit: size(hit.path))
        if others:
            said = f"copied to {', '.join(map(_place, others))}"
            first = evolve(first, score=best.score, reasons=(*first.reasons, said))
        shown.append(first)
        behind += [evolve(hit, reasons=(*hit.reasons, f"a copy of {_place(first)}")) for hit in others]
    # Hits of several folders are put in one order by their scores.
    return shown + [evolve(hit, score=min(hit.score, shown[-1].score)) for hit in behind]


def _groups(hits: Sequence[Hit]) -> list[list[int]]:
    """Return the places of hits that are copies of each other, in order of the best of each.

    How a text is indented and broken into lines does not matter, what it defines does: two methods that only return
    None are not the same.
    """
    groups: dict[tuple[str, str], list[int]] = {}
    for place, hit in enumerate(hits):
        groups.setdefault((hit.symbol, " ".join(hit.excerpt.split())), []).append(place)
    return list(groups.values())


def _place(hit: Hit) -> str:
    return f"{hit.path}:{hit.line}"
