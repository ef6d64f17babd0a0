"""What stands in a definition: its signature, what it calls, raises, reads and writes, each with its line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import define, evolve, field, frozen
from tree_sitter import Parser

from conexus.domain import Span
from conexus.parsing.languages import GRAMMARS, grammar_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from conexus.domain import Symbol

# Parsing larger files would be felt: of them, only the definition itself is looked at.
_LARGEST = 60_000
_MOST_NODES = 20_000
_LONGEST_NAME = 60
_LONGEST_SIGNATURE = 300

# Node type → the fields that hold what is called, the first that is there.
_CALLS = {
    "apply": ("function",),
    "call": ("function", "method", "target"),
    "call_expression": ("function", "constructor"),
    "command": ("name",),
    "function_call": ("name",),
    "function_call_expression": ("function",),
    "instance_expression": (),
    "invocation_expression": ("function",),
    "macro_invocation": ("macro",),
    "member_call_expression": ("name",),
    "method_invocation": ("name",),
    "new_expression": ("constructor",),
    "nullsafe_member_call_expression": ("name",),
    "object_creation_expression": ("type",),
    "scoped_call_expression": ("name",),
}
_RAISES = {"raise_statement", "throw_expression", "throw_statement"}
# Where raising is a call like any other.
_RAISING = {
    "elixir": {"raise", "throw"},
    "go": {"panic"},
    "haskell": {"error", "throwIO", "throwError"},
    "kotlin": {"error"},
    "lua": {"error"},
    "ruby": {"raise"},
    "rust": {"panic", "unreachable", "todo", "bail"},
    "swift": {"fatalError"},
    "zig": {"panic"},
}
_ASSIGNMENTS = {
    "assignment", "assignment_expression", "assignment_statement", "augmented_assignment", "operator_assignment",
    "augmented_assignment_expression", "compound_assignment_expr",
}  # fmt: skip
_MEMBERS = {
    "attribute", "dot_index_expression", "field_access", "field_expression", "instance_variable",
    "member_access_expression", "member_expression", "navigation_expression", "selector_expression",
}  # fmt: skip
# Members of the object itself, as the languages spell it.
_OWN = re.compile(r"^(?:self|this|cls|\$this)(?:\.|->|\?\.)([A-Za-z_]\w*)$|^(@{1,2}[A-Za-z_]\w*)$")
_MEMBER = re.compile(r"^[\w$@]+(?:(?:\.|->)[\w$]+)+$")
_LAST_NAME = re.compile(r"([A-Za-z_$][\w$]*[!?]?)\W*$")
_SETTING = re.compile(
    r"(?:\benviron(?:\.get\(|\[)|\bgetenv\(|\bGetenv\(|\bLookupEnv\(|\benv::var\(|\bENV(?:\.fetch\(|\[)"
    r"|\bprocess\.env\[|\bget_env\()\s*['\"]([\w.-]+)['\"]|\bprocess\.env\.([A-Za-z_]\w*)"
)


# Definitions that are calls in their grammar.
_DEFINING = {
    "def",
    "defp",
    "defmacro",
    "defmodule",
    "doc",
    "moduledoc",
    "spec",
    "impl",
    "type",
    "private",
    "public",
}
_BODY_BEGINS = re.compile(r"(?:\s+do|\s*[{:=]|\s*=>)\s*$")


@frozen
class Fact:
    """One thing that a definition does."""

    kind: str
    """``calls``, ``raises``, ``reads`` or ``writes``."""
    name: str
    """As it is written: ``re.sub``, ``self.items``."""
    line: int
    """1-based, where it does so first."""

    @property
    def last(self) -> str:
        """Return the name without what stands before it: ``sub``."""
        found = _LAST_NAME.search(self.name)
        return found[1].rstrip("!?") if found else self.name


@frozen
class Structure:
    """A definition taken apart."""

    signature: str
    """On one line; where the grammar does not say where the body begins, the line with the name."""
    first_line: int
    """The 1-based lines of the signature."""
    last_line: int
    facts: tuple[Fact, ...]
    """In order, each kind and name once."""


def structure(source: bytes, language: str, symbol: Symbol) -> Structure | None:
    """Return what stands in a definition of `source`; None where no grammar can tell.

    Takes as long as parsing `source` does, so not for files whose grammar is known to hang.
    """
    if language not in GRAMMARS:
        return None
    if len(source) > _LARGEST:
        source, symbol = _alone(source, symbol)
    root = Parser(grammar_of(language)).parse(source).root_node
    reader = _Reader(source, language, symbol)
    reader.read(root)
    reader.sign_by_line()
    return Structure(*reader.signature, tuple(reader.facts.values()))


def _alone(source: bytes, symbol: Symbol) -> tuple[bytes, Symbol]:
    """Return a source of as many lines as stand before and in a definition, all empty but its own."""
    span = symbol.span
    padding = span.start_line - 1
    indent = source.rfind(b"\n", 0, span.start) + 1
    lines = source[indent : span.end]
    at = padding + span.start - indent
    moved = Span(at, at + span.end - span.start, span.start_line, span.end_line)
    return b"\n" * padding + lines, evolve(symbol, span=moved)


@define
class _Reader:
    source: bytes
    language: str
    symbol: Symbol
    facts: dict[tuple[str, str], Fact] = field(factory=dict)
    signature: tuple[str, int, int] = ("", 0, 0)

    def read(self, root: Node) -> None:
        span = self.symbol.span
        for node in _within(root, span.start, span.end):
            if not self.signature[0]:
                self._sign(node)
            kind = node.type
            if kind in _CALLS:
                self._call(node, _CALLS[kind])
            elif kind in _RAISES:
                self._raise(node)
            elif kind in _ASSIGNMENTS:
                self._write(node)
            elif kind in _MEMBERS:
                self._read_member(node)
        text = self.source[span.start : span.end].decode("utf-8", "replace")
        for found in _SETTING.finditer(text):
            line = span.start_line + text.count("\n", 0, found.start())
            self._add("reads", found[1] or found[2], line)

    def _sign(self, node: Node) -> None:
        """Take the text before the body of the definition itself."""
        body = node.child_by_field_name("body")
        first, last = node.start_point.row + 1, node.end_point.row + 1
        if body is None or not first <= self.symbol.line <= last or body.start_byte <= node.start_byte:
            return
        text = " ".join(self.source[node.start_byte : body.start_byte].decode("utf-8", "replace").split())
        if self.symbol.name.rpartition(".")[2] in text:
            end = self.source[: body.start_byte].rstrip().count(b"\n") + 1
            self.signature = text.rstrip("{:= ")[:_LONGEST_SIGNATURE], first, max(first, end)

    def sign_by_line(self) -> None:
        """Take the line with the name for the signature if nothing better was found."""
        if self.signature[0]:
            return
        line = self.source.split(b"\n")[self.symbol.line - 1].decode("utf-8", "replace").strip()
        self.signature = _BODY_BEGINS.sub("", line)[:_LONGEST_SIGNATURE], self.symbol.line, self.symbol.line

    def _call(self, node: Node, fields: tuple[str, ...]) -> None:
        called = next((child for name in fields if (child := node.child_by_field_name(name))), None)
        called = called or (node.named_children[0] if node.named_child_count else None)
        if called is None:
            return
        name = self._name(called)
        raising = _RAISING.get(self.language, ())
        if name.rstrip("!") in raising:
            self._add("raises", self._argument(node) or name, node.start_point.row + 1)
        elif name and ("raises", name) not in self.facts and not self._defines(name):
            self._add("calls", name, called.end_point.row + 1)

    def _defines(self, name: str) -> bool:
        return self.language == "elixir" and name in _DEFINING

    def _argument(self, call: Node) -> str:
        """Return the first thing given to a call, if it is a name."""
        text = _text(call)
        found = re.search(r"^[\w!.]+[\s(]+([A-Z][\w.:]*)", text)
        return found[1] if found else ""

    def _raise(self, node: Node) -> None:
        thrown = node.named_children[0] if node.named_child_count else None
        name = _text(thrown) if thrown is not None else ""
        name = re.sub(r"^new\s+", "", name)
        found = re.match(r"[A-Za-z_$][\w$.:\\]*", name)
        if found:
            self._add("raises", found[0], node.start_point.row + 1)

    def _write(self, node: Node) -> None:
        left = node.child_by_field_name("left") or (
            node.named_children[0] if node.named_child_count else None
        )
        text = _text(left) if left is not None else ""
        for part in text.split(","):
            name = part.strip().lstrip("*(").rstrip(")")
            if _OWN.match(name) or _MEMBER.match(name):
                self._add("writes", name, node.start_point.row + 1)

    def _read_member(self, node: Node) -> None:
        name = _text(node)
        if not _OWN.match(name) or ("writes", name) in self.facts or ("calls", name) in self.facts:
            return
        parent = node.parent
        if (
            parent is not None
            and parent.type in (_CALLS.keys() | _ASSIGNMENTS)
            and parent.start_byte == node.start_byte
        ):
            return  # it is what is called or written
        self._add("reads", name, node.start_point.row + 1)

    def _name(self, node: Node) -> str:
        text = " ".join(_text(node).split())
        if len(text) <= _LONGEST_NAME and re.fullmatch(r"[\w$.:@?!>\-\\/]+", text):
            return text
        found = _LAST_NAME.search(re.sub(r"<.*>$", "", text))
        return found[1] if found else ""

    def _add(self, kind: str, name: str, line: int) -> None:
        self.facts.setdefault((kind, name), Fact(kind, name, line))


def _within(root: Node, start: int, end: int) -> Iterator[Node]:
    """Yield the named nodes that lie in [start, end), in order."""
    stack, seen = [root], 0
    while stack and seen < _MOST_NODES:
        node = stack.pop()
        seen += 1
        if node.end_byte <= start or node.start_byte >= end:
            continue
        if node.start_byte >= start and node.end_byte <= end:
            yield node
        stack += node.named_children[::-1]


def _text(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")
