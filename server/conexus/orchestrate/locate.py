"""The agent that finds where the answer is: the hits of a search, as the definitions they lead to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from conexus.orchestrate.evidence import Piece, Role
from conexus.search.focus import focused
from conexus.search.gates import Hit
from conexus.search.rank import rank

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from conexus.domain import Span
    from conexus.orchestrate.evidence import Citation
    from conexus.orchestrate.ground import Ground, Looked, Text
    from conexus.search.query import SearchRequest
    from conexus.store.symbols import SymbolEntry

# A definition that is longer is shown by the chunk that was found in it.
_LONGEST = 150
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
    looked = ground.search(request)
    ground.confidence, hits = looked.confidence, looked.hits
    yield from _pieces(ground, [evolve(hit, score=hit.score * _SECOND) for hit in hits])
    best: dict[str, Hit] = {}
    for hit in hits:
        best.setdefault(hit.path, hit)
    files = list(best)[:_FILES]
    if files:
        deeper = ground.search(evolve(request, files=frozenset(files), limit=_DEPTH, explain=True))
        within = [one for path in files if (one := _best_within(ground, path, deeper)) is not None]
        yield from _pieces(
            ground,
            [evolve(one, score=best[one.path].score, reasons=best[one.path].reasons) for one in within],
        )


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


def _best_within(ground: Ground, path: str, looked: Looked) -> Hit | None:
    """Return what answers best within one file, as if nothing else had been searched."""
    text = ground.text(path)
    if text is None or not text.as_indexed:
        return next((hit for hit in looked.hits if hit.path == path), None)
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
        return focused(hit, looked.query, ground.snapshot.symbols().within([(row.file_id, row.span)])[0])
    return None


def _pieces(ground: Ground, hits: Sequence[Hit]) -> Iterator[Piece]:
    """Yield the definitions that hits lead to, or the chunks they are."""
    for hit, symbols in zip(hits, _beginning_in(ground, hits), strict=True):
        text = ground.text(hit.path)
        if text is None or hit.span.end > len(text.source):
            continue
        one = _definition(symbols, hit.line)
        span = one.span if one else hit.span
        yield Piece(
            ground.cite(text, span.start_line, span.end_line),
            _qualified(one) if one else hit.symbol,
            one.kind if one else hit.kind,
            Role.ANSWER,
            hit.score,
            hit.reasons,
            whole=one is not None or not hit.symbol,
            briefer=_briefer(ground, text, span, hit),
        )


def _beginning_in(ground: Ground, hits: Sequence[Hit]) -> Iterator[Sequence[SymbolEntry]]:
    """Yield for each hit the definitions that begin in it; none where the index does not know its lines."""
    places = [
        (ground.records[hit.path].file_id, hit.span)
        for hit in hits
        if (text := ground.text(hit.path)) is not None and text.as_indexed
    ]
    known = iter(ground.snapshot.symbols().within(places))
    for hit in hits:
        text = ground.text(hit.path)
        yield next(known) if text is not None and text.as_indexed else ()


def _briefer(ground: Ground, text: Text, span: Span, hit: Hit) -> tuple[Citation, ...]:
    """Return the chunk that was found in a longer definition, then the lines around the one that tells most."""
    chunk = hit.span.end_line - hit.span.start_line < span.end_line - span.start_line
    part = (ground.cite(text, hit.span.start_line, hit.span.end_line),) if chunk else ()
    return (*part, *around_line(ground, text, span, hit.line))


def around_line(ground: Ground, text: Text, span: Span, line: int) -> tuple[Citation, ...]:
    """Return the lines around `line` of a span that is longer than that; none where it is not."""
    if span.end_line - span.start_line < _BEFORE + _AFTER:
        return ()
    line = min(max(line, span.start_line), span.end_line)
    return (ground.cite(text, max(span.start_line, line - _BEFORE), min(span.end_line, line + _AFTER)),)


def _definition(symbols: Sequence[SymbolEntry], line: int) -> SymbolEntry | None:
    """Return the innermost definition at `line`, if it is short enough to be shown whole."""
    around = [
        one for one in symbols if one.kind not in _VALUES and one.span.start_line <= line <= one.span.end_line
    ]
    inner = min(around, key=lambda one: one.span.end - one.span.start, default=None)
    return inner if inner is not None and inner.span.end_line - inner.span.start_line < _LONGEST else None


def _qualified(one: SymbolEntry) -> str:
    return f"{one.container}.{one.name}" if one.container else one.name
