"""The agent that fits a budget: most valuable first, no line twice, whole definitions, line numbers. Pure."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from conexus.orchestrate import tokens
from conexus.orchestrate.evidence import Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from conexus.orchestrate.evidence import Piece, Statement

_ANSWERS = {Role.HERE, Role.ANSWER}
# Tokens a statement's bullet and a gap between two pieces of a file cost, beyond their words.
_GAP = "…\n"


@frozen
class Pack:
    """What fits."""

    text: str
    tokens: int
    """At most so many, by `tokens.at_most`."""
    pieces: tuple[Piece, ...]
    statements: tuple[Statement, ...]
    left_out: int
    """Pieces there was no room for."""


def pack(
    pieces: Sequence[Piece], statements: Sequence[Statement], budget: int, shares: Mapping[Role, float]
) -> Pack:
    """Return as much of `pieces` and `statements`, both best first, as `budget` tokens hold."""
    shelf = _Shelf(budget)
    waiting = [one for one in pieces if one.role in _ANSWERS]
    others = [one for one in pieces if one.role not in _ANSWERS]
    kept_back = int(
        budget * sum(share for role, share in shares.items() if any(p.role == role for p in others))
    )
    left = [one for one in waiting if not shelf.take(one, budget - kept_back)]
    room = {role: int(budget * share) for role, share in shares.items()}
    for one in others:
        before = shelf.used
        if shelf.used + room.get(one.role, 0) > before and shelf.take(one, before + room.get(one.role, 0)):
            room[one.role] -= shelf.used - before
        else:
            left.append(one)
    said = [one for one in statements if shelf.say(one, budget)]
    left = [one for one in left if not shelf.take(one, budget)]
    text = shelf.text()
    return Pack(text, tokens.at_most(text), tuple(shelf.pieces()), tuple(said), len(left))


@define
class _File:
    """What is shown of one file."""

    path: str
    heading: str
    lines: dict[int, str] = field(factory=dict)
    """Number → the line as it is shown."""
    pieces: list[Piece] = field(factory=list)


@define
class _Shelf:
    budget: int
    used: int = 0
    files: dict[tuple[str, str], _File] = field(factory=dict)
    said: dict[str, list[str]] = field(factory=lambda: defaultdict(list))
    seen: set[bytes] = field(factory=set)

    def take(self, piece: Piece, most: int) -> bool:
        """Add `piece` if all of it that is not there yet fits below `most` tokens."""
        cited = piece.cited
        key = cited.ground.root, cited.path
        file = self.files.get(key) or _File(cited.path, f"## {cited.path}\n")
        new = {number: line for number, line in _numbered(piece) if number not in file.lines}
        if not new or cited.digest in self.seen:
            return True
        cost = tokens.at_most("".join(new.values())) + tokens.at_most(_GAP)
        if key not in self.files:
            cost += tokens.at_most(file.heading)
        if self.used + cost > most:
            return False
        self.used += cost
        self.seen.add(cited.digest)
        self.files[key] = file
        file.lines |= new
        file.pieces.append(piece)
        return True

    def say(self, statement: Statement, most: int) -> bool:
        """Add a statement if it fits."""
        cited = statement.cited
        line = f"- {statement.about} {statement.text} ({cited.path}:{cited.span.start_line})\n"
        cost = tokens.at_most(line)
        if self.used + cost > most:
            return False
        self.used += cost
        self.said[statement.about].append(line)
        return True

    def pieces(self) -> Iterable[Piece]:
        return (piece for file in self.files.values() for piece in file.pieces)

    def text(self) -> str:
        shown = [file.heading + _body(file.lines) for file in self.files.values()]
        if self.said:
            shown.append("".join(line for lines in self.said.values() for line in lines))
        return "".join(shown)


def _numbered(piece: Piece) -> Iterable[tuple[int, str]]:
    text = piece.cited.source.decode("utf-8", "replace")
    for number, line in enumerate(text.split("\n"), piece.cited.span.start_line):
        yield number, f"{number} {line.rstrip()}\n"


def _body(lines: Mapping[int, str]) -> str:
    shown, last = [], 0
    for number in sorted(lines):
        if last and number != last + 1:
            shown.append(_GAP)
        shown.append(lines[number])
        last = number
    return "".join(shown)
