"""The agent that takes definitions apart: what an answer calls, raises, reads and writes, as statements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from conexus.orchestrate.evidence import Statement
from conexus.parsing.facts import structure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conexus.domain import Symbol
    from conexus.orchestrate.evidence import Piece
    from conexus.orchestrate.ground import Ground, Text
    from conexus.parsing.facts import Structure

_MOST_OF_A_KIND = 8
_BODIES = {
    "function",
    "method",
    "class",
    "struct",
    "interface",
    "trait",
    "impl",
    "macro",
    "test",
    "type",
    "enum",
    "module",
}


@frozen(eq=False)
class Subject:
    """A definition that the answer is about, taken apart."""

    ground: Ground
    text: Text
    symbol: Symbol
    piece: Piece
    structure: Structure | None


def subject_of(piece: Piece) -> Subject | None:
    """Return the definition that a piece shows or leads to; None where it shows none."""
    ground, span = piece.cited.ground, piece.cited.span
    text = ground.text(piece.cited.path)
    if text is None:
        return None
    named = [one for one in text.definitions if one.qualified == piece.symbol and one.kind in _BODIES]
    inside = [
        one for one in named if one.span.start_line <= span.end_line and one.span.end_line >= span.start_line
    ]
    if not inside:
        return None
    taken = structure(text.source, text.language, inside[0]) if text.parseable else None
    return Subject(ground, text, inside[0], piece, taken)


def statements(subject: Subject) -> Iterator[Statement]:
    """Yield what is known of a definition, its signature first."""
    taken = subject.structure
    if taken is None:
        return
    about, cite = subject.symbol.qualified, subject.ground.cite
    if taken.signature:
        cited = cite(subject.text, taken.first_line, taken.last_line)
        yield Statement(about, "signature", f"is `{taken.signature}`", cited)
    said: dict[str, int] = {}
    for fact in taken.facts:
        said[fact.kind] = said.get(fact.kind, 0) + 1
        if said[fact.kind] <= _MOST_OF_A_KIND:
            yield Statement(
                about, fact.kind, f"{fact.kind} `{fact.name}`", cite(subject.text, fact.line, fact.line)
            )
