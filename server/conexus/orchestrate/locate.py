"""The agent that finds where the answer is: the hits of a search, as the definitions they lead to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conexus.orchestrate.evidence import Piece, Role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conexus.domain import Symbol
    from conexus.orchestrate.ground import Ground, Text
    from conexus.search.gates import Hit
    from conexus.search.query import SearchRequest

# A definition that is longer is shown by the chunk that was found in it.
_LONGEST = 60
_VALUES = {"variable", "constant", "field", "key", "property", "section"}


def answers(ground: Ground, request: SearchRequest) -> Iterator[Piece]:
    """Yield what a search finds, best first."""
    for hit in ground.search(request):
        text = ground.text(hit.path)
        if text is not None and hit.span.end <= len(text.source):
            yield _piece(ground, text, hit)


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


def _piece(ground: Ground, text: Text, hit: Hit) -> Piece:
    one = _definition(text, hit)
    if one is None:
        cited = ground.cite(text, hit.span.start_line, hit.span.end_line)
        return Piece(cited, hit.symbol, hit.kind, Role.ANSWER, hit.score, hit.reasons, whole=not hit.symbol)
    cited = ground.cite(text, one.span.start_line, one.span.end_line)
    return Piece(cited, one.qualified, one.kind, Role.ANSWER, hit.score, hit.reasons, whole=True)


def _definition(text: Text, hit: Hit) -> Symbol | None:
    """Return the definition that a hit leads to, if it is short enough to be shown whole."""
    for one in text.around(hit.line):
        if one.kind in _VALUES:
            continue
        return one if one.span.end_line - one.span.start_line < _LONGEST else None
    return None
