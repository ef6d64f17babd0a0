"""The outline of a Jupyter notebook: its cells, and what their code defines.

Spans are ranges of the raw file, so a hit in a cell is a range of the JSON an editor would show as text.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from attrs import frozen

from conexus.parsing.languages import GRAMMARS, parser_of
from conexus.parsing.outline import Definition, Piece
from conexus.parsing.outline import outline as code_outline

if TYPE_CHECKING:
    from tree_sitter import Node

_MAGIC = (b"%", b"!")


@frozen
class _Text:
    """A cell's text, and where in the file each of its lines is."""

    lines: list[bytes]
    places: list[tuple[int, int]]


def outline(source: bytes) -> tuple[list[Piece], list[Definition], str, str]:
    """Return a piece a cell, the definitions of code cells, the filler kind, and why there are none."""
    try:
        return _outline(source)
    except (ValueError, RecursionError):
        return [], [], "text", "cut by lines: not a readable notebook"


def _outline(source: bytes) -> tuple[list[Piece], list[Definition], str, str]:
    language, cells = _language(source), _cells(source)
    pieces: list[Piece] = []
    definitions: list[Definition] = []
    for cell in cells:
        found = _definitions(cell, source, language)
        definitions += found
        pieces.append(_piece(cell, found[0] if found else None))
    return pieces, definitions, "cell", ""


def _cells(source: bytes) -> list[Node]:
    """Return the cells of valid JSON; ValueError when it is no notebook."""
    root = parser_of("json").parse(source).root_node
    cells = _value(root.named_children[0], source, b'"cells"')
    if cells is None or cells.type != "array":
        raise ValueError("no cells")
    return [cell for cell in cells.named_children if cell.type == "object"]


def _language(source: bytes) -> str:
    """Return the language of the code cells, which is Python when the notebook does not say."""
    notebook = json.loads(source)
    found = notebook.get("metadata") if isinstance(notebook, dict) else None
    for table, key in (("language_info", "name"), ("kernelspec", "language")):
        entry = found.get(table) if isinstance(found, dict) else None
        name = entry.get(key) if isinstance(entry, dict) else None
        if isinstance(name, str):
            return name.lower()
    return "python"


def _piece(cell: Node, definition: Definition | None) -> Piece:
    """Return a cell with its pairs as parts: a large one is cut between source and outputs."""
    parts = [Piece(pair.start_byte, pair.end_byte) for pair in cell.named_children]
    return Piece(cell.start_byte, cell.end_byte, definition, parts, alone=True)


def _definitions(cell: Node, source: bytes, language: str) -> list[Definition]:
    kind = _value(cell, source, b'"cell_type"')
    text = _value(cell, source, b'"source"')
    if kind is None or text is None or _bytes(kind, source) != b'"code"' or language not in GRAMMARS:
        return []
    code = _text(text, source)
    joined = b"\n".join(code.lines)
    _, found = code_outline(parser_of(language).parse(joined).root_node, joined, language)
    return [_placed(definition, code, joined) for definition in found]


def _text(node: Node, source: bytes) -> _Text:
    """Return the lines of a cell: an array of strings, or one string whose lines have one place."""
    lines: list[bytes] = []
    places: list[tuple[int, int]] = []
    strings = node.named_children if node.type == "array" else [node]
    for string in strings:
        decoded = json.loads(_bytes(string, source))
        if not isinstance(decoded, str):
            continue
        # A lone surrogate is legal JSON but no text.
        for line in decoded.encode("utf-8", "replace").removesuffix(b"\n").split(b"\n"):
            lines.append(b"" if line.startswith(_MAGIC) else line)
            places.append((string.start_byte, string.end_byte))
    return _Text(lines, places)


def _placed(definition: Definition, code: _Text, joined: bytes) -> Definition:
    """Move a definition from its cell's text to the file."""
    first = joined.count(b"\n", 0, definition.start)
    last = joined.count(b"\n", 0, max(definition.end - 1, definition.start))
    definition.at = code.places[joined.count(b"\n", 0, definition.at)][0]
    definition.start, definition.end = code.places[first][0], code.places[last][1]
    return definition


def _value(node: Node, source: bytes, key: bytes) -> Node | None:
    for pair in node.named_children:
        name = pair.child_by_field_name("key")
        if name is not None and _bytes(name, source) == key:
            return pair.child_by_field_name("value")
    return None


def _bytes(node: Node, source: bytes) -> bytes:
    return source[node.start_byte : node.end_byte]
