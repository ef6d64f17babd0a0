"""The agent that finds where the answer is: the hits of a search, as the definitions they lead to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from conexus.orchestrate.evidence import Piece, Role
from conexus.search.focus import focused
from conexus.search.gates import Hit
from conexus.search.rank import rank

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conexus.domain import Span, Symbol
    from conexus.orchestrate.evidence import Citation
    from conexus.orchestrate.ground import Ground, Looked, Text
    from conexus.search.query import SearchRequest

# A definition that is longer is shown by the chunk that was found in it.
_LONGEST = 60
# So many files are looked into; what else was found in a file counts less than what answers best there.
_FILES = 12
_DEPTH = 60
_SECOND = 0.3
# Lines shown around the one that tells most, where there is no room for more.
_BEFORE, _AFTER = 2, 9
_VALUES = {"variable", "constant", "field", "key", "property", "section"}


def answers(ground: Ground, request: SearchRequest) -> Iterator[Piece]:
    """Yield what a search finds, then of each file that it leads to what answers best within it.

    The first search looks among all chunks of the folder and knows little of any one file, so the best files
    are searched once more by themselves.
    """
    hits = ground.search(request).hits
    for hit in hits:
        yield from _pieces(ground, evolve(hit, score=hit.score * _SECOND))
    best: dict[str, Hit] = {}
    for hit in hits:
        best.setdefault(hit.path, hit)
    files = tuple(list(best)[:_FILES])
    if files:
        deeper = ground.search(evolve(request, files=frozenset(files), limit=_DEPTH, explain=True))
        for path in files:
            for hit in _best_within(ground, path, deeper):
                yield from _pieces(ground, evolve(hit, score=best[path].score, reasons=best[path].reasons))


def here(ground: Ground, path: str, line: int) -> Iterator[Piece]:
    """Yield the definition at a line of a file, or a few lines where there is none."""
    text = ground.text(path)
    if text is None or not line or not text.lines:
        return
    around = text.around(line)
    if around:
        one = around[0]
        cited = ground.cite(text, one.span.start_line, one.span.end_line)
        yield Piece(cited, one.qualified, one.kind, Role.HERE, 1.0, ("where you are",), whole=True)
    else:
        cited = ground.cite(text, line - 10, line + 10)
        yield Piece(cited, "", "text", Role.HERE, 1.0, ("where you are",), whole=False)


def _best_within(ground: Ground, path: str, looked: Looked) -> Iterator[Hit]:
    """Yield what answers best within one file, as if nothing else had been searched."""
    text = ground.text(path)
    if text is None or not text.as_indexed:
        yield from [hit for hit in looked.hits if hit.path == path][:1]
        return
    own = [evolve(one, rows=tuple(row for row in one.rows if row.path == path)) for one in looked.found]
    for answer in rank(evolve(looked.query, limit=1), own):
        row = answer.row
        excerpt = text.source[row.span.start : row.span.end].decode("utf-8", "replace")
        hit = Hit(
            path,
            row.span,
            row.span.start_line,
            excerpt,
            row.symbol,
            row.kind,
            text.language,
            answer.score,
            (),
        )
        yield focused(hit, looked.query, ground.snapshot.symbols().within([(row.file_id, row.span)])[0])


def _pieces(ground: Ground, hit: Hit) -> Iterator[Piece]:
    text = ground.text(hit.path)
    if text is None or hit.span.end > len(text.source):
        return
    one = _definition(text, hit)
    span = one.span if one else hit.span
    yield Piece(
        ground.cite(text, span.start_line, span.end_line),
        one.qualified if one else hit.symbol,
        one.kind if one else hit.kind,
        Role.ANSWER,
        hit.score,
        hit.reasons,
        whole=one is not None or not hit.symbol,
        brief=brief_of(ground, text, span, hit.line),
    )


def brief_of(ground: Ground, text: Text, span: Span, line: int) -> Citation | None:
    """Return the lines around `line` of a span that is longer than that; None where it is not."""
    if span.end_line - span.start_line < _BEFORE + _AFTER:
        return None
    line = min(max(line, span.start_line), span.end_line)
    return ground.cite(text, max(span.start_line, line - _BEFORE), min(span.end_line, line + _AFTER))


def _definition(text: Text, hit: Hit) -> Symbol | None:
    """Return the definition that a hit leads to, if it is short enough to be shown whole."""
    for one in text.around(hit.line):
        if one.kind in _VALUES:
            continue
        return one if one.span.end_line - one.span.start_line < _LONGEST else None
    return None
