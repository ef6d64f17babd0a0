"""Open notebooks: their cells as one text of the file's own format, and places in it as places in cells.

An editor sends a notebook cell by cell. The engine gets the notebook as it would be saved, without outputs,
each line of a cell on a line of its own: it is parsed like the file on disk, and a hit leads to the cell.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from attrs import frozen
from lsprotocol.types import NotebookCellKind, Position, Range

from conexus.lsp import positions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lsprotocol.types import NotebookDocument

    from conexus.lsp.documents import Documents


@frozen
class _Line:
    """What a line of the assembled text shows: a line of a cell, or nothing of it."""

    cell: str
    number: int
    indent: int
    width: int


class Notebooks:
    """The open notebooks by path: of each, the lines of the last two texts by version."""

    def __init__(self) -> None:
        self._lines: dict[str, dict[int, list[_Line | None]]] = {}

    def text(self, path: str, notebook: NotebookDocument, documents: Documents, encoding: str) -> str:
        """Return the notebook's text and remember which line belongs where."""
        written: list[str] = []
        lines: list[_Line | None] = []
        for text, line in _assembled(notebook, documents, encoding):
            written.append(text)
            lines.append(line)
        older = list(self._lines.get(path, {}).items())[-1:]
        self._lines[path] = {**dict(older), notebook.version: lines}
        return "".join(written)

    def close(self, path: str) -> None:
        """Forget a notebook."""
        self._lines.pop(path, None)

    def locate(self, path: str, version: int, range_: Range, focus: Range) -> tuple[str, Range, Range] | None:
        """Return the cell that shows the line in focus, and what it shows of a range of the assembled text.

        Where no cell shows that line, it is the first one of the range that a cell shows.
        """
        lines = self._lines.get(path, {}).get(version, [])
        shown = [line for line in lines[range_.start.line : range_.end.line + 1] if line is not None]
        if not shown:
            return None
        line = lines[focus.start.line] or shown[0]
        *_, last = here = [one for one in shown if one.cell == line.cell]
        return (
            line.cell,
            Range(Position(here[0].number, 0), Position(last.number, last.width)),
            Range(Position(line.number, line.indent), Position(line.number, line.width)),
        )


def _assembled(
    notebook: NotebookDocument, documents: Documents, encoding: str
) -> Iterator[tuple[str, _Line | None]]:
    """Yield the lines of the notebook as a file, and what each shows."""
    language = "python"
    yield "{\n", None
    yield ' "cells": [\n', None
    for number, cell in enumerate(notebook.cells):
        document = documents.find(cell.document)
        lines = [line.rstrip("\r\n") for line in document.lines] if document else [""]
        code = cell.kind == NotebookCellKind.Code
        if code and document is not None and document.language_id:
            language = document.language_id
        kind = "code" if code else "markdown"
        yield f'  {"," if number else ""}{{"cell_type": "{kind}", "metadata": {{}}, "source": [\n', None
        for at, line in enumerate(lines):
            last = at == len(lines) - 1
            text = json.dumps(line if last else f"{line}\n", ensure_ascii=False)
            indent = len(line) - len(line.lstrip())
            shown = _Line(cell.document, at, indent, positions.width(line, encoding))
            yield f"   {text}{'' if last else ','}\n", shown
        yield "  ]}\n", None
    yield f' ], "metadata": {{"language_info": {{"name": {json.dumps(language)}}}}},\n', None
    yield ' "nbformat": 4, "nbformat_minor": 5\n}\n', None
