"""A closer look at the best hits, where paths and names do not tell them apart: what their words and first lines say."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import numpy as np
from attrs import evolve

from conexus.embedding.terms import stem
from conexus.embedding.words import passage
from conexus.search.query import Intent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from conexus.embedding.static import StaticEmbedder
    from conexus.search.query import Query
    from conexus.search.rank import Ranked
    from conexus.store.manifest import FileRecord
    from conexus.store.places import Row
    from conexus.workspace.source import Source

LOOKED_AT = 20
"""How many hits are looked at."""
# How far apart, as the standard deviation of their logarithms, paths and names have to put these hits: up to the
# first, the closer look counts in full; from the second on they tell enough, and nothing is looked at.
_SILENT, _TELLING = 0.15, 0.25
# A word that is as near as this says what is asked for as well as the word itself. That very word is full text's.
_SAYS = 0.4
_WORDS, _FIRST_LINES, _LENGTH = 2.0, 1.5, 0.25
_LINES = 4


def look_closer(
    query: Query,
    ranked: Sequence[Ranked],
    embedder: StaticEmbedder,
    rarity: Callable[[str], float],
    text_of: Callable[[Row], str | None],
) -> list[Ranked]:
    """Return `ranked` with the first `LOOKED_AT` in a new order, at the places these had; scores stay with places.

    The order is that of ln(score) + weight · (2 · said + 1.5 · first - ln(1 + words) / 4). `said` is the share of the
    question's words, weighed by `rarity` (of a term), that have a word near to them in the chunk (late interaction:
    ColBERT, SIGIR 2020); longer chunks have one sooner, so the logarithm of their distinct words is taken off.
    `first` is the cosine of the question with the chunk's name and first lines. `weight` is 1 where what `ranked` was
    told of paths, names and files is much the same for all of them, and 0 where it tells them apart.

    `text_of` gives the text of a chunk, None where it is not as it was indexed: of that, nothing more is known.
    """
    first = ranked[:LOOKED_AT]
    weight = _weight(query, first)
    if not weight:
        return list(ranked)
    read = {place: text for place, one in enumerate(first) if (text := text_of(one.row)) is not None}
    if len(read) < 2:
        return list(ranked)
    chunks = [(first[place].row, text) for place, text in read.items()]
    found = _telling(query, chunks, embedder, rarity)
    telling = np.zeros(len(first))
    telling[list(read)] = weight * (found - found.mean())
    own = np.log([max(one.score, 1e-4) for one in first])
    order = np.argsort(-(own + telling), kind="stable").tolist()
    return [
        *(
            _moved(first[before], before, place, telling[before], ranked)
            for place, before in enumerate(order)
        ),
        *ranked[LOOKED_AT:],
    ]


def tells_little(query: Query, ranked: Sequence[Ranked]) -> bool:
    """Return whether `look_closer` looks at the first of `ranked`."""
    return _weight(query, ranked[:LOOKED_AT]) > 0


def texts_as_indexed(
    files: Mapping[str, FileRecord],
    read: Callable[[str], Source | None],
    *,
    cut: Callable[[Row], bytes | None] = lambda _: None,
    deadline: float = math.inf,
) -> Callable[[Row], str | None]:
    """Return what gives the text of a chunk: by `cut`, or else from its file as `read` gives it by path (`gates.verify`).

    None where the file is not what was indexed, and after `deadline` (of `time.monotonic`).
    """

    def text_of(row: Row) -> str | None:
        if time.monotonic() >= deadline:
            return None
        if (raw := cut(row)) is None:
            record, now = files.get(row.path), read(row.path)
            if record is None or now is None or now.digest != record.digest:
                return None
            raw = now.source[row.span.start : row.span.end]
        return raw.decode("utf-8", "replace")

    return text_of


def _weight(query: Query, ranked: Sequence[Ranked]) -> float:
    """Return how much a closer look counts, in [0, 1]."""
    if query.intent is not Intent.PROSE or not query.words:
        return 0.0
    apart = float(np.log([one.told for one in ranked]).std()) if ranked else math.inf
    return min(1.0, max(0.0, (_TELLING - apart) / (_TELLING - _SILENT)))


def _telling(
    query: Query,
    chunks: Sequence[tuple[Row, str]],
    embedder: StaticEmbedder,
    rarity: Callable[[str], float],
) -> NDArray[np.float64]:
    """Return how much each chunk tells of the question, as `look_closer` has it."""
    asked = list(dict.fromkeys(query.words))
    rare = np.array([rarity(stem(word)) for word in asked])
    bags = embedder.vocabulary.bags([passage(row.path, row.symbol, text) for row, text in chunks])
    said = np.minimum(embedder.likeness(asked, bags), _SAYS) / _SAYS @ (rare / rare.sum())
    beginnings = embedder.embed([passage("", row.symbol, _beginning(text)) for row, text in chunks])
    first = beginnings @ embedder.embed_query(query.meaning)
    length = np.log1p(np.diff(bags.starts))
    found: NDArray[np.float64] = _WORDS * said + _FIRST_LINES * first - _LENGTH * length
    return found


def _beginning(text: str) -> str:
    lines = (line for line in text.split("\n") if line.strip())
    return "\n".join(line for line, _ in zip(lines, range(_LINES), strict=False))


def _moved(one: Ranked, before: int, place: int, telling: float, ranked: Sequence[Ranked]) -> Ranked:
    reason = f"closer look x{math.exp(telling):.2f}, #{before + 1} before"
    return evolve(one, score=ranked[place].score, reasons=(*one.reasons, reason))
