"""A syntax tree to an outline: what a file defines, and where it may be cut.

Only definitions and their siblings are visited, never whole expressions: visiting a node from Python
costs about as much as parsing 10 bytes.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, TypeVar

from attrs import define, field, frozen

from conexus.parsing.languages import grammar_of
from conexus.parsing.rules import RULES, Rule

if TYPE_CHECKING:
    import re

    from tree_sitter import Node

    from conexus.parsing.names import Name

_T = TypeVar("_T")

LARGE = 2_100
"""Bytes above which a definition is cut into its members or statements."""

# Deeper nesting of definitions is left to be cut by lines.
_DEEPEST = 30
_ERROR = 0xFFFF
_TYPES = {"class", "interface", "struct", "enum", "trait", "impl", "extension", "type"}
_BODIES = {"function", "method", "test", "variable", "macro"}
_VALUES = {"variable", "constant", "field"}
# These lend their name to their members but define nothing.
_UNLISTED = {"impl", "extension"}
_AS_MEMBER = {"function": "method", "variable": "field"}


@define
class Definition:
    """A named definition while its outline is being built; offsets in bytes."""

    name: str
    kind: str
    container: str
    at: int
    start: int
    end: int
    listed: bool

    @property
    def qualified(self) -> str:
        """Return the name with its containers."""
        return f"{self.container}.{self.name}" if self.container else self.name


@define
class Piece:
    """A stretch of siblings' text: a definition with its comments, a statement, a lone comment."""

    start: int
    end: int
    definition: Definition | None = None
    parts: list[Piece] = field(factory=list)
    """Members or statements, in order; what lies between belongs to the part before."""
    alone: bool = False
    """Whether it is a chunk of its own, however small: a cell."""


@frozen
class _Table:
    """The rules of a grammar by the numbers of its node types."""

    rules: dict[int, Rule]
    through: frozenset[int]
    top: frozenset[int]
    leading: dict[int, re.Pattern[bytes] | None]
    top_only: bool


@define
class _Scope:
    """What encloses the nodes being looked at."""

    container: str = ""
    within: str = ""
    """Kind of the nearest named definition around."""
    depth: int = 0


@cache
def _table_of(language: str) -> _Table:
    grammar, rules = grammar_of(language), RULES[language]
    ids: dict[str, list[int]] = {}
    for number in range(grammar.node_kind_count):
        name = grammar.node_kind_for_id(number)
        if name and grammar.node_kind_is_named(number):
            ids.setdefault(name, []).append(number)

    def by_id(names: dict[str, _T]) -> dict[int, _T]:
        return {number: value for name, value in names.items() for number in ids.get(name, ())}

    return _Table(
        rules=by_id(rules.rules),
        through=frozenset(by_id(dict.fromkeys(rules.through))) | {_ERROR},
        top=frozenset(by_id(dict.fromkeys(rules.top))),
        leading=by_id(rules.leading),
        top_only=rules.top_only,
    )


def outline(root: Node, source: bytes, language: str) -> tuple[list[Piece], list[Definition]]:
    """Return the top-level pieces below `root` and every definition, in the order of the source."""
    builder = _Builder(source, _table_of(language))
    pieces = builder.pieces(builder.top(root), _Scope())
    return pieces, builder.definitions


class _Builder:
    """Walks one tree."""

    def __init__(self, source: bytes, table: _Table) -> None:
        self.source = source
        self.table = table
        self.definitions: list[Definition] = []

    def top(self, root: Node) -> list[Node]:
        """Return the nodes at the top of the file."""
        nodes: list[Node] = []
        for child in root.named_children:
            nodes += self._expanded(child.named_children if child.kind_id in self.table.top else [child])
        return nodes

    def pieces(self, nodes: list[Node], scope: _Scope) -> list[Piece]:
        """Return one piece for each node, comments and attributes joined to what they belong to."""
        rules, leading, source = self.table.rules, self.table.leading, self.source
        pieces: list[Piece] = []
        lead: Piece | None = None
        sticky = False
        for node in nodes:
            number, start, end = node.kind_id, node.start_byte, node.end_byte
            if number in leading and self._leads(leading[number], start, end):
                if lead is None and pieces and _same_line(source, pieces[-1].end, start):
                    pieces[-1].end = max(pieces[-1].end, end)
                elif lead is not None and (sticky or _adjacent(source, lead.end, start)):
                    lead.end = end
                    sticky = sticky or not _is_comment(source, start)
                else:
                    pieces += [lead] if lead else []
                    lead = Piece(start, end)
                    sticky = not _is_comment(source, start)
                continue
            rule = rules.get(number)
            if lead is not None:
                # What stands before everything in a file is about the file.
                if (
                    sticky
                    or _adjacent(source, lead.end, start)
                    or (rule and rule.kind and (pieces or scope.depth) and _documents(source, lead))
                ):
                    start = lead.start
                else:
                    pieces.append(lead)
                lead = None
            piece = Piece(start, end)
            if rule is not None:
                self._define(node, rule, piece, scope, end)
                if rule.merges and pieces and self._merge(pieces[-1], piece):
                    continue
            pieces.append(piece)
        return [*pieces, lead] if lead else pieces

    def _leads(self, pattern: re.Pattern[bytes] | None, start: int, end: int) -> bool:
        return pattern is None or pattern.match(self.source, start, end) is not None

    def _define(self, node: Node, rule: Rule, piece: Piece, scope: _Scope, end: int) -> None:
        """Name the definition that `node`, which ends at `end`, is; list it and find its members."""
        listed_before = len(self.definitions)
        first: Definition | None = None
        if rule.kind:
            for name in rule.names(node, self.source):
                # Where the grammar had to guess a missing name, it is empty.
                if not name.text:
                    continue
                definition = self._definition(name, rule, piece, scope)
                first = first or definition
                if definition.kind in _VALUES and scope.within in _BODIES:
                    continue
                if definition.listed:
                    self.definitions.append(definition)
                piece.definition = piece.definition or definition
        if rule.nested is not None and not self._holds(node.start_byte, end, rule):
            return
        if scope.depth < _DEEPEST:
            container, within = (first.qualified, first.kind) if first else (scope.container, scope.within)
            inner = _Scope(container, within, scope.depth + 1)
            piece.parts = self.pieces(self._members(node, rule), inner)
            if not rule.kind and rule.nested is None:
                self._adopt(piece, self.definitions[listed_before:])

    def _definition(self, name: Name, rule: Rule, piece: Piece, scope: _Scope) -> Definition:
        kind, container, owner = name.kind or rule.kind, scope.container, name.owner
        if scope.within in _TYPES:
            kind = _AS_MEMBER.get(kind, kind)
        elif owner and kind == "function":
            kind = "method"
        if owner:
            container = f"{container}.{owner}" if container else owner
        listed = kind not in _UNLISTED and not (self.table.top_only and scope.depth)
        return Definition(name.text, kind, container, name.at, piece.start, piece.end, listed)

    def _holds(self, start: int, end: int, rule: Rule) -> bool:
        """Tell whether the node at [start, end) is large or shows a sign of definitions inside it."""
        if end - start > LARGE:
            return True
        # A definition's own keyword is no sign of one inside it. Searching for plain bytes is several
        # times as fast as one regular expression.
        start += 10 if rule.kind else 0
        for sign in rule.nested or ():  # noqa: SIM110 -- `any` takes a generator, twice the time
            if self.source.find(sign, start, end) >= 0:
                return True
        return False

    def _members(self, node: Node, rule: Rule) -> list[Node]:
        if rule.inner is not None:
            return self._expanded([child for value in rule.inner(node) for child in value.named_children])
        if not rule.kind:
            return self._expanded(node.named_children)
        through = self.table.through
        return self._expanded([child for child in node.named_children if child.kind_id in through])

    def _expanded(self, nodes: list[Node]) -> list[Node]:
        """Return `nodes`, with the children of those to be looked through in their place."""
        through = self.table.through
        if not any([node.kind_id in through for node in nodes]):  # noqa: C419 -- twice as fast as a generator
            return nodes
        expanded: list[Node] = []
        stack = nodes[::-1]
        while stack:
            node = stack.pop()
            if node.kind_id in through:
                stack += node.named_children[::-1]
            else:
                expanded.append(node)
        return expanded

    def _adopt(self, piece: Piece, listed: list[Definition]) -> None:
        """Let a wrapper that ends with one definition be it: decorators, ``export``, ``template <...>``."""
        inner = [part for part in piece.parts if part.definition]
        if len(inner) != 1 or inner[0].definition is None or inner[0].end < piece.end - 1:
            return
        start, container = inner[0].start, inner[0].definition.container
        for definition in [inner[0].definition, *listed]:
            if definition.start == start and definition.container == container:
                definition.start, definition.end = piece.start, piece.end
        piece.definition, piece.parts = inner[0].definition, inner[0].parts

    def _merge(self, last: Piece, piece: Piece) -> bool:
        """Join `piece` to the one before it when both define the same name: clauses, overloads."""
        first, second = last.definition, piece.definition
        if (
            first is None
            or second is None
            or first.qualified != second.qualified
            or first.kind != second.kind
        ):
            return False
        # The members of the second stay; only its own name, listed just before them, goes.
        for index in range(len(self.definitions) - 1, -1, -1):
            if self.definitions[index] is second:
                del self.definitions[index]
                break
        if not last.parts:
            last.parts = [Piece(last.start, last.end, first)]
        last.parts.append(piece)
        last.end = first.end = piece.end
        return True


def _same_line(source: bytes, end: int, start: int) -> bool:
    return source.find(b"\n", max(end - 1, 0), start) < 0


def _adjacent(source: bytes, end: int, start: int) -> bool:
    """Tell whether no empty line lies between."""
    return source[end:start].count(b"\n") + source.endswith(b"\n", 0, end) <= 1


def _documents(source: bytes, lead: Piece) -> bool:
    """Tell whether `lead` is one comment made for what follows, an empty line or not: ``/** ... */``."""
    return source.startswith(b"/**", lead.start) and source.find(b"*/", lead.start) + 2 >= lead.end


def _is_comment(source: bytes, start: int) -> bool:
    """Tell a comment from an attribute or decorator, which belongs to what follows at any distance."""
    return not source.startswith((b"@", b"#["), start)
