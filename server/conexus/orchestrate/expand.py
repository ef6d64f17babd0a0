"""The agents that look around an answer: who calls it, what it calls, its tests, documents and settings.

Names decide, not types: what they find are candidates, and their score says so.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from attrs import evolve

from conexus.embedding.words import words
from conexus.orchestrate.evidence import Piece, Role, Statement
from conexus.orchestrate.locate import around_line
from conexus.search.rank import is_test

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from conexus.orchestrate.analyse import Subject
    from conexus.orchestrate.ground import Ground, Text
    from conexus.search.query import SearchRequest
    from conexus.store.places import Row
    from conexus.store.symbols import SymbolEntry

# A name that more places define says little about which one is meant.
_TELLING = 4
_SHORTEST_NAME = 3
_ROWS = 60
_MOST = {Role.CALLER: 6, Role.CALLEE: 8, Role.TEST: 4, Role.DOCUMENT: 3, Role.SETTING: 3}
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
_SETTINGS = ("toml", "yaml", "json", "ini")
_DOCUMENT = re.compile(r"\.(?:md|markdown|mdx|rst|adoc|txt)$")
_SETTING = re.compile(r"\.(?:toml|ya?ml|json|ini|cfg|conf|properties)$")


def uses(subjects: Sequence[Subject]) -> Iterator[Piece | Statement]:
    """Yield what names a subject: its callers, tests, documents and settings, and that it is tested."""
    seen: set[tuple[str, int]] = set()
    count: Counter[Role] = Counter()
    for subject in subjects:
        for row in _naming(subject):
            role = _role_of(row.path)
            text = subject.ground.text(row.path) if count[role] < _MOST[role] else None
            line = _line_of_use(text, row.span.start, row.span.end, subject) if text else 0
            piece = _shown(subject.ground, row.path, line, role) if line else None
            if piece is None or (key := (row.path, piece.cited.span.start)) in seen:
                continue
            seen.add(key)
            count[role] += 1
            reasons = (f"names {subject.symbol.qualified} in line {line}",)
            yield evolve(piece, score=subject.piece.score * 0.5, reasons=reasons)
            if role is Role.TEST and text is not None and piece.symbol:
                cited = subject.ground.cite(text, line, line)
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
                if len(seen) >= _MOST[Role.CALLEE]:
                    return


def found(ground: Ground, request: SearchRequest, role: Role) -> Iterator[Piece]:
    """Yield the documents or settings that a question finds."""
    chosen = evolve(request, limit=_MOST[role])
    if role is Role.DOCUMENT:
        chosen = evolve(chosen, paths=request.paths or _DOCUMENTS)
    else:
        chosen = evolve(chosen, languages=_SETTINGS)
    for hit in ground.search(chosen).hits:
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


def _naming(subject: Subject) -> list[Row]:
    """Return chunks in which the subject's name may stand, if the name is telling."""
    name = subject.symbol.name.rpartition(".")[2]
    snapshot = subject.ground.snapshot
    if len(name) < _SHORTEST_NAME or len(snapshot.symbols().named(name.lower())) > 2 * _TELLING:
        return []
    return snapshot.matching(words(name), _ROWS)


def _role_of(path: str) -> Role:
    if is_test(path):
        return Role.TEST
    name = path.rpartition("/")[2].lower()
    if _DOCUMENT.search(name):
        return Role.DOCUMENT
    return Role.SETTING if _SETTING.search(name) else Role.CALLER


def _line_of_use(text: Text, start: int, end: int, subject: Subject) -> int:
    """Return a line in [start, end) that names the subject and is no part of it; 0 if none does.

    The first one in a definition, or else the first: imports name a lot and tell little.
    """
    name = subject.symbol.name.rpartition(".")[2]
    own = subject.symbol.span if text.path == subject.text.path else None
    pattern = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)".encode())
    lines = [
        text.line_at(use.start())
        for use in pattern.finditer(text.source, start, min(end, len(text.source)))
        if own is None or not own.start <= use.start() < own.end
    ]
    return next((line for line in lines if text.around(line)), lines[0] if lines else 0)


def _shown(ground: Ground, path: str, line: int, role: Role) -> Piece | None:
    """Return the definition around a line, or the lines around it where there is none."""
    text = ground.text(path)
    if text is None:
        return None
    one = next((one for one in text.around(line) if one.kind in _BODIES), None)
    if one is None and role in {Role.CALLER, Role.CALLEE}:
        return None  # an import, or a table of names
    if one is None or one.span.end_line - one.span.start_line >= _LONGEST:
        cited = ground.cite(text, line - _AROUND, line + 2 * _AROUND)
        return Piece(
            cited, one.qualified if one else "", one.kind if one else "text", role, 0.0, (), whole=False
        )
    cited = ground.cite(text, one.span.start_line, one.span.end_line)
    return Piece(
        cited,
        one.qualified,
        one.kind,
        role,
        0.0,
        (),
        whole=True,
        briefer=around_line(ground, text, one.span, line),
    )
