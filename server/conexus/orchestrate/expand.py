"""The agents that look around an answer: who calls it, what it calls, its tests, documents and settings.

Names decide, not types: what they find are candidates, and their score says so.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import evolve

from conexus.embedding.words import words
from conexus.orchestrate.evidence import Piece, Role, Statement
from conexus.search.rank import is_test

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from conexus.domain import Symbol
    from conexus.orchestrate.analyse import Subject
    from conexus.orchestrate.ground import Ground, Text
    from conexus.search.query import SearchRequest
    from conexus.store.symbols import SymbolEntry

# A name that more places define says little about which one is meant.
_TELLING = 4
_SHORTEST_NAME = 3
_ROWS = 40
_MOST_CALLERS, _MOST_CALLEES, _MOST_TESTS, _MOST_DOCUMENTS, _MOST_SETTINGS = 6, 8, 4, 3, 3
# Longer definitions are shown by the lines around the place that counts.
_LONGEST = 40
_AROUND = 3
_BODIES = {
    "function",
    "method",
    "class",
    "struct",
    "interface",
    "trait",
    "enum",
    "macro",
    "type",
    "test",
    "constant",
}
_DOCUMENTS = ("*.md", "*.markdown", "*.mdx", "*.rst", "*.adoc", "*.txt")
_SETTINGS = ("toml", "yaml", "json", "ini", "properties")


def callers(subjects: Sequence[Subject]) -> Iterator[Piece]:
    """Yield definitions outside of tests that name a subject."""
    yield from (piece for piece, _ in _uses(subjects, tests=False, most=_MOST_CALLERS))


def tests(subjects: Sequence[Subject]) -> Iterator[Piece | Statement]:
    """Yield tests that name a subject, and that they do."""
    for piece, subject in _uses(subjects, tests=True, most=_MOST_TESTS):
        yield piece
        line = piece.cited.span.start_line
        text = piece.cited.ground.text(piece.cited.path)
        if text is not None:
            cited = piece.cited.ground.cite(text, line, line)
            yield Statement(subject.symbol.qualified, "tested", f"is tested by `{piece.symbol}`", cited)


def callees(subjects: Sequence[Subject]) -> Iterator[Piece]:
    """Yield the definitions that subjects call, as far as their names tell which."""
    seen: set[tuple[str, int]] = set()
    for subject in subjects:
        own = subject.symbol.span
        for fact in subject.structure.facts if subject.structure else ():
            if fact.kind != "calls":
                continue
            for entry in _defined(subject, fact.last):
                key = entry.path, entry.span.start
                inside = entry.path == subject.text.path and own.start <= entry.span.start < own.end
                if key in seen or inside:
                    continue
                seen.add(key)
                if (piece := _shown(subject.ground, entry.path, entry.line, Role.CALLEE)) is not None:
                    score = subject.piece.score * (0.6 if entry.path == subject.text.path else 0.5)
                    yield evolve(piece, score=score, reasons=(f"called by {subject.symbol.qualified}",))
                if len(seen) >= _MOST_CALLEES:
                    return


def found(ground: Ground, request: SearchRequest, role: Role) -> Iterator[Piece]:
    """Yield the documents or settings that a question finds."""
    limits = {Role.DOCUMENT: _MOST_DOCUMENTS, Role.SETTING: _MOST_SETTINGS}
    chosen = evolve(request, limit=limits[role])
    if role is Role.DOCUMENT:
        chosen = evolve(chosen, paths=request.paths or _DOCUMENTS)
    else:
        chosen = evolve(chosen, languages=_SETTINGS)
    for hit in ground.search(chosen):
        text = ground.text(hit.path)
        if text is not None and hit.span.end <= len(text.source):
            cited = ground.cite(text, hit.span.start_line, hit.span.end_line)
            yield Piece(cited, hit.symbol, hit.kind, role, hit.score, hit.reasons, whole=True)


def _defined(subject: Subject, name: str) -> list[SymbolEntry]:
    """Return the definitions that a call of `name` may mean, those of the same file first."""
    if len(name) < _SHORTEST_NAME:
        return []
    table = subject.ground.snapshot.symbols()
    numbers = table.named(name.lower())
    if len(numbers) > 4 * _TELLING:
        return []
    entries = [one for one in table.entries(numbers) if one.name == name and one.kind in _BODIES]
    entries = [one for one in entries if not is_test(one.path)] or entries
    near = [one for one in entries if one.path == subject.text.path]
    if near:
        return near[:1]
    return entries[:2] if len(entries) <= _TELLING else []


def _uses(subjects: Sequence[Subject], *, tests: bool, most: int) -> Iterator[tuple[Piece, Subject]]:
    seen: set[tuple[str, int]] = set()
    for subject in subjects:
        name = subject.symbol.name.rpartition(".")[2]
        table = subject.ground.snapshot.symbols()
        if len(name) < _SHORTEST_NAME or len(table.named(name.lower())) > 2 * _TELLING:
            continue
        pattern = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)".encode())
        for row in subject.ground.snapshot.matching(words(name), _ROWS):
            if is_test(row.path) != tests or len(seen) >= most:
                continue
            text = subject.ground.text(row.path)
            line = _line_of_use(text, pattern, row.span.start, row.span.end, subject) if text else 0
            piece = (
                _shown(subject.ground, row.path, line, Role.TEST if tests else Role.CALLER) if line else None
            )
            if piece is not None and (key := (row.path, piece.cited.span.start)) not in seen:
                seen.add(key)
                reasons = (f"names {subject.symbol.qualified} in line {line}",)
                yield evolve(piece, score=subject.piece.score * 0.5, reasons=reasons), subject


def _line_of_use(text: Text, pattern: re.Pattern[bytes], start: int, end: int, subject: Subject) -> int:
    """Return the first line in [start, end) that names the subject and is no part of it; 0 if none does."""
    own = subject.symbol.span if text.path == subject.text.path else None
    for use in pattern.finditer(text.source, start, min(end, len(text.source))):
        if own is None or not own.start <= use.start() < own.end:
            return text.line_at(use.start())
    return 0


def _shown(ground: Ground, path: str, line: int, role: Role) -> Piece | None:
    """Return the definition around a line, whole if it is short, else the lines around."""
    text = ground.text(path)
    if text is None:
        return None
    around = [one for one in text.around(line) if one.kind in _BODIES]
    if not around:
        return None
    one = around[0]
    whole = one.span.end_line - one.span.start_line < _LONGEST
    first, last = (one.span.start_line, one.span.end_line) if whole else _window(one, line)
    return Piece(ground.cite(text, first, last), one.qualified, one.kind, role, 0.0, (), whole)


def _window(one: Symbol, line: int) -> tuple[int, int]:
    return max(one.span.start_line, line - _AROUND), min(one.span.end_line, line + 2 * _AROUND)
