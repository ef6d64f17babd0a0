"""``grep``: exact text and regular expressions."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from conexus.engine import wire
from conexus.mcp.shapes import Ask, Completeness, Reply, Shape, globs, joined
from conexus.mcp.tool import Tool

if TYPE_CHECKING:
    from conexus.mcp.workspace import Workspace

# Of what a request may take, this much goes to looking; the rest is for the way.
_SHARE = 0.8


class GrepAsk(Ask):
    """Arguments of ``grep``."""

    pattern: str = Field(min_length=1, max_length=2_000)
    """A regular expression of RE2: no look-around, no back references. ^ and $ are the ends of lines."""
    literal: bool = False
    """Whether pattern is plain text."""
    ignore_case: bool = False
    """Whether capital and small letters are the same."""
    limit: int = Field(100, ge=1, le=2_000)
    """How many matches."""
    paths: list[str] = Field([], max_length=100)
    """Only paths that match one of these globs, or begin with one of these folders."""
    exclude_paths: list[str] = Field([], max_length=100)
    """No paths that match one of these."""
    languages: list[str] = Field([], max_length=50)
    """Only these languages."""


class Match(Shape):
    """One match."""

    path: str
    """Relative to root."""
    root: str
    line: int
    """1-based, in the text as it is now."""
    column: int
    """1-based, in characters."""
    end_line: int
    text: str
    """Its first line; of a very long one the part around the match."""
    version: int | None
    """Of the unsaved text in an editor that this is from; null for the file on disk."""


class GrepReply(Reply):
    """Result of ``grep``."""

    items: ClassVar[str] = "matches"

    matches: list[Match]
    """By path and place."""
    exhaustive: bool
    """Whether all files were looked through and all matches taken; notes say why not."""
    completeness: Completeness
    notes: list[str]
    milliseconds: float

    def text(self) -> str:
        """Return the matches as grep prints them, each file's below its name."""
        lines: list[str] = []
        shown = ("", "")
        for match in self.matches:
            if shown != (match.root, match.path):
                shown = (match.root, match.path)
                lines.append(match.path)
            lines.append(f"  {match.line}:{match.column}: {match.text}")
        return joined("\n".join(lines) or "No match.", self.completeness.text(), *self.notes)


async def run(workspace: Workspace, ask: GrepAsk) -> GrepReply:
    """Answer from the text as it is now, unsaved text included."""
    asked = wire.Grep(
        text=ask.pattern,
        regex=not ask.literal,
        ignore_case=ask.ignore_case,
        strict=True,
        roots=workspace.root(ask.root),
        paths=globs(ask.paths),
        exclude_paths=globs(ask.exclude_paths),
        languages=globs(ask.languages),
        limit=ask.limit,
        timeout_ms=max(1, int(1000 * _SHARE * workspace.settings.mcp.request_seconds)),
    )
    reply = await workspace.ask_patiently("grep", asked, lambda found: not found.places)
    return GrepReply(
        matches=[
            Match.taken(place, path=place.relative, end_line=place.span.end_line) for place in reply.places
        ],
        exhaustive=reply.complete,
        completeness=Completeness.taken(reply.completeness),
        notes=list(reply.notes),
        milliseconds=round(reply.milliseconds, 2),
    )


TOOL = Tool(
    name="grep",
    title="Find exact text",
    description=(
        "Find every place of an exact text or a regular expression in the indexed files, unsaved edits included. Use"
        " it when all places matter, as before a rename; for a question in words use search."
    ),
    ask=GrepAsk,
    reply=GrepReply,
    run=run,
)
