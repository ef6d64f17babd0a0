"""Where in a hit to look: the definition the question names, or the line that says most of it. Pure."""

from __future__ import annotations

from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING

from attrs import evolve

from conexus.embedding.terms import stem
from conexus.embedding.words import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conexus.search.gates import Hit
    from conexus.search.query import Query
    from conexus.store.symbols import SymbolEntry


def focused(hit: Hit, query: Query, symbols: Sequence[SymbolEntry]) -> Hit:
    """Return `hit` with the line to look at, and with the definition there if the question names one.

    A chunk may hold several small definitions; `symbols` are those that begin in it.
    """
    asked = _asked(query.words)
    likeness, named = max(
        ((_likeness(entry.name, asked), entry) for entry in symbols), key=itemgetter(0), default=(0.0, None)
    )
    if named is not None and likeness > 0:
        symbol = f"{named.container}.{named.name}" if named.container else named.name
        return evolve(hit, line=named.line, symbol=symbol, kind=named.kind)
    return evolve(hit, line=hit.span.start_line + _telling_line(hit.excerpt, asked))


@lru_cache(maxsize=64)
def _asked(words_: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(stem, words_))


def _likeness(name: str, asked: frozenset[str]) -> float:
    """Return how much of the question a name says, less a little for what else it says."""
    said = _stems(name)
    common = len(said & asked)
    return common / len(asked) - 0.01 * len(said - asked) if common else 0.0


def _telling_line(excerpt: str, asked: frozenset[str]) -> int:
    """Return the number, from 0, of the first line with the most stems of the question in it."""
    shares = [sum(word in line for word in asked) for line in excerpt.lower().split("\n")]
    return shares.index(max(shares))


@lru_cache(maxsize=1 << 12)
def _stems(text: str) -> frozenset[str]:
    return frozenset(map(stem, words(text)))
