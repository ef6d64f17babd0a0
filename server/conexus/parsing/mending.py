"""What is parsed instead where a grammar gives up on most of a file: the same text with its function bodies blanked.

One line that a grammar cannot read, as syntax that is newer than it, can leave it without the definitions of all the
file. In languages with braces such lines mostly stand in bodies, and bodies are told by how they are laid out: below a
line that ends with a brace, up to the line that begins with one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from conexus.parsing.languages import parser_of

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

_BRACED = {
    "c", "cpp", "csharp", "go", "java", "javascript", "kotlin", "php", "rust", "scala", "swift", "tsx", "typescript",
    "zig",
}  # fmt: skip
# Errors in fewer bytes cost a chunk or two.
_LARGE = 3_000
# Deeper errors lie within definitions that have their names.
_DEEPEST = 6
# How a statement begins whose braces hold definitions. In C, functions begin with `struct` too.
_BEGINS_TYPE = re.compile(
    rb"(?:[\w@\[\]]+(?:\([^()]*\))?\s+)*?"
    rb"(?:class|interface|object|namespace|extension|trait|impl|mod|protocol|actor)\b"
    rb"|extern\s+\"|(?:[\w@]+\s+)*?(?:struct|union|enum)\b[^(]*\{\s*$"
)
_LONGEST_HEAD = 40
# These may stand at the left margin of a body.
_NO_STATEMENT = re.compile(rb"\s*(?:#|\w+:\s*$|$)")


def without_bodies(tree: Tree, source: bytes, language: str) -> Tree | None:
    """Return the tree of `source` without bodies where `tree` has large errors; offsets are the same in both."""
    if language not in _BRACED or not tree.root_node.has_error or _lost(tree.root_node) < _LARGE:
        return None
    return parser_of(language).parse(_blanked(source))


def _lost(root: Node) -> int:
    """Return how many bytes lie in large errors near the top of the tree, or behind an error in no node at all."""
    if root.is_error:
        return root.end_byte - root.start_byte
    lost, level = 0, [root]
    for _ in range(_DEEPEST):
        broken: list[Node] = []
        for node in level:
            children = node.children
            rest = node.end_byte - (children[-1].end_byte if children else node.start_byte)
            lost += rest if rest >= _LARGE else 0
            broken += [
                child for child in children if child.has_error and child.end_byte - child.start_byte >= _LARGE
            ]
        lost += sum([node.end_byte - node.start_byte for node in broken if node.is_error])
        level = [node for node in broken if not node.is_error]
    return lost


def _blanked(source: bytes) -> bytes:
    """Return `source` with as many blanks for what stands in bodies."""
    lines = source.splitlines(keepends=True)
    indents = [len(line) - len(line.lstrip(b" \t")) for line in lines]
    following = _following(lines, indents)
    at = 0
    while at < len(lines):
        after = following[at] if lines[at].rstrip().endswith(b"{") else len(lines)
        body = after < len(lines) and lines[after].lstrip().startswith(b"}")
        if body and not _BEGINS_TYPE.match(_statement(lines, indents, at, indents[after])):
            lines[at + 1 : after] = [_blank(line) for line in lines[at + 1 : after]]
            at = after
        else:
            at += 1
    return b"".join(lines)


def _following(lines: list[bytes], indents: list[int]) -> list[int]:
    """Return for each line the next statement that is indented no further; the number of lines if there is none."""
    following = [len(lines)] * len(lines)
    later: list[int] = []
    for at in reversed(range(len(lines))):
        while later and indents[later[-1]] > indents[at]:
            later.pop()
        following[at] = later[-1] if later else len(lines)
        if not _NO_STATEMENT.match(lines[at]):
            later.append(at)
    return following


def _statement(lines: list[bytes], indents: list[int], last: int, indent: int) -> bytes:
    """Return the statement that ends with line `last` and begins at `indent`."""
    first, earliest = last, max(0, last - _LONGEST_HEAD)
    while first > earliest and (indents[first] > indent or lines[first].lstrip()[:1] in b"){:"):
        first -= 1
    return b"".join(lines[first : last + 1]).lstrip()


def _blank(line: bytes) -> bytes:
    text = line.rstrip(b"\r\n")
    return b" " * len(text) + line[len(text) :]
