"""Source to chunks and symbols.

Chunks follow definitions. One that fits stays whole, with its comments and decorators; a larger one is
cut into its header and its members or statements; small neighbours are put together. Without a grammar,
text is cut between lines, at empty lines first.

The symbol of a chunk is the definition it is or lies in. A chunk of several small definitions has that
of what encloses them; at module level that of the largest, if it is a third of the chunk at least.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from operator import add, sub

from attrs import define

from conexus.domain import Chunk, Parsed, Span, Symbol
from conexus.parsing import markdown, notebook
from conexus.parsing.languages import GRAMMARS, parser_of
from conexus.parsing.lines import Lines
from conexus.parsing.mending import without_bodies
from conexus.parsing.outline import LARGE, Definition, Piece, outline
from conexus.parsing.rules import RULES

CHUNKER_VERSION = 2
"""Raised whenever the same source may give other chunks or symbols than before."""

LARGEST_CHUNK = LARGE
"""No chunk has more bytes than this."""

_TARGET = 1_500
# A definition of this size speaks for itself and is not put together with its neighbours.
_ALONE = 1_050
# A rest smaller than this joins its neighbour, whatever that is.
_CRUMB = 200
# Data files beyond this size hold records, not structure; their keys tell nothing apart.
_LARGEST_DATA = 300_000
_DATA = {"json", "yaml", "toml"}
_OUTLINED = GRAMMARS | {"markdown", "notebook"}
_LINE_END = ord("\n")


@define
class _Part:
    """A stretch of source that is not cut further; parts follow each other without gaps."""

    start: int
    end: int
    definition: Definition | None
    parent: Definition | None
    alone: bool
    """Whether it is not put together with its neighbours."""


def parse(source: bytes, language: str) -> Parsed:
    """Return `source`, UTF-8 with its line endings kept, cut into chunks and its definitions.

    The chunks cover the source byte for byte, in order, and none is larger than LARGEST_CHUNK; a source
    of white space only has none. Never raises for what the source holds: syntax errors cost precision,
    not coverage. A parse may take long on odd input and cannot be interrupted, so callers that must not
    wait run it in a process they can end.
    """
    if not source or source.isspace():
        return Parsed(language, (), ())
    if language not in _OUTLINED:
        return Parsed(language, _chunks_of_text(source), ())
    if language in _DATA and len(source) > _LARGEST_DATA:
        note = f"cut by lines: {language} data of more than {_LARGEST_DATA // 1000} kB"
        return Parsed(language, _chunks_of_text(source), (), note)
    lines = Lines(source)
    pieces, definitions, filler, note = _outline(source, language)
    parts = _parts(pieces, lines)
    chunks = tuple([_chunk(group, filler, lines) for group in _grouped(parts)])
    return Parsed(language, chunks, tuple([_symbol(d, lines) for d in definitions]), note)


def _outline(source: bytes, language: str) -> tuple[list[Piece], list[Definition], str, str]:
    """Return pieces, definitions, the kind of chunks in no definition, and why there is no outline."""
    if language == "markdown":
        return *markdown.outline(source), "text", ""
    if language == "notebook":
        return notebook.outline(source)
    tree = parser_of(language).parse(source)
    found = outline(tree.root_node, source, language)
    if other := without_bodies(tree, source, language):
        # In C, a tree that is all error often has all definitions.
        found = max(found, outline(other.root_node, source, language), key=lambda one: len(one[1]))
    return *found, RULES[language].filler, ""


def _chunks_of_text(source: bytes) -> tuple[Chunk, ...]:
    """Return the chunks of a source without an outline: nothing is known of them but where they begin and end."""
    bounds = [0, *Lines(source).cuts(0, len(source), _TARGET, LARGEST_CHUNK), len(source)]
    chunks: list[Chunk] = []
    line = 1
    for start, end in pairwise(_joined(bounds)):
        after = line + source.count(b"\n", start, end)
        chunks.append(Chunk(Span(start, end, line, after - (source[end - 1] == _LINE_END)), "", "text"))
        line = after
    return tuple(chunks)


def _joined(bounds: list[int]) -> list[int]:
    """Return `bounds` of parts without those between small neighbours, as `_grouped` puts them together."""
    # Two parts are what no chunk could hold, and most others are near the target.
    if len(bounds) < 4:
        return bounds
    sizes = list(map(sub, bounds[1:], bounds))
    if min(sizes) >= _CRUMB and min(map(add, sizes[1:], sizes)) > _TARGET:
        return bounds
    groups = _grouped([_Part(low, high, None, None, alone=False) for low, high in pairwise(bounds)])
    return [0, *(group[-1].end for group in groups)]


def _parts(pieces: list[Piece], lines: Lines) -> list[_Part]:
    """Return the parts that `pieces` come to, covering all of the source."""
    parts: list[_Part] = []
    _flatten(pieces, (0, len(lines.source)), None, lines, parts)
    return parts


def _flatten(
    pieces: list[Piece], region: tuple[int, int], owner: Definition | None, lines: Lines, parts: list[_Part]
) -> None:
    """Append the parts of `region`: what `pieces` do not hold belongs to the piece before."""
    start, end = region
    bounded = _bounded(pieces, start, end, lines)
    first = bounded[0][1] if bounded else end
    if first > start:
        parts += _cut(start, first, owner, lines)
    for piece, begin, stop in bounded:
        size, definition = stop - begin, piece.definition
        if size <= LARGEST_CHUNK:
            alone = piece.alone or (definition is not None and size >= _ALONE)
            parts.append(_Part(begin, stop, definition, owner, alone))
        elif piece.parts:
            _flatten(piece.parts, (begin, stop), definition or owner, lines, parts)
        else:
            parts += _cut(begin, stop, definition or owner, lines)


def _bounded(pieces: list[Piece], start: int, end: int, lines: Lines) -> list[tuple[Piece, int, int]]:
    """Return `pieces` with the offsets where each begins and the next one does.

    A piece begins with its line. One that begins within a line belongs to the piece before, unless both
    are too large for that.
    """
    begins: list[tuple[int, Piece]] = []
    last = start - 1
    for piece in pieces:
        begin = lines.begin(piece.start)
        if begin is None and piece.parts and piece.end - max(last, start) > LARGEST_CHUNK:
            begin = piece.start
        if begin is not None and begin > last:
            begins.append((begin, piece))
            last = begin
    stops = [begin for begin, _ in begins[1:]] + [end]
    return (
        [(piece, begin, stop) for (begin, piece), stop in zip(begins, stops, strict=True)] if begins else []
    )


def _cut(start: int, end: int, owner: Definition | None, lines: Lines) -> list[_Part]:
    """Return [start, end) cut by lines as far as it must be."""
    bounds = [start, *lines.cuts(start, end, _TARGET, LARGEST_CHUNK), end]
    return [_Part(low, high, None, owner, alone=False) for low, high in pairwise(bounds)]


def _grouped(parts: list[_Part]) -> list[list[_Part]]:
    """Put small neighbours of one parent together, then crumbs with whatever is beside them."""
    groups: list[list[_Part]] = []
    size = 0
    for part in parts:
        length = part.end - part.start
        if groups and size + length <= _TARGET and _together(groups[-1], part):
            groups[-1].append(part)
            size += length
        else:
            groups.append([part])
            size = length
    return _swept(groups)


def _together(group: list[_Part], part: _Part) -> bool:
    if group[-1].parent is not part.parent and group[-1].definition is not part.parent:
        return False
    return not (part.alone or group[-1].alone)


def _swept(groups: list[list[_Part]]) -> list[list[_Part]]:
    """Join groups of few bytes to the next group, or else to the one before, as far as they fit."""
    swept: list[list[_Part]] = []
    for group in groups:
        if swept and _fits(swept[-1], group) and (_size(swept[-1]) < _CRUMB or _size(group) < _CRUMB):
            swept[-1] += group
        else:
            swept.append(group)
    return swept


def _size(group: list[_Part]) -> int:
    return group[-1].end - group[0].start


def _fits(first: list[_Part], second: list[_Part]) -> bool:
    return second[-1].end - first[0].start <= LARGEST_CHUNK


def _chunk(group: list[_Part], filler: str, lines: Lines) -> Chunk:
    definition = _subject(group)
    span = _span(group[0].start, group[-1].end, lines)
    if definition is None:
        return Chunk(span, "", filler)
    return Chunk(span, definition.qualified, definition.kind)


def _subject(group: list[_Part]) -> Definition | None:
    """Return the definition that a chunk of these parts is about."""
    largest = max(group, key=lambda part: part.end - part.start)
    if len(group) == 1 or 3 * (largest.end - largest.start) > 2 * _size(group):
        return largest.definition or largest.parent
    parents = {id(part.parent): part.parent for part in group}
    if len(parents) == 1 and largest.parent is not None:
        return largest.parent
    defined = max(group, key=lambda part: (part.definition is not None) * (part.end - part.start))
    if defined.definition is not None and 3 * (defined.end - defined.start) >= _size(group):
        return defined.definition
    return largest.parent


def _symbol(definition: Definition, lines: Lines) -> Symbol:
    source, end = lines.source, definition.end
    # Some grammars count the white space after a definition as its own.
    while source[end - 1 : end].isspace():
        end -= 1
    span = _span(definition.start, end, lines)
    return Symbol(definition.name, definition.kind, definition.container, lines.line_at(definition.at), span)


def _span(start: int, end: int, lines: Lines) -> Span:
    starts = lines.starts
    return Span(start, end, bisect_right(starts, start), bisect_right(starts, end - 1))
