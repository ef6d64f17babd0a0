"""The documents an editor has open, as lists of lines that edits are spliced into.

pygls' own document splits its lines wherever Unicode says so, which puts edits in the wrong place after a form
feed, and rebuilds its whole text for every edit. This one splits where the protocol says, changes only the
lines touched, and joins them when somebody asks for the text.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from lsprotocol.types import PositionEncodingKind, TextDocumentContentChangePartial
from pygls.workspace import TextDocument, Workspace

from conexus.lsp import positions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lsprotocol.types import (
        Position,
        TextDocumentContentChangeEvent,
        VersionedTextDocumentIdentifier,
    )

_logger = logging.getLogger(__name__)


class Document(TextDocument):
    """One open document. `apply_change` costs the lines it touches, `source` one join after a change."""

    def __init__(self, uri: str, source: str | None = None, **details: Any) -> None:
        super().__init__(uri, "", **details)
        self._lines = positions.split(positions.clean(source or ""))
        self._joined: str | None = None
        self._encoding = PositionEncodingKind(self.position_codec.encoding).value

    @property
    def lines(self) -> Sequence[str]:
        """The lines with their ends; the last one has none."""
        return self._lines

    @property
    def source(self) -> str:
        """The whole text."""
        if self._joined is None:
            self._joined = "".join(self._lines)
        return self._joined

    def apply_change(self, change: TextDocumentContentChangeEvent) -> None:
        """Replace the range of `change` by its text, or everything if it has no range."""
        text = positions.clean(change.text)
        self._joined = None
        if isinstance(change, TextDocumentContentChangePartial):
            ends = sorted(map(self._place, (change.range.start, change.range.end)))
            self._splice(ends[0], ends[1], text)
        else:
            self._lines = positions.split(text)

    def _place(self, position: Position) -> tuple[int, int]:
        # A position behind the end of a line or of the document means that end.
        last = len(self._lines) - 1
        if position.line > last:
            return last, len(self._lines[last])
        return position.line, positions.index(self._lines[position.line], position.character, self._encoding)

    def _splice(self, start: tuple[int, int], end: tuple[int, int], text: str) -> None:
        lines, first = self._lines, start[0]
        joined = lines[first][: start[1]] + text + lines[end[0]][end[1] :]
        if first and joined.startswith("\n") and lines[first - 1].endswith("\r"):
            # The line end before the edit and the one it left make a single \r\n.
            first -= 1
            joined = lines[first] + joined
        new = positions.split(joined)
        if end[0] + 1 < len(lines):
            # Only the last line of a document has no end; here the next line follows.
            new.pop()
        lines[first : end[0] + 1] = new


class Documents(Workspace):
    """pygls' workspace with our documents in it."""

    def _create_text_document(
        self,
        doc_uri: str,
        source: str | None = None,
        version: int | None = None,
        language_id: str | None = None,
    ) -> Document:
        return Document(
            doc_uri,
            source,
            version=version,
            language_id=language_id,
            sync_kind=self._sync_kind,
            position_codec=self._position_codec,
        )

    def find(self, uri: str) -> Document | None:
        """Return the open document of `uri`."""
        found = self._text_documents.get(unquote(uri))
        return found if isinstance(found, Document) else None

    def update_text_document(
        self, text_doc: VersionedTextDocumentIdentifier, change: TextDocumentContentChangeEvent
    ) -> None:
        """Apply a change; one to a document that was never opened says nothing about its text."""
        document = self.find(text_doc.uri)
        if document is None:
            _logger.warning("%s: changed without being open; the change is ignored", text_doc.uri)
            return
        document.apply_change(change)
        document.version = text_doc.version
