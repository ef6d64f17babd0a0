"""The agent that fits a budget: most valuable first, no line twice, whole definitions, line numbers. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, evolve, field, frozen

from conexus.orchestrate import tokens
from conexus.orchestrate.evidence import Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from conexus.orchestrate.evidence import Citation, Piece, Statement

_ANSWERS = {Role.HERE, Role.ANSWER}
# The most of the budget that one answer may take at first, by its place: the first few are shown whole, and what
# comes after them is still there, if only by the lines that tell most.
_LARGEST = (0.4, 0.2, 0.12, 0.1, 0.1, 0.08, 0.07)
# Of the budget, for statements.
_SAID = 0.08
# What can be read off the lines it is about.
_PLAIN = {"signature", "calls", "raises", "reads", "writes"}
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
    shelf = _Shelf(several=len({one.cited.ground.root for one in pieces}) > 1)
    answers = [one for one in pieces if one.role in _ANSWERS]
    others = [one for one in pieces if one.role not in _ANSWERS]
    wanted = {one.role for one in others}
    kept_back = int(budget * sum(share for role, share in shares.items() if role in wanted))
    said = int(budget * _SAID) if statements else 0
    left = []
    for place, one in enumerate(answers):
        most = int(budget * _LARGEST[min(place, len(_LARGEST) - 1)])
        if not shelf.take(one, budget - kept_back - said, most):
            left.append(one)
    room = {role: int(budget * share) for role, share in shares.items()}
    for one in others:
        before = shelf.used
        if shelf.take(one, budget - said, room[one.role]):
            room[one.role] -= shelf.used - before
        else:
            left.append(one)
    stated = [one for one in statements if shelf.say(one, min(budget, shelf.used + said))]
    left = [one for one in left if not shelf.take(one, budget, budget)]
    text = shelf.text()
    return Pack(text, tokens.at_most(text), tuple(shelf.pieces()), tuple(stated), len(left))


@define
class _File:
    """What is shown of one file."""

    heading: str
    lines: dict[int, str] = field(factory=dict)
    """Number → the line as it is shown."""
    pieces: list[Piece] = field(factory=list)


@define
class _Shelf:
    several: bool
    """Whether paths of several folders must be told apart."""
    used: int = 0
    files: dict[tuple[str, str], _File] = field(factory=dict)
    said: list[str] = field(factory=list)
    seen: set[bytes] = field(factory=set)

    def take(self, piece: Piece, limit: int, most: int) -> bool:
        """Add `piece`, or as much of it as fits, if that takes `most` tokens and all stays within `limit`."""
        shorter = (evolve(piece, cited=cited, briefer=(), whole=False) for cited in piece.briefer)
        return self._put(piece, limit, most) or any(self._put(one, limit, most) for one in shorter)

    def _put(self, piece: Piece, limit: int, most: int) -> bool:
        cited = piece.cited
        key = cited.ground.root, cited.path
        file = self.files.get(key) or _File(f"## {self._name(cited)}\n")
        new = {number: line for number, line in _numbered(piece) if number not in file.lines}
        if not new or cited.digest in self.seen:
            return True
        cost = sum(map(tokens.of_line, new.values())) + tokens.of_line(_GAP)
        if key not in self.files:
            cost += tokens.of_line(file.heading)
        if cost > most or self.used + cost > limit:
            return False
        self.used += cost
        self.seen.add(cited.digest)
        self.files[key] = file
        file.lines |= new
        file.pieces.append(piece)
        return True

    def say(self, statement: Statement, limit: int) -> bool:
        """Add a statement if it fits; one about lines that are shown needs no words: they speak for themselves."""
        cited = statement.cited
        file = self.files.get((cited.ground.root, cited.path))
        lines = range(cited.span.start_line, cited.span.end_line + 1)
        if statement.kind in _PLAIN and file is not None and all(line in file.lines for line in lines):
            return True
        line = f"- {statement.about} {statement.text} ({self._name(cited)}:{cited.span.start_line})\n"
        cost = tokens.of_line(line)
        if self.used + cost > limit:
            return False
        self.used += cost
        self.said.append(line)
        return True

    def _name(self, cited: Citation) -> str:
        path = f"{cited.ground.root}/{cited.path}" if self.several else cited.path
        return path if path.isprintable() else ascii(path)

    def pieces(self) -> Iterable[Piece]:
        return (piece for file in self.files.values() for piece in file.pieces)

    def text(self) -> str:
        shown = [file.heading + _body(file.lines) for file in self.files.values()]
        return "".join([*shown, *self.said])


def _numbered(piece: Piece) -> Iterable[tuple[int, str]]:
    text = piece.cited.source.decode("utf-8", "replace")
    for number, line in enumerate(text.split("\n"), piece.cited.span.start_line):
        yield number, f"{number} {line}".rstrip() + "\n"


def _body(lines: Mapping[int, str]) -> str:
    shown, last = [], 0
    for number in sorted(lines):
        if last and number != last + 1:
            shown.append(_GAP)
        shown.append(lines[number])
        last = number
    return "".join(shown)
