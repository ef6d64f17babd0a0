"""Definitions by name, as people type them into a picker: exact, beginning, humps, part, misspelt."""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from attrs import evolve
from rapidfuzz import fuzz, process

from conexus.parsing.chunker import parse
from conexus.search.rank import is_test

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from conexus.store.manifest import FileRecord
    from conexus.store.symbols import SymbolEntry, VisibleSymbols
    from conexus.workspace.source import Source

# How well a name matches, in [0, 1], by how it matches; the rest of the range goes to how much of it does.
_EXACT, _BEGINS, _HUMPS, _CONTAINS, _RESEMBLES = 0.9, 0.7, 0.55, 0.4, 0.2
_SHARE = 0.1
# rapidfuzz's normalised indel similarity, 0 to 100. Below 75, short names match unrelated ones.
_SIMILAR_ENOUGH = 75.0
_MOST_NAMES = 300
_MOST_SYMBOLS = 600
# With this many matches by spelling, nobody looks for misspelt ones.
_ENOUGH_NAMES = 20
_SEPARATOR = re.compile(r"\.|::|->|#|/|\s+")
_HUMP = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_]+")
_IN_CONTAINER, _SAME_CASE, _TEST = 0.08, 0.02, -0.05


def find(text: str, table: VisibleSymbols, limit: int) -> list[tuple[SymbolEntry, float]]:
    """Return at most `limit` definitions that `text` may name, best first, each with a score in (0, 1].

    What stands before a dot (or ``::``, ``#``, a space) is what encloses the definition.
    """
    *containers, name = [part for part in _SEPARATOR.split(text.strip()) if part] or [""]
    if not name:
        return []
    scores = _names(name, table, math.inf if containers else limit)
    best = sorted(scores, key=lambda position: (-max(scores[position]), position))[:_MOST_NAMES]
    numbers, places = (part[:_MOST_SYMBOLS] for part in table.of_names(best))
    order = np.argsort(numbers)
    said = zip(*table.spellings(numbers[order]), table.paths(numbers[order]), strict=True)
    values = np.empty(len(numbers))
    for at, one in zip(order.tolist(), said, strict=True):
        values[at] = _score(one, scores[best[places[at]]], name, containers)
    # Entries are made of those that may be shown: what scores like the last of them is put in order with it.
    least = np.partition(values, -limit)[-limit] if 0 < limit < len(values) else 0.0
    kept = np.flatnonzero((values > 0) & (values >= least))
    found = list(zip(table.entries(numbers[kept]), values[kept].tolist(), strict=True))
    found.sort(key=lambda pair: (-pair[1], pair[0].path, pair[0].line))
    return found[:limit]


def standing(
    entries: Iterable[SymbolEntry],
    records: Mapping[str, FileRecord],
    unchanged: Callable[[str, FileRecord], bool],
    read: Callable[[str], Source | None],
) -> Iterator[SymbolEntry | None]:
    """Yield each of `entries` where it stands in the text now, None if it is gone.

    `unchanged` says cheaply that a file is what its record says; only other files are read and cut again.
    """
    moved: dict[str, Sequence[SymbolEntry] | None] = {}
    for entry in entries:
        record = records.get(entry.path)
        if record is None:
            yield None
            continue
        if entry.path not in moved:
            moved[entry.path] = None if unchanged(entry.path, record) else _now(entry, record, read)
        now = moved[entry.path]
        yield entry if now is None else _same(entry, now)


def _names(name: str, table: VisibleSymbols, enough: float) -> dict[int, tuple[float, float]]:
    """Return how well `name` matches, by position of the names of `table`; no others where `enough` begin so.

    Two scores each: for sure, and if its humps fit, which only the spelling with its case can tell.
    """
    wanted = name.lower()
    scores: dict[int, tuple[float, float]] = {}

    def add(found: Iterable[int], base: float) -> None:
        positions = list(found)
        for position, length in zip(positions, table.lengths(positions), strict=True):
            # What begins so and is no longer is the name itself.
            least = _EXACT if base == _BEGINS and length == len(wanted) else base
            score = least + _SHARE * len(wanted) / max(len(wanted), length)
            sure, maybe = scores.get(position, (0.0, 0.0))
            scores[position] = (sure, score) if base == _HUMPS else (max(sure, score), maybe)

    add(table.beginning_with(wanted, _MOST_NAMES), _BEGINS)
    numbers = table.of_names(list(scores))[0]
    if len(scores) >= _MOST_NAMES or len(numbers) >= _MOST_SYMBOLS or _are_enough(numbers, table, enough):
        return scores  # whatever else matches comes after these, and no more are looked at
    if len(wanted) > 1:
        add(table.matching(_abbreviation(wanted), wanted[0]), _HUMPS)
        add(table.containing(wanted, _MOST_NAMES), _CONTAINS)
    if len(wanted) > 3 and len(scores) < _ENOUGH_NAMES:
        for position, similarity in _resembling(wanted, table):
            add([position], _RESEMBLES * similarity / 100)
    return scores


def _are_enough(numbers: NDArray[np.int64], table: VisibleSymbols, enough: float) -> bool:
    """Return whether so many of these symbols, whose names begin so, score better than any that match otherwise.

    Those of tests may not: they lose `_TEST` of `_BEGINS`, and humps are worth up to `_HUMPS` + `_SHARE` + `_SAME_CASE`.
    """
    return len(numbers) >= enough and sum(not is_test(path) for path in table.paths(numbers)) >= enough


def _abbreviation(wanted: str) -> re.Pattern[str]:
    """Return what finds the letters of `wanted` in order after a line's end; `_score` checks the humps."""
    # Each gap runs to the next letter's first occurrence, which is as good as any: nothing to backtrack.
    gaps = (f"[^{re.escape(letter)}\n]*{re.escape(letter)}" for letter in wanted[1:])
    return re.compile(f"\n{re.escape(wanted[0])}{''.join(gaps)}")


def _resembling(wanted: str, table: VisibleSymbols) -> Iterator[tuple[int, float]]:
    """Yield positions of misspelt names and how similar they are, 0 to 100."""
    positions = list(table.like(wanted, _SIMILAR_ENOUGH / 100))
    near = [table.name(position) for position in positions]
    matches = process.extract(
        wanted, near, scorer=fuzz.ratio, processor=None, score_cutoff=_SIMILAR_ENOUGH, limit=100
    )
    for _, similarity, place in matches:
        yield positions[place], similarity


def _score(
    said: tuple[str, str, str], bases: tuple[float, float], name: str, containers: Sequence[str]
) -> float:
    """Return the score of a definition whose name matches by `bases` (see `_names`); 0 if it does not.

    `said` is its name, its container and the path of its file.
    """
    spelled, container, path = said
    score, by_humps = bases
    if by_humps > score and _abbreviates(name.lower(), spelled):
        score = by_humps
    if not score:
        return 0.0
    if containers:
        around = [part.lower() for part in _SEPARATOR.split(f"{path}/{container}") if part]
        wanted = [part.lower() for part in containers]
        if not all(any(part.startswith(want) for part in around) for want in wanted):
            return 0.0
        score += _IN_CONTAINER
    score += _SAME_CASE * (name in spelled) + _TEST * is_test(path)
    return max(0.01, min(1.0, round(score, 4)))


@lru_cache(maxsize=1 << 10)
def _abbreviates(wanted: str, name: str) -> bool:
    return _fits_humps(wanted, _HUMP.findall(name))


def _fits_humps(wanted: str, humps: Sequence[str]) -> bool:
    """Return whether `wanted` is made of beginnings of `humps`, in order: ``hcs`` fits HttpClient.send."""
    if not wanted:
        return True
    for number, hump in enumerate(humps):
        lowered = hump.lower()
        length = 0
        while length < min(len(lowered), len(wanted)) and lowered[length] == wanted[length]:
            length += 1
        if any(_fits_humps(wanted[taken:], humps[number + 1 :]) for taken in range(length, 0, -1)):
            return True
    return False


def _now(
    entry: SymbolEntry, record: FileRecord, read: Callable[[str], Source | None]
) -> Sequence[SymbolEntry] | None:
    source = read(entry.path)
    if source is None:
        return ()
    if source.digest == record.digest:
        return None
    language = "text" if record.note else record.language
    return [
        evolve(
            entry,
            name=symbol.name,
            kind=symbol.kind,
            container=symbol.container,
            line=symbol.line,
            span=symbol.span,
        )
        for symbol in parse(source.source, language).symbols
    ]


def _same(entry: SymbolEntry, now: Sequence[SymbolEntry]) -> SymbolEntry | None:
    named = [one for one in now if (one.name, one.container) == (entry.name, entry.container)]
    return min(named, key=lambda one: abs(one.line - entry.line), default=None)
