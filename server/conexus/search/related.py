"""What belongs to a file: its tests, files that use it and that it uses, texts about it, what changes with it.

Words find candidates, the candidates' texts decide: a file is only called a user of a definition when the
name stands in it.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from conexus.embedding.words import words
from conexus.search.rank import Ranked, is_test

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from conexus.store.places import Row
    from conexus.store.snapshot import Snapshot
    from conexus.store.symbols import SymbolEntry, VisibleSymbols

_MOST_NAMES = 12
_ROWS_PER_NAME = 40
_MOST_FILES_READ = 80
# A name that more places define says little about which one is meant.
_TELLING_DEFINITIONS = 3
_SHORTEST_NAME = 3
_BESIDE = 5

_MOST_USED = 400
_BY_NAME, _USES, _USED, _TOGETHER, _SAME_PLACE = 1.0, 0.8, 0.5, 0.7, 0.1
_TEST_AFFIX = re.compile(
    r"^(?:test|tests|spec)[_-]|(?:[_.-](?:test|tests|spec|e2e|unit))+$|(?:Test|Tests|TestCase|Spec|IT)$"
)
_DOCUMENT = re.compile(r"\.(?:md|markdown|rst|adoc)$", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z_]\w{2,}")
# Keys and headings are called like what they are about, and define nothing of it.
_NO_USE = {"key", "section", "field", "variable", "property"}
# A single lower-case word as a name (`order`, `leads`) stands in many texts that mean something else.
_WORD = re.compile(r"[a-z]+")
_WORD_WEIGHT = 0.25


@frozen
class Subject:
    """What is asked about: a file, or one definition in it."""

    path: str
    names: tuple[str, ...]
    """Names whose use makes another file related."""
    lines: tuple[int, int] = (0, 0)
    """First and last line of the definition, 1-based; 0, 0 for the whole file."""


@define
class _Candidate:
    score: float = 0.0
    reasons: list[str] = field(factory=list)
    row: Row | None = None

    def add(self, score: float, reason: str) -> None:
        self.score += score
        self.reasons.append(reason)


def subject(path: str, line: int, symbols: Sequence[SymbolEntry], table: VisibleSymbols) -> Subject:
    """Return what is asked about: the innermost definition at `line` (1-based), or with 0 the whole file."""
    if line:
        around = [entry for entry in symbols if entry.span.start_line <= line <= entry.span.end_line]
        if around:
            inner = min(around, key=lambda entry: entry.span.end - entry.span.start)
            return Subject(path, (inner.name,), (inner.span.start_line, inner.span.end_line))
    names = [entry.name for entry in symbols if not entry.container and _is_telling(entry.name, table)]
    if not names:
        names = [entry.name for entry in symbols if _is_telling(entry.name, table)]
    return Subject(path, tuple(dict.fromkeys(names))[:_MOST_NAMES])


def related(
    about: Subject,
    snapshot: Snapshot,
    text_of: Callable[[str], str | None],
    together: Mapping[str, float],
    limit: int,
) -> list[Ranked]:
    """Return one chunk of each related file, best first.

    The first reason says what the file is: ``test``, ``documentation`` or ``code``. `text_of` reads a file,
    `together` is how often (0 to 1) a path changed when the subject did.
    """
    found: dict[str, _Candidate] = defaultdict(_Candidate)
    paths = set(snapshot.paths().values()) - {about.path}
    _by_name(about, paths, found)
    _by_use(about, snapshot, text_of, found)
    _by_definition(about, snapshot, text_of, found)
    _by_history(paths, together, found)
    _by_place(about, paths, found)
    best = sorted(found, key=lambda path: (-found[path].score, path))[:limit]
    return _ranked(best, found, snapshot)


def bare_stem(path: str) -> str:
    """Return the lower-case name of a file without suffix and without what makes it a test."""
    name = path.rpartition("/")[2]
    return _TEST_AFFIX.sub("", name.rpartition(".")[0] or name).lower().replace("-", "_")


def _is_telling(name: str, table: VisibleSymbols) -> bool:
    if len(name) < _SHORTEST_NAME or name.startswith("_"):
        return False
    return len(table.named(name.lower())) <= _TELLING_DEFINITIONS


def _by_name(about: Subject, paths: Iterable[str], found: dict[str, _Candidate]) -> None:
    """Add tests called like the subject, or what the subject is a test of."""
    stem, testing = bare_stem(about.path), is_test(about.path)
    if len(stem) < _SHORTEST_NAME:
        return
    for path in paths:
        if is_test(path) != testing and bare_stem(path) == stem:
            found[path].add(_BY_NAME, "tested by this file" if testing else "called like its test")


def _by_use(
    about: Subject, snapshot: Snapshot, text_of: Callable[[str], str | None], found: dict[str, _Candidate]
) -> None:
    """Add files whose text has the subject's names."""
    names = list(about.names)
    file_name = about.path.rpartition("/")[2]
    rows: dict[str, list[Row]] = defaultdict(list)
    for name in (*names, file_name):
        for row in snapshot.matching(words(name), _ROWS_PER_NAME):
            if row.path != about.path:
                rows[row.path].append(row)
    pattern = re.compile("|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in (*names, file_name)))
    often = sorted(rows, key=lambda path: (-len(rows[path]), path))[:_MOST_FILES_READ]
    for path in often:
        used = dict.fromkeys(pattern.findall(text_of(path) or ""))
        if not used or (set(used) == {file_name} and not _DOCUMENT.search(path)):
            continue
        weight = sum(_WORD_WEIGHT if _WORD.fullmatch(name) else 1.0 for name in used)
        share = weight / max(1, min(len(names), 4))
        word = "mentions" if _DOCUMENT.search(path) else "uses"
        found[path].add(_USES * math.sqrt(min(1.0, share)), f"{word} {', '.join(list(used)[:4])}")
        found[path].row = rows[path][0]


def _by_definition(
    about: Subject, snapshot: Snapshot, text_of: Callable[[str], str | None], found: dict[str, _Candidate]
) -> None:
    """Add files that define what the subject's text names: what it imports, as far as names tell."""
    table = snapshot.symbols()
    numbers: list[int] = []
    text = _text_of(about, text_of)
    for name in list(dict.fromkeys(_NAME.findall(text)))[:_MOST_USED]:
        defined = table.named(name.lower())
        if len(defined) <= _TELLING_DEFINITIONS:
            numbers += map(int, defined)
    used: dict[str, dict[str, None]] = defaultdict(dict)
    for entry in table.entries(numbers):
        if (
            entry.path != about.path
            and entry.kind not in _NO_USE
            and re.search(rf"(?<!\w){re.escape(entry.name)}(?!\w)", text)
        ):
            used[entry.path][entry.name] = None
    for path, names in used.items():
        weight = sum(_WORD_WEIGHT if _WORD.fullmatch(name) else 1.0 for name in names)
        found[path].add(_USED * math.sqrt(min(1.0, weight / 4)), f"defines {', '.join(list(names)[:4])}")


def _text_of(about: Subject, text_of: Callable[[str], str | None]) -> str:
    text = text_of(about.path) or ""
    first, last = about.lines
    return "\n".join(text.split("\n")[first - 1 : last]) if first else text


def _by_history(paths: set[str], together: Mapping[str, float], found: dict[str, _Candidate]) -> None:
    for path, share in together.items():
        if path in paths:
            found[path].add(_TOGETHER * share, f"changed together in {share:.0%} of its commits")


def _by_place(about: Subject, paths: Iterable[str], found: dict[str, _Candidate]) -> None:
    """Add some neighbours in the same directory, best those that are related already."""
    directory = about.path.rpartition("/")[0]
    beside = sorted(path for path in paths if path.rpartition("/")[0] == directory)
    beside.sort(key=lambda path: -found[path].score if path in found else 0)
    for path in beside[:_BESIDE]:
        found[path].add(_SAME_PLACE, "in the same directory")


def _ranked(best: Sequence[str], found: Mapping[str, _Candidate], snapshot: Snapshot) -> list[Ranked]:
    without = [path for path in best if found[path].row is None]
    places = [(number, 0) for path in without if (number := snapshot.file_id(path)) is not None]
    first = {row.path: row for row in snapshot.covering(places) if row is not None}
    most = max((found[path].score for path in best), default=1.0)
    ranked = []
    for path in best:
        row = found[path].row or first.get(path)
        if row is not None:
            reasons = (_what(path), *found[path].reasons)
            ranked.append(Ranked(row, round(found[path].score / most, 4), reasons))
    return ranked


def _what(path: str) -> str:
    if is_test(path):
        return "test"
    return "documentation" if _DOCUMENT.search(path) else "code"
