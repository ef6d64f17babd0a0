"""Candidates of all agents → one order, each place with its reasons. Pure.

Reciprocal-rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009), then boosts and penalties that are
bounded factors, so that what every agent agrees on can be nudged but not overruled. The factors start
from published priors (semble 0.7, MIT) and are measured by ``python -m bench quality``.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from conexus.embedding.words import words
from conexus.search.query import Intent
from conexus.search.retrieve import Agent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conexus.search.query import Query
    from conexus.search.retrieve import Found
    from conexus.store.snapshot import Row

_RRF_K = 60

_AGENT_WEIGHTS = {
    Intent.SYMBOL: {Agent.SEMANTIC: 0.3, Agent.LEXICAL: 0.7, Agent.SYMBOL: 1.5, Agent.PATH: 0.3},
    Intent.PATH: {Agent.SEMANTIC: 0.3, Agent.LEXICAL: 0.5, Agent.SYMBOL: 0.3, Agent.PATH: 1.5},
    Intent.PROSE: {Agent.SEMANTIC: 0.6, Agent.LEXICAL: 0.5, Agent.SYMBOL: 0.5, Agent.PATH: 0.0},
}
_COHERENCE = 0.2
_PATH_MATCH = 0.6
_DEFINES = 0.5
_NEXT_IN_FILE = 0.5

_TEST_PATH = re.compile(
    r"(?:^|/)(?:tests?|specs?|__tests__|testing|testdata|fixtures?|mocks?|__mocks__|e2e|bench(?:es|marks?)?)/"
    r"|(?:^|/)(?:test_[^/]*|conftest\.py|[^/]*[._-](?:test|tests|spec|bench)\.[^/]+)$"
    r"|(?:^|/)[^/]*(?:Test|Tests|Spec|TestCase)\.[A-Za-z]+$|_test\.[a-z]+$|_spec\.[a-z]+$"
)
_ASIDE_PATH = re.compile(
    r"(?:^|/)(?:examples?|samples?|demos?|docs?_src|docs?|vendor|third_party|deps|external|compat|legacy"
    r"|deprecated|migrations|scripts|tools|\.github)/",
    re.IGNORECASE,
)
_THIN_FILE = re.compile(r"(?:^|/)(?:__init__\.py|index\.[jt]sx?|mod\.rs|package-info\.java)$")
_DECLARATIONS = re.compile(r"\.d\.[cm]?ts$|\.pyi$")
_PROSE_LANGUAGES = re.compile(
    r"\.(?:md|markdown|rst|txt|json|ya?ml|toml|lock|csv|xml|svg|html?|po|adoc|ipynb)$"
)
_TEST, _ASIDE, _THIN, _DECLARED, _NOT_CODE = 0.3, 0.5, 0.6, 0.7, 0.5


@frozen
class Ranked:
    """A chunk, its final score in [0, 1], and why it stands where it stands."""

    row: Row
    score: float
    reasons: tuple[str, ...]


def rank(query: Query, found: Sequence[Found]) -> list[Ranked]:
    """Return the best `query.limit` candidates of `found`, best first."""
    scored = _fuse(query, found)
    _boost_coherent_files(scored)
    for candidate in scored:
        _boost_names(query, candidate)
        _penalise_path(query, candidate)
    return _pick(scored, query.limit)


@define
class _Scored:
    row: Row
    score: float = 0.0
    reasons: list[str] = field(factory=list)

    def times(self, factor: float, reason: str) -> None:
        self.score *= factor
        self.reasons.append(f"{reason} x{factor:.2f}")


def _fuse(query: Query, found: Sequence[Found]) -> list[_Scored]:
    weights = _AGENT_WEIGHTS[query.intent]
    scored: dict[tuple[int, int], _Scored] = {}
    for result in found:
        weight = weights[result.agent]
        for position, row in enumerate(result.rows, 1):
            if query.filters.kinds and row.kind not in query.filters.kinds:
                continue
            candidate = scored.setdefault((row.file_id, row.ord), _Scored(row))
            candidate.score += weight * (_RRF_K + 1) / (_RRF_K + position)
            candidate.reasons.append(f"{result.agent} #{position}")
    return list(scored.values())


def _boost_coherent_files(scored: list[_Scored]) -> None:
    """Raise files in which several chunks were found: an answer rarely stands alone in its file."""
    totals: dict[int, float] = defaultdict(float)
    for candidate in scored:
        totals[candidate.row.file_id] += candidate.score
    most = max(totals.values(), default=0.0)
    for candidate in scored:
        share = totals[candidate.row.file_id] / most
        candidate.score *= 1 + _COHERENCE * share


def _boost_names(query: Query, candidate: _Scored) -> None:
    """Raise chunks whose path or definition says the question's words."""
    asked = set(query.words)
    if not asked:
        return
    stem = candidate.row.path.rpartition(".")[0] or candidate.row.path
    said = asked & set(words(" ".join(stem.split("/")[-3:])))
    if said:
        candidate.times(1 + _PATH_MATCH * len(said) / len(asked), f"path says {' '.join(sorted(said))}")
    name = words(candidate.row.symbol.rpartition(".")[2])
    if name and asked.issuperset(name):
        share = len(set(name)) / len(asked)
        candidate.times(1 + _DEFINES * (0.5 + 0.5 * share), f"defines {candidate.row.symbol}")


def _penalise_path(query: Query, candidate: _Scored) -> None:
    path = candidate.row.path
    if _TEST_PATH.search(path):
        if query.wants_tests:
            candidate.times(1 / _TEST**0.5, "test, as asked")
        else:
            candidate.times(_TEST, "test")
    elif _ASIDE_PATH.search(path) and not _asked_for(query, path):
        candidate.times(_ASIDE, "example, vendored or beside the code")
    if _THIN_FILE.search(path):
        candidate.times(_THIN, "re-exports")
    elif _DECLARATIONS.search(path):
        candidate.times(_DECLARED, "declarations")
    elif _PROSE_LANGUAGES.search(path):
        candidate.times(_NOT_CODE, "not code")


def _asked_for(query: Query, path: str) -> bool:
    match = _ASIDE_PATH.search(path)
    return match is not None and not set(query.words).isdisjoint(words(match[0]))


def _pick(scored: list[_Scored], limit: int) -> list[Ranked]:
    """Take the best, each further chunk of a file at half weight, so that one file cannot fill the list."""
    taken: dict[int, int] = defaultdict(int)
    weighted = []
    for candidate in sorted(scored, key=_order):
        earlier = taken[candidate.row.file_id]
        taken[candidate.row.file_id] += 1
        if earlier:
            candidate.times(_NEXT_IN_FILE**earlier, f"{earlier} before it in this file")
        weighted.append(candidate)
    weighted.sort(key=_order)
    most = weighted[0].score if weighted else 1.0
    return [Ranked(c.row, round(c.score / most, 4), tuple(c.reasons)) for c in weighted[:limit]]


def _order(candidate: _Scored) -> tuple[float, str, int]:
    # Path and position settle ties, so that the same question always gets the same answer.
    return (-candidate.score, candidate.row.path, candidate.row.ord)
