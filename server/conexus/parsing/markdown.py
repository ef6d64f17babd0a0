"""The outline of Markdown: sections below their headings.

A scan of the lines: headings and fences are line syntax, and a grammar would add time, not knowledge.
A section's container is the dotted headings above it, and it reaches to the next heading of its level.
"""

from __future__ import annotations

import re

from conexus.parsing.outline import Definition, Piece

_LINE = re.compile(
    rb"^[ ]{0,3}(?:(?P<fence>```+|~~~+)|(?P<marks>\#{1,6})(?:[ \t]+(?P<atx>[^\r\n]*?))?[ \t]*\#*[ \t]*\r?$"
    rb"|(?P<setext>[^\s>|\-*+\#=`~<][^\r\n]*)\r?\n[ ]{0,3}(?P<under>=+|-+)[ \t]*\r?$)",
    re.MULTILINE,
)
_FRONT = re.compile(
    rb"\A(?:\xef\xbb\xbf)?---[ \t]*\r?\n.*?\n(?:---|\.\.\.)[ \t]*\r?$", re.MULTILINE | re.DOTALL
)


def outline(source: bytes) -> tuple[list[Piece], list[Definition]]:
    """Return the top-level sections of `source`, nested ones as their parts, and all sections."""
    roots: list[Piece] = []
    definitions: list[Definition] = []
    path: list[tuple[int, Piece, Definition]] = []
    for level, start, at, title in _headings(source):
        while path and path[-1][0] >= level:
            _close(path.pop(), start)
        container = path[-1][2].qualified if path else ""
        definition = Definition(title, "section", container, at, start, start, listed=True)
        piece = Piece(start, start, definition)
        (path[-1][1].parts if path else roots).append(piece)
        path.append((level, piece, definition))
        definitions.append(definition)
    while path:
        _close(path.pop(), len(source))
    return roots, definitions


def _close(entry: tuple[int, Piece, Definition], end: int) -> None:
    entry[1].end = entry[2].end = end


def _headings(source: bytes) -> list[tuple[int, int, int, str]]:
    """Return level, start, offset of the title and title of every heading that is not in a fence."""
    headings: list[tuple[int, int, int, str]] = []
    front = _FRONT.match(source)
    fence = b""
    for found in _LINE.finditer(source, front.end() if front else 0):
        mark = found["fence"]
        if mark:
            if not fence:
                fence = mark
            elif mark.startswith(fence):
                fence = b""
        elif not fence and found["setext"]:
            level = 1 if found["under"].startswith(b"=") else 2
            headings.append((level, found.start(), found.start("setext"), _title(found["setext"])))
        elif not fence and found["atx"]:
            headings.append((len(found["marks"]), found.start(), found.start("atx"), _title(found["atx"])))
    return headings


def _title(text: bytes) -> str:
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text.decode("utf-8", "replace"))
    return plain.strip(" \t#*_").replace("`", "")[:120]
