"""What goes in and out of tools: shapes with a schema, and the words that say what each field is."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field

from conexus.engine.wire import EngineError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conexus.engine import wire

LONGEST_QUERY = 4_000
LONGEST_PATH = 4_096


class Shape(BaseModel):
    """Something with a schema; the text below a field is its description."""

    # Schemas are built when they are first asked for, so that a client is answered sooner.
    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True, defer_build=True)

    @classmethod
    def taken(cls, found: object, **more: Any) -> Self:
        """Return the shape with the attributes of `found` that are called like its fields, and `more`."""
        names = (name for name in cls.model_fields if name not in more)
        return cls(**{name: getattr(found, name) for name in names}, **more)


class Ask(Shape):
    """Arguments of a tool. Flat and without null, because not every client understands more."""

    model_config = ConfigDict(extra="forbid")

    root: str = Field("", max_length=LONGEST_PATH)
    """Only this opened folder: its path or the last part of it. Empty means all opened folders."""


class Completeness(Shape):
    """How much of the folders an answer covers."""

    complete: bool
    """False: files are still being indexed, so what is not found may exist all the same. Ask again soon."""
    files: int
    pending: int
    """Files known to exist that are not searchable yet."""
    percent: int
    phase: str
    """ready, scanning, indexing, paused or failed."""

    def text(self) -> str:
        """Return a line to be read; empty if there is nothing to say."""
        if self.complete:
            return ""
        return (
            f"INCOMPLETE: {self.percent} % indexed ({self.pending} files to go, {self.phase}); what is missing here"
            " may exist."
        )


class Reply(Shape):
    """Result of a tool."""

    items: ClassVar[str] = ""
    """The field that is cut when the reply is too large."""

    truncated: bool = False
    """Whether the reply was cut to its size limit; ask for less, or go on with the cursor."""

    def text(self) -> str:
        """Return it as text to be read."""
        raise NotImplementedError

    def cut(self, kept: int) -> Self:
        """Return the reply with only so many of its items."""
        return self.model_copy(update={self.items: getattr(self, self.items)[:kept], "truncated": True})


class Hit(Shape):
    """One place that answers."""

    path: str
    """Relative to root."""
    root: str
    start_line: int
    """1-based, inclusive, in the text as it is now."""
    end_line: int
    line: int
    """The line to look at first."""
    symbol: str
    kind: str
    language: str
    score: float
    """0 to 1."""
    reasons: list[str]
    version: int | None
    """Of the unsaved text in an editor that this is from; null for the file on disk."""
    excerpt: str
    """The lines, secrets blanked."""

    @classmethod
    def of(cls, hit: wire.WireHit) -> Self:
        """Return the engine's hit."""
        lines = {"start_line": hit.span.start_line, "end_line": hit.span.end_line}
        return cls.taken(hit, path=hit.relative, score=round(hit.score, 4), **lines)

    def text(self) -> str:
        """Return heading and numbered lines."""
        what = f"  {self.kind} {self.symbol}" if self.symbol else ""
        unsaved = ", unsaved" if self.version is not None else ""
        heading = f"{self.path}:{self.start_line}-{self.end_line}{what}  [{'; '.join(self.reasons)}{unsaved}]"
        return f"{heading}\n{numbered(self.excerpt, self.start_line)}"


class Hits(Reply):
    """Places that answer, best first."""

    items: ClassVar[str] = "hits"

    hits: list[Hit]
    revision: int
    """State of the index; equal revisions have equal files on disk."""
    completeness: Completeness
    notes: list[str]
    """What to know about this answer."""
    milliseconds: float

    @classmethod
    def of(cls, reply: wire.Reply, **more: Any) -> Self:
        """Return the engine's reply."""
        completeness = Completeness.taken(reply.completeness)
        hits = [Hit.of(hit) for hit in reply.hits]
        return cls.taken(reply, hits=hits, completeness=completeness, truncated=False, **more)

    def text(self) -> str:
        """Return the hits one after the other, then what to know about them."""
        shown = [hit.text() for hit in self.hits] or ["Nothing found."]
        return joined(*shown, self.completeness.text(), *self.notes)


class Symbol(Shape):
    """One definition."""

    name: str
    kind: str
    container: str
    """Names of the definitions around it, outermost first, with dots between."""
    path: str
    root: str
    line: int
    """The line on which the name stands."""
    start_line: int
    end_line: int
    version: int | None
    """Of the unsaved text in an editor that this is from; null for the file on disk."""

    @classmethod
    def of(cls, symbol: wire.WireSymbol, relative: str) -> Self:
        """Return the engine's symbol."""
        span = symbol.span
        return cls.taken(symbol, path=relative, start_line=span.start_line, end_line=span.end_line)

    @property
    def qualified(self) -> str:
        """Return the name with its containers."""
        return f"{self.container}.{self.name}" if self.container else self.name


class Cursor(Shape):
    """Where to go on, as clients hand it back without looking into it."""

    place: list[str | int]

    def sealed(self) -> str:
        """Return it as text."""
        return base64.urlsafe_b64encode(json.dumps(self.place).encode()).decode().rstrip("=")

    @classmethod
    def opened(cls, text: str, *types: type) -> list[Any]:
        """Return the place in a cursor, whose parts have these types; raises EngineError for any other text."""
        try:
            place = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        except (ValueError, binascii.Error, RecursionError):
            place = None
        if not isinstance(place, list) or [type(part) for part in place] != list(types):
            raise EngineError("the cursor is not one of ours; leave it out to begin anew", kind="invalid")
        return place


def numbered(text: str, first: int) -> str:
    """Return lines with their numbers in front."""
    lines = text.removesuffix("\n").split("\n")
    width = len(str(first + len(lines) - 1))
    return "\n".join(f"{number:>{width}}  {line}" for number, line in enumerate(lines, first))


def joined(*parts: str) -> str:
    """Return paragraphs with an empty line between them; empty ones are left out."""
    return "\n\n".join(part for part in parts if part)


def relative_to(root: str, path: str) -> str:
    """Return the absolute `path` below `root` with slashes."""
    return path.removeprefix(root).lstrip("/\\").replace("\\", "/") if path.startswith(root) else path


def globs(patterns: Sequence[str]) -> tuple[str, ...]:
    """Return filters without empty ones, which clients send for what is not set."""
    return tuple(pattern for pattern in patterns if pattern)
