"""The vocabulary every layer shares: frozen data, no I/O, no third-party types but attrs.

Offsets are half-open byte ranges into a document's *source*: its text encoded as UTF-8, line
endings kept. Lines are 1-based and inclusive, as people and compilers count them. Paths are relative
to their folder, with ``/``; bytes that are not UTF-8 are kept by ``surrogateescape``.
"""

from __future__ import annotations

import hashlib

from attrs import frozen

DIGEST_SIZE = 16
KINDS = frozenset({
    "cell", "class", "constant", "enum", "extension", "field", "function", "impl", "index", "interface", "key", "macro",
    "method", "module", "namespace", "section", "struct", "table", "test", "text", "trait", "type", "variable", "view",
})  # fmt: skip
"""What a definition or a chunk can be, in any language."""


def digest_of(data: bytes) -> bytes:
    """Return the 16-byte BLAKE2b digest that identifies `data` wherever it is reused."""
    return hashlib.blake2b(data, digest_size=DIGEST_SIZE).digest()


@frozen
class Span:
    """A half-open byte range of a source, and the 1-based inclusive lines it touches."""

    start: int
    end: int
    start_line: int
    end_line: int


@frozen
class Symbol:
    """A named definition. `span` covers all of it, with its comments and decorators."""

    name: str
    kind: str
    container: str
    """Dotted names of the enclosing definitions, outermost first; empty at top level."""
    line: int
    """The 1-based line on which the name itself stands."""
    span: Span

    @property
    def qualified(self) -> str:
        """Return the name with its containers: ``Client.send``."""
        return f"{self.container}.{self.name}" if self.container else self.name


@frozen
class Chunk:
    """A contiguous span that is embedded and returned whole."""

    span: Span
    symbol: str
    """Qualified name of the definition this chunk is, or lies in; empty at module level."""
    kind: str
    """Kind of that definition, or ``section``, ``text``, ``module``."""


@frozen
class Parsed:
    """A source cut into chunks that cover it without overlap, in order, and its definitions."""

    language: str
    chunks: tuple[Chunk, ...]
    symbols: tuple[Symbol, ...]
    note: str = ""
    """Why the parse fell back to lines, if it did."""


class ConexusError(Exception):
    """Root of all errors meant for people: the message says what happened, where, and what to do."""


class CancelledError(ConexusError):
    """Whoever asked does not want the answer any more."""
