"""Finding definitions and files by name."""

from __future__ import annotations

import re
from heapq import nsmallest
from typing import TYPE_CHECKING

import numpy as np
from rapidfuzz import fuzz, process

from conexus.search.query import Intent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from conexus.search.query import Query
    from conexus.store.places import Row
    from conexus.store.snapshot import Snapshot
    from conexus.store.symbols import VisibleSymbols

# rapidfuzz's normalised indel similarity, 0 to 100. Below 80, four-letter names match unrelated ones.
_SIMILAR_ENOUGH = 80.0
_MAX_SIMILAR = 20
_MAX_DEFINITIONS = 24
_MAX_FILES = 10
# What so many paths have in them is no name of a file.
_MOST_PATHS = 5_000
# A name that is defined in more places than this says little about which one is meant.
_TELLING_COUNT = 6
_LONGEST_NAME = 4
_SEPARATOR = re.compile(r"\.|::|->|#|/")

Found = dict[int, float]
"""Symbol number → how well its name matches, in [0, 1]."""


def definitions(query: Query, snapshot: Snapshot, allowed: NDArray[np.bool_] | None) -> list[Row]:
    """Return the chunks that hold definitions the query names, best match first."""
    table = snapshot.symbols_now()
    found: Found = {}
    for name in query.identifiers or _single_name(query):
        _add(found, _named(name, table, allowed, similar=query.intent is Intent.SYMBOL))
    if query.intent is Intent.PROSE:
        _add(found, _spelled(query.words, table))
    numbers = _best(found, table, allowed)
    places = [(entry.file_id, entry.span.start) for entry in table.entries(numbers)]
    return _distinct(snapshot.covering(places))


def files(query: Query, snapshot: Snapshot, allowed: NDArray[np.bool_] | None) -> list[Row]:
    """Return the first chunks of files whose path the query spells, closest match first."""
    wanted = query.text.lower().removeprefix("./").strip("/")
    if not wanted:
        return []
    spelled = snapshot.paths_with([wanted], _MOST_PATHS)
    if not spelled and query.words:
        spelled = snapshot.paths_with(query.words, _MOST_PATHS)
    matches = [
        (-_path_quality(wanted, path.lower()), len(path), path, number)
        for path, number in spelled
        if allowed is None or allowed[number]
    ]
    best = sorted(matches)[:_MAX_FILES]
    return _distinct(snapshot.covering([(number, 0) for *_, number in best]))


def _single_name(query: Query) -> Sequence[str]:
    return (query.text.rstrip("()?!"),) if query.intent is Intent.SYMBOL else ()


def _named(name: str, table: VisibleSymbols, allowed: NDArray[np.bool_] | None, *, similar: bool) -> Found:
    """Return definitions called `name`, ``container.name`` narrowing; else those spelled like it."""
    *containers, last = [part for part in _SEPARATOR.split(name.lower()) if part] or [""]
    exact = table.named(last)
    if len(exact):
        numbers = exact if allowed is None else exact[allowed[table.file_ids(exact)]]
        return _best_named(numbers, table, _SEPARATOR.split(name)[-1], containers)
    if not similar or not last:
        return {}
    return {
        number: score
        for position, score in _spelled_like(last, table)
        for number in table.of_name(position).tolist()
    }


def _best_named(
    numbers: NDArray[np.int32], table: VisibleSymbols, typed: str, containers: list[str]
) -> Found:
    """Return those of definitions of one name that can be among the best; there are ten thousands of `__init__`."""
    inside, spelled = table.matched(numbers, typed, containers[-1] if containers else "")
    if containers:
        likely = np.flatnonzero(inside)
        around = table.spellings(numbers[likely])[1]
        inside[likely] = [_is_inside(container, containers) for container in around]
    scores = 0.8 + 0.15 * inside + 0.05 * spelled
    best = np.lexsort((numbers, -scores))[:_MAX_DEFINITIONS]
    return dict(zip(numbers[best].tolist(), scores[best].tolist(), strict=True))


def _is_inside(container: str, containers: list[str]) -> bool:
    return _SEPARATOR.split(container.lower())[-len(containers) :] == containers


def _spelled_like(name: str, table: VisibleSymbols) -> Iterator[tuple[int, float]]:
    for position in table.beginning_with(name, _MAX_SIMILAR):
        yield position, 0.7 * len(name) / len(table.name(position))
    near = list(table.like(name, _SIMILAR_ENOUGH / 100))
    matches = process.extract(
        name,
        [table.name(position) for position in near],
        scorer=fuzz.ratio,
        processor=None,
        score_cutoff=_SIMILAR_ENOUGH,
        limit=_MAX_SIMILAR,
    )
    for _, score, place in matches:
        yield near[place], 0.75 * score / 100


def _spelled(words: Sequence[str], table: VisibleSymbols) -> Found:
    """Return definitions whose name is a run of the question's words: "retry policy" → RetryPolicy."""
    found: Found = {}
    for length in range(min(_LONGEST_NAME, len(words)), 0, -1):
        for start in range(len(words) - length + 1):
            run = words[start : start + length]
            for name in {"".join(run), "_".join(run)}:
                numbers = table.named(name)
                if len(numbers) <= _TELLING_COUNT * length:
                    _add(found, dict.fromkeys(numbers.tolist(), length / len(words)))
    return found


def _add(found: Found, more: Found) -> None:
    for number, score in more.items():
        found[number] = max(score, found.get(number, 0.0))


def _best(found: Found, table: VisibleSymbols, allowed: NDArray[np.bool_] | None) -> list[int]:
    numbers = list(found)
    if allowed is not None and numbers:
        admitted = allowed[table.file_ids(numbers)].tolist()
        numbers = [number for number, may in zip(numbers, admitted, strict=True) if may]
    return nsmallest(_MAX_DEFINITIONS, numbers, key=lambda number: (-found[number], number))


def _path_quality(wanted: str, path: str) -> int:
    if path == wanted or path.endswith("/" + wanted):
        return 4
    stem = path.rpartition("/")[2].rpartition(".")[0]
    if stem == wanted:
        return 3
    return 2 if wanted in path else 1


def _distinct(rows: Sequence[Row | None]) -> list[Row]:
    return list({(row.file_id, row.ord): row for row in rows if row is not None}.values())
