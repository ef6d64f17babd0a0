"""Finding definitions and files by name."""

from __future__ import annotations

import bisect
import re
from typing import TYPE_CHECKING

from rapidfuzz import fuzz, process

from conexus.search.query import Intent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from conexus.search.query import Query
    from conexus.store.places import Row
    from conexus.store.snapshot import Snapshot
    from conexus.store.symbols import SymbolEntry, VisibleSymbols

# rapidfuzz's normalised indel similarity, 0 to 100. Below 80, four-letter names match unrelated ones.
_SIMILAR_ENOUGH = 80.0
_MAX_SIMILAR = 20
_MAX_DEFINITIONS = 24
_MAX_FILES = 10
# A name that is defined in more places than this says little about which one is meant.
_TELLING_COUNT = 6
_LONGEST_NAME = 4
_SEPARATOR = re.compile(r"\.|::|->|#|/")

Found = dict[int, float]
"""Symbol number → how well its name matches, in [0, 1]."""


def definitions(query: Query, snapshot: Snapshot, allowed: NDArray[np.bool_] | None) -> list[Row]:
    """Return the chunks that hold definitions the query names, best match first."""
    table = snapshot.symbols()
    found: Found = {}
    for name in query.identifiers or _single_name(query):
        _add(found, _named(name, table, similar=query.intent is Intent.SYMBOL))
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
    paths = [(path.lower(), path, number) for number, path in snapshot.paths().items()]
    spelled = [item for item in paths if wanted in item[0]]
    if not spelled and query.words:
        spelled = [item for item in paths if all(word in item[0] for word in query.words)]
    matches = [
        (-_path_quality(wanted, lowered), len(path), path, number)
        for lowered, path, number in spelled
        if allowed is None or allowed[number]
    ]
    best = sorted(matches)[:_MAX_FILES]
    return _distinct(snapshot.covering([(number, 0) for *_, number in best]))


def _single_name(query: Query) -> Sequence[str]:
    return (query.text.rstrip("()?!"),) if query.intent is Intent.SYMBOL else ()


def _named(name: str, table: VisibleSymbols, *, similar: bool) -> Found:
    """Return definitions called `name`, ``container.name`` narrowing; else those spelled like it."""
    *containers, last = [part for part in _SEPARATOR.split(name.lower()) if part] or [""]
    exact = table.named(last)
    if len(exact):
        entries = table.entries(exact)
        return {
            int(number): _exactness(entry, name, containers)
            for number, entry in zip(exact, entries, strict=True)
        }
    if not similar or not last:
        return {}
    return {
        int(number): score
        for position, score in _spelled_like(last, table.names)
        for number in table.of_name(position)
    }


def _exactness(entry: SymbolEntry, name: str, containers: Sequence[str]) -> float:
    parts = _SEPARATOR.split(entry.container.lower())
    inside = bool(containers) and parts[-len(containers) :] == list(containers)
    same_case = entry.name == _SEPARATOR.split(name)[-1]
    return 0.8 + 0.15 * (inside or not containers) + 0.05 * same_case


def _spelled_like(name: str, names: list[str]) -> Iterator[tuple[int, float]]:
    start = bisect.bisect_left(names, name)
    for position in range(start, min(start + _MAX_SIMILAR, len(names))):
        if not names[position].startswith(name):
            break
        yield position, 0.7 * len(name) / len(names[position])
    matches = process.extract(
        name, names, scorer=fuzz.ratio, processor=None, score_cutoff=_SIMILAR_ENOUGH, limit=_MAX_SIMILAR
    )
    for _, score, position in matches:
        yield position, 0.75 * score / 100


def _spelled(words: Sequence[str], table: VisibleSymbols) -> Found:
    """Return definitions whose name is a run of the question's words: "retry policy" → RetryPolicy."""
    found: Found = {}
    for length in range(min(_LONGEST_NAME, len(words)), 0, -1):
        for start in range(len(words) - length + 1):
            run = words[start : start + length]
            for name in {"".join(run), "_".join(run)}:
                numbers = table.named(name)
                if len(numbers) <= _TELLING_COUNT * length:
                    _add(found, dict.fromkeys(map(int, numbers), length / len(words)))
    return found


def _add(found: Found, more: Found) -> None:
    for number, score in more.items():
        found[number] = max(score, found.get(number, 0.0))


def _best(found: Found, table: VisibleSymbols, allowed: NDArray[np.bool_] | None) -> list[int]:
    file_ids = table.file_ids
    numbers = [n for n in found if allowed is None or allowed[file_ids[n]]]
    return sorted(numbers, key=lambda number: (-found[number], number))[:_MAX_DEFINITIONS]


def _path_quality(wanted: str, path: str) -> int:
    if path == wanted or path.endswith("/" + wanted):
        return 4
    stem = path.rpartition("/")[2].rpartition(".")[0]
    if stem == wanted:
        return 3
    return 2 if wanted in path else 1


def _distinct(rows: Sequence[Row | None]) -> list[Row]:
    return list({(row.file_id, row.ord): row for row in rows if row is not None}.values())
