"""Copies: hits that say word for word what a better one of the same name says. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conexus.search.gates import Hit


def copies_in(hits: Sequence[Hit]) -> dict[int, int]:
    """Return the places of copies → the place of what they are copies of, all counted from 0.

    How a text is indented and broken into lines does not matter, what it defines does: two methods that only return
    None are not the same.
    """
    first: dict[tuple[str, str], int] = {}
    alike = [first.setdefault((hit.symbol, " ".join(hit.excerpt.split())), n) for n, hit in enumerate(hits)]
    return {place: best for place, best in enumerate(alike) if best != place}


def copies_last(hits: Sequence[Hit]) -> list[Hit]:
    """Return `hits` with copies behind all others, where the reasons of both say so."""
    of = copies_in(hits)
    if not of:
        return list(hits)
    places = [f"{hit.path}:{hit.line}" for hit in hits]
    others = [
        _with(hit, f"copied to {', '.join(said)}")
        if (said := [places[copy] for copy, best in of.items() if best == place])
        else hit
        for place, hit in enumerate(hits)
        if place not in of
    ]
    # Hits of several folders are put in one order by their scores.
    least = others[-1].score
    behind = [evolve(hits[copy], score=min(hits[copy].score, least)) for copy in of]
    return others + [
        _with(hit, f"a copy of {places[best]}") for hit, best in zip(behind, of.values(), strict=True)
    ]


def _with(hit: Hit, reason: str) -> Hit:
    return evolve(hit, reasons=(*hit.reasons, reason))
