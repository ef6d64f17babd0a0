"""Candidates of all agents → one order, each place with its reasons. Pure.

What agents say is added up, weighed by intent, then come boosts and penalties that are bounded factors, so that
what every agent agrees on can be nudged but not overruled. The kinds of factor are published priors (semble 0.7,
MIT); their sizes were chosen on the development split of ``python -m bench quality``, around which nDCG@10 is
flat: docs/ranking.md has the figures.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from functools import lru_cache
from heapq import nsmallest
from itertools import chain
from typing import TYPE_CHECKING

from attrs import define, frozen

from conexus.embedding.words import words
from conexus.search.projects import LESS_OF_IT
from conexus.search.query import Intent
from conexus.search.retrieve import Agent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from conexus.search.context import Surroundings
    from conexus.search.projects import Projects
    from conexus.search.query import Query
    from conexus.search.retrieve import Found
    from conexus.store.places import Row

# How much worse a candidate may score than the best before it counts little: its worth falls to 1/e where its
# cosine is lower by the first, its BM25 by the second as a part of the best. Chosen with the weights.
_COSINE_FALL, _BM25_FALL = 0.2, 0.7
# What other agents found and one did not list is taken to score less than its last: by so much cosine, so much BM25.
_UNLISTED_COSINE, _UNLISTED_BM25 = 0.1, 0.8
_LEAST_SPELLED = 0.2
# Names and paths that match are only put in order: reciprocal ranks (Cormack, Clarke and Büttcher, SIGIR 2009),
# with 20 for the paper's 60, as the lists are short and their first places are worth more.
_RRF_K = 20

_AGENT_WEIGHTS = {
    Intent.SYMBOL: {Agent.SEMANTIC: 0.3, Agent.LEXICAL: 0.7, Agent.SYMBOL: 1.5, Agent.PATH: 0.3},
    Intent.PATH: {Agent.SEMANTIC: 0.3, Agent.LEXICAL: 0.5, Agent.SYMBOL: 0.3, Agent.PATH: 1.5},
    Intent.PROSE: {Agent.SEMANTIC: 1.0, Agent.LEXICAL: 0.62, Agent.SYMBOL: 0.6, Agent.PATH: 0.0},
    # Names in pasted code are mostly of what it uses, not of what is like it.
    Intent.CODE: {Agent.SEMANTIC: 1.0, Agent.LEXICAL: 0.4, Agent.SYMBOL: 0.1, Agent.PATH: 0.0},
    Intent.EXACT: {Agent.SEMANTIC: 0.3, Agent.LEXICAL: 0.7, Agent.SYMBOL: 0.7, Agent.PATH: 0.0},
}
# What holds a phrase is admitted by it; where it stands is for the other agents to say.
_EXACT_WEIGHT = 0.2
# A file counts by the square root of what its chunks are worth together. In folders of one chunk a file, where that
# is the chunk itself, the sum as it is would count the agents' scores nearly twice.
_COHERENCE, _COHERENT_CHUNKS = 2.0, 40
_PATH_SAYS = 1.0
_FILE_NAMED = 2.5
_DEFINES = 0.2
_NEXT_IN_FILE = 0.15
_TEST, _ASKED_TEST, _ASIDE, _DECLARED, _NOT_CODE, _UNPARSED = 0.4, 1.8, 0.4, 0.7, 0.2, 0.5

_FALLS = {Agent.SEMANTIC: _COSINE_FALL, Agent.LEXICAL: _BM25_FALL}

# Directories called so, or with such a last word: tests/, Json.Tests/, exposed-tests/, androidTest/.
_TEST_FOLDER = re.compile(
    r"(?:^|/)(?:[^/]*[-_.])?(?i:tests?|specs?|__tests__|testing|testdata|fixtures?|mocks?|__mocks__|e2e"
    r"|bench(?:es|marks?)?)/|(?:^|/)[^/]*[a-z](?:Tests?|Specs?)/|(?:^|/)tests?[-_][^/]*/"
)
_TEST_NAME = re.compile(
    # Bash keeps its tests in .bats files; what is called test_*.bash is what such tests are written with.
    r"(?:test_.*(?<!\.bash)|conftest\.py|.*[._-](?:test|tests|spec|bench)\..+|.*\.bats"
    r"|.*(?:Test|Tests|Spec|TestCase)\.[A-Za-z]+)$",
    re.DOTALL,
)
_ASIDE_FOLDER = re.compile(
    r"(?:^|/)(?:(?:[^/]*[-_])?(?:examples?|samples?|demos?|tutorials?)|docs?_src|docs?|vendor|third_party|deps"
    r"|external|compat|legacy|deprecated|migrations|scripts|tools|\.github)/",
    re.IGNORECASE,
)
_DECLARATIONS = re.compile(r"\.d\.[cm]?ts$|\.pyi$")
_NO_CODE_NAME = re.compile(
    r"\.(?:md|markdown|mdx|rst|adoc|txt|tex|texi|man|[1-9]|ronn|po|topic"  # texts
    r"|json|ya?ml|toml|lock|csv|xml|svg|html?|ipynb|snap|api|cabal|csproj|sln|props|targets|iml"  # data
    r"|cfg|ini|in|am|cmake|properties|gradle)$"  # settings and builds
    r"|^(?:CHANGELOG|CHANGES|NEWS|README|RELEASE-NOTES|LICENSE|AUTHORS)[^/]*$",
    re.IGNORECASE,
)
_NO_CODE_KINDS = frozenset({"section", "key", "cell"})


@frozen
class Ranked:
    """A chunk, its score in [0, 1] (see `_bound`), and why it stands where it stands."""

    row: Row
    score: float
    reasons: tuple[str, ...]
    told: float = 1.0
    """What everything but the agents made of its score: the product of its factors, without its place in its file."""


def rank(
    query: Query,
    found: Sequence[Found],
    around: Surroundings | None = None,
    projects: Projects | None = None,
) -> list[Ranked]:
    """Return the best `query.limit` candidates of `found`, best first; what `around` lifts, a little higher.

    Where the folder holds several `projects`, those that the question is not about count less.
    """
    scored = _fuse(query, found)
    places = {path: _place_of(path) for path in {candidate.row.path for candidate in scored}}
    factors = _Factors(
        places,
        _coherence_of_files(query, scored, places),
        _Asked.of(query, places),
        _lifts(around, places),
        _elsewhere(query, found, projects, places),
    )
    for candidate in scored:
        candidate.told = factors.product(candidate.row)
        candidate.score *= candidate.told
    best = _pick(scored, query.limit)
    # Put in words for the few that are shown, not for the hundreds that are weighed.
    listed = _listed(found, [candidate.key for candidate in best])
    bound = _bound(query.intent)
    return [
        Ranked(
            candidate.row,
            round(min(1.0, candidate.score / bound), 4),
            (*listed[candidate.key], *candidate.reasons(factors)),
            candidate.told,
        )
        for candidate in best
    ]


def _bound(intent: Intent) -> float:
    """Return the score of a candidate that every agent puts first and every factor raises.

    A fixed yardstick, not the best of this reply: hits of several folders are put in one order by it.
    """
    every_agent = sum(_AGENT_WEIGHTS[intent].values())
    return every_agent * (1 + _COHERENCE) * (1 + _PATH_SAYS) * (1 + _FILE_NAMED) * (1 + _DEFINES)


@lru_cache(maxsize=1 << 14)
def is_test(path: str) -> bool:
    """Return whether a path is that of tests or what they need."""
    folder, slash, name = path.rpartition("/")
    return _folder_of(folder + slash).test or _TEST_NAME.match(name) is not None


@define(eq=False)
class _Scored:
    row: Row
    score: float = 0.0
    earlier: int = 0
    """How many better ones there are in its file."""
    told: float = 1.0

    @property
    def key(self) -> tuple[int, int]:
        return self.row.file_id, self.row.ord

    def reasons(self, factors: _Factors) -> list[str]:
        weighed = factors.of(self.row)
        if self.earlier:
            weighed.append((_NEXT_IN_FILE**self.earlier, f"{self.earlier} before it in this file"))
        return [f"{reason} x{factor:.2f}" for factor, reason in weighed]


def _fuse(query: Query, found: Sequence[Found]) -> list[_Scored]:
    weights = {**_AGENT_WEIGHTS[query.intent], Agent.EXACT: _EXACT_WEIGHT}
    admits = _admission(query, found)
    scored: dict[tuple[int, int], _Scored] = {}
    for result in found:
        weight = weights[result.agent]
        for row, worth in zip(result.rows, _worths(query, result), strict=True):
            if admits is not None and not admits(row):
                continue
            key = (row.file_id, row.ord)
            if (candidate := scored.get(key)) is None:
                scored[key] = _Scored(row, weight * worth)
            else:
                candidate.score += weight * worth
    for result in found:
        if result.more and result.agent in _FALLS:
            _add_unlisted(scored, result, weights[result.agent] * _worth_unlisted(query, result))
    return list(scored.values())


def _admission(query: Query, found: Sequence[Found]) -> Callable[[Row], bool] | None:
    """Return what says whether a chunk may answer, None if all may, as for most questions."""
    only = [result.only for result in found if result.only is not None]
    if not only and not query.filters.by_kind:
        return None
    admits_kind = query.filters.admits_kind
    return lambda row: admits_kind(row.kind) and all((row.file_id, row.ord) in keys for keys in only)


def _add_unlisted(scored: Mapping[tuple[int, int], _Scored], result: Found, worth: float) -> None:
    listed = {(row.file_id, row.ord) for row in result.rows}
    for key, candidate in scored.items():
        if key not in listed:
            candidate.score += worth


def _listed(found: Sequence[Found], keys: Iterable[tuple[int, int]]) -> dict[tuple[int, int], list[str]]:
    """Return which agents listed each of these candidates, and where, from 1."""
    listed: dict[tuple[int, int], list[str]] = {key: [] for key in keys}
    for result in found:
        for position, row in enumerate(result.rows, 1):
            if (key := (row.file_id, row.ord)) in listed:
                listed[key].append(f"{result.agent} #{position}")
    return listed


def _worth_unlisted(query: Query, result: Found) -> float:
    """Return what a candidate of other agents is worth to one whose list ended before it: a little less than its last."""
    best, last = _best(query, result), result.rows[-1].score
    if result.agent is Agent.SEMANTIC:
        return math.exp((last - _UNLISTED_COSINE - best) / _COSINE_FALL)
    return math.exp((_UNLISTED_BM25 * last / best - 1) / _BM25_FALL) if best > 0 else 0.0


def _worths(query: Query, result: Found) -> Sequence[float]:
    """Return what each row of `result` is worth by its score, in (0, 1]: 1 is the best of the code itself.

    Tests, examples and texts say the question's words more plainly than the code that answers it. Measured
    against them, code would be worth little wherever a repository has many; so they are worth no more than it.
    """
    rows, fall = result.rows, _FALLS.get(result.agent)
    if fall is None:
        ordered = [(_RRF_K + 1) / (_RRF_K + position) for position in range(1, len(rows) + 1)]
        if result.agent is Agent.SYMBOL and query.intent is Intent.PROSE:
            return list(_spelled(query, rows, ordered))
        return ordered
    best = _best(query, result)
    scale = fall if result.agent is Agent.SEMANTIC or best <= 0 else fall * best
    exp = math.exp
    return [exp((row.score - best) / scale) if row.score < best else 1.0 for row in rows]


def _spelled(query: Query, rows: Sequence[Row], worths: Sequence[float]) -> Iterator[float]:
    """Yield `worths` by how much of the question the name of each definition is: one word of six says little."""
    asked = frozenset(query.words)
    for row, worth in zip(rows, worths, strict=True):
        yield worth * max(_LEAST_SPELLED, len(asked & _name_words(row.symbol)) / (len(asked) or 1))


def _best(query: Query, result: Found) -> float:
    rows = result.rows
    itself = (
        row.score for row in rows if row.kind not in _NO_CODE_KINDS and _is_code(query, _place_of(row.path))
    )
    return next(itself, rows[0].score if rows else 0.0)


def _is_code(query: Query, place: _PlaceOf) -> bool:
    """Return whether the code itself is to be expected at `place`, not what stands beside it."""
    return not (
        place.no_code
        or (place.test and not query.wants_tests)
        or (place.aside and place.aside.isdisjoint(query.words))
    )


def _coherence_of_files(
    query: Query, scored: Sequence[_Scored], places: Mapping[str, _PlaceOf]
) -> dict[int, Factor]:
    """Return by file id what raises files in which several chunks were found: an answer rarely stands alone."""
    by_file: dict[int, list[float]] = defaultdict(list)
    code: set[int] = set()
    code_paths = {path for path, place in places.items() if _is_code(query, place)}
    for candidate in scored:
        row = candidate.row
        by_file[row.file_id].append(candidate.score)
        if row.path in code_paths and row.kind not in _NO_CODE_KINDS:
            code.add(row.file_id)
    totals = {
        number: sum(sorted(scores, reverse=True)[:_COHERENT_CHUNKS]) if len(scores) > 1 else scores[0]
        for number, scores in by_file.items()
    }
    most = max((total for number, total in totals.items() if number in code or not code), default=1.0)
    return {
        number: (
            1 + _COHERENCE * (math.sqrt(total / most) if total < most else 1.0),
            f"{len(by_file[number])} found in its file",
        )
        for number, total in totals.items()
    }


Factor = tuple[float, str]
"""What a score is multiplied by, and why."""


@frozen
class _Factors:
    """What raises and lowers the candidates of one question, by path and by file id."""

    places: Mapping[str, _PlaceOf]
    coherent: Mapping[int, Factor]
    asked: _Asked
    lifts: Mapping[str, Sequence[Factor]]
    lowered: Mapping[str, Sequence[Factor]]

    def of(self, row: Row) -> list[Factor]:
        """Return what a chunk's score is multiplied by, in this order."""
        path, asked = row.path, self.asked
        factors = [self.coherent[row.file_id], *asked.by_path[path]]
        if _may_say(asked.words, row.symbol) and asked.covers(defined := _name_words(row.symbol)):
            factors.append(asked.defining(row.symbol, defined))
        factors += _against_kind(self.places[path], row.kind)
        if path in self.lifts:
            factors += self.lifts[path]
        if path in self.lowered:
            factors += self.lowered[path]
        return factors

    def product(self, row: Row) -> float:
        """Return what a chunk's score is multiplied by in all."""
        product = 1.0
        for factor, _ in self.of(row):
            product *= factor
        return product


@define
class _Asked:
    """The words of a question, each weighed by how few of the candidates' paths say it.

    In a repository called phoenix every path says phoenix, and a path that does proves nothing.
    """

    words: frozenset[str]
    shares: dict[str, float]
    """Word → how much of the question it is; they sum to 1."""
    by_path: dict[str, list[Factor]]
    """Path → what the path alone says for and against its chunks."""

    @classmethod
    def of(cls, query: Query, places: Mapping[str, _PlaceOf]) -> _Asked:
        asked = frozenset(query.words)
        # Words of a path are found in the time of ten looks at whether there are any of the question among them.
        said = {path: _path_words(path) if _may_say(asked, path) else _SILENT for path in places}
        spread = Counter(chain.from_iterable(asked & path.all for path in said.values()))
        weights = {word: math.log(1 + (len(said) + 1) / (spread[word] + 1)) for word in asked}
        whole = sum(weights.values()) or 1.0
        made = cls(asked, {word: weight / whole for word, weight in weights.items()}, {})
        made.by_path = {
            path: [*made._named(said[path]), *_against(query, place)]
            if said[path].all or place.test or place.aside
            else []
            for path, place in places.items()
        }
        return made

    def share(self, said: frozenset[str]) -> float:
        """Return how much of the question `said` are, in [0, 1]."""
        return sum([self.shares[word] for word in self.words & said])

    def covers(self, said: frozenset[str]) -> bool:
        """Return whether the question says all of `said`, and there are any."""
        return bool(said) and said <= self.words

    def defining(self, symbol: str, said: frozenset[str]) -> Factor:
        """Return what raises a chunk that defines what the question names, in words that are all `said`."""
        return 1 + _DEFINES * (0.5 + 0.5 * self.share(said)), f"defines {symbol}"

    def _named(self, path: _PathWords) -> Iterator[Factor]:
        if self.words.isdisjoint(path.all):
            return
        named = self.share(path.name)
        said = named + 0.5 * self.share(path.directories - path.name)
        if said:
            yield 1 + _PATH_SAYS * said, "path says it"
        if self.covers(path.name):
            yield 1 + _FILE_NAMED * (0.3 + 0.7 * named), "file is named so"


@frozen
class _PathWords:
    directories: frozenset[str]
    name: frozenset[str]
    all: frozenset[str]


_SILENT = _PathWords(frozenset(), frozenset(), frozenset())


@lru_cache(maxsize=1 << 14)
def _path_words(path: str) -> _PathWords:
    *directories, name = (path.rpartition(".")[0] or path).split("/")
    around, own = _words(" ".join(directories[-3:])), _words(name)
    return _PathWords(around, own, around | own)


@lru_cache(maxsize=1 << 14)
def _name_words(symbol: str) -> frozenset[str]:
    return _words(symbol.rpartition(".")[2])


def _words(text: str) -> frozenset[str]:
    return frozenset(words(text))


def _may_say(asked: frozenset[str], text: str) -> bool:
    """Return whether any of `asked` may be among the words of `text`; where it says no, none is."""
    lowered = text.lower()
    # A loop, as a generator would take longer to make than most texts take to be looked through.
    for word in asked:
        if word in lowered:
            return True
    return not text.isascii()


def _against(query: Query, place: _PlaceOf) -> Iterator[Factor]:
    if place.test:
        yield (_ASKED_TEST, "test, as asked") if query.wants_tests else (_TEST, "test")
    elif place.aside and place.aside.isdisjoint(query.words):
        yield _ASIDE, "example, vendored or beside the code"


def _against_kind(place: _PlaceOf, kind: str) -> tuple[Factor, ...]:
    if place.declarations:
        return ((_DECLARED, "declarations"),)
    if kind in _NO_CODE_KINDS or place.no_code:
        return ((_NOT_CODE, "not code"),)
    return ((_UNPARSED, "no grammar"),) if kind == "text" else ()


@frozen
class _PlaceOf:
    """What a path says of the code behind it."""

    test: bool
    aside: frozenset[str]
    """Words of the directory that puts it beside the code, if one does."""
    declarations: bool
    no_code: bool


@lru_cache(maxsize=1 << 14)
def _place_of(path: str) -> _PlaceOf:
    folder, slash, name = path.rpartition("/")
    around = _folder_of(folder + slash)
    return _PlaceOf(
        test=around.test or _TEST_NAME.match(name) is not None,
        aside=around.aside,
        declarations=_DECLARATIONS.search(name) is not None,
        no_code=_NO_CODE_NAME.search(name) is not None,
    )


@frozen
class _FolderOf:
    """What a directory says of all files in it; of many files, few directories are looked at."""

    test: bool
    aside: frozenset[str]


@lru_cache(maxsize=1 << 14)
def _folder_of(folder: str) -> _FolderOf:
    """Return what `folder`, which ends with a slash unless it is the root, says."""
    aside = _ASIDE_FOLDER.search(folder)
    return _FolderOf(
        test=_TEST_FOLDER.search(folder) is not None,
        aside=frozenset(words(aside[0])) if aside else frozenset(),
    )


def _lifts(around: Surroundings | None, paths: Iterable[str]) -> dict[str, list[Factor]]:
    """Return by path what raises what is near to whoever asks."""
    return {} if around is None or around.empty else {path: around.lifts(path) for path in paths}


def nearness(query: Query, found: Sequence[Found], agent: Agent = Agent.SEMANTIC) -> list[tuple[str, float]]:
    """Return path and score of all that `agent` found; nothing if the question says itself where to look."""
    rows = () if query.filters.by_file else (result.rows for result in found if result.agent is agent)
    return [(row.path, row.score) for row in chain.from_iterable(rows)]


def _elsewhere(
    query: Query, found: Sequence[Found], projects: Projects | None, paths: Iterable[str]
) -> dict[str, list[Factor]]:
    """Return by path what lowers what lies in a project that the question is not about."""
    if projects is None:
        return {}
    # Words are weighed alike in all of a folder; between folders, only nearness can be compared.
    weights = projects.weights(nearness(query, found), nearness(query, found, Agent.LEXICAL))
    lower = {project: [(weight, LESS_OF_IT)] for project, weight in weights.items() if weight < 1}
    return {path: lower[project] for path in paths if (project := projects.around(path)) in lower}


def _pick(scored: list[_Scored], limit: int) -> list[_Scored]:
    """Take the best, each further chunk of a file at less weight, so that one file cannot fill the list."""
    taken: dict[int, int] = defaultdict(int)
    for candidate in sorted(scored, key=_order):
        number = candidate.row.file_id
        candidate.earlier = taken[number]
        taken[number] += 1
        if candidate.earlier:
            candidate.score *= _NEXT_IN_FILE**candidate.earlier
    return nsmallest(limit, scored, key=_order)


def _order(candidate: _Scored) -> tuple[float, str, int]:
    # Path and position settle ties, so that the same question always gets the same answer.
    return (-candidate.score, candidate.row.path, candidate.row.ord)
