"""``read``: lines of a file as they are now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from conexus.engine import wire
from conexus.mcp.shapes import LONGEST_PATH, Ask, Reply, joined, numbered
from conexus.mcp.tool import Tool

if TYPE_CHECKING:
    from conexus.mcp.workspace import Workspace

# The text goes out twice, once with numbers; escapes and numbers take room too.
_ROOM = 4


class ReadAsk(Ask):
    """Arguments of ``read``."""

    path: str = Field(min_length=1, max_length=LONGEST_PATH)
    """The file, as other tools show it."""
    start_line: int = Field(0, ge=0)
    """First line, 1-based; 0 for the first."""
    end_line: int = Field(0, ge=0)
    """Last line, inclusive; 0 for the last."""


class ReadReply(Reply):
    """Result of ``read``."""

    path: str
    root: str
    start_line: int
    end_line: int
    """The last line that is here: go on with the next one if truncated."""
    lines: int
    """How many the file has."""
    version: int | None
    """Of the unsaved text in an editor that this is from; null for the file on disk."""
    digest: str
    """Of the whole file: equal digests are equal texts."""
    redactions: int
    """How many secrets are blanked with * in the file."""
    content: str
    """The lines, with their line ends."""

    def text(self) -> str:
        """Return heading and numbered lines."""
        unsaved = ", unsaved text of an editor" if self.version is not None else ""
        secrets = f", {self.redactions} secrets blanked" if self.redactions else ""
        heading = f"{self.path}:{self.start_line}-{self.end_line} of {self.lines} lines{unsaved}{secrets}"
        more = f"Go on with start_line {self.end_line + 1}." if self.truncated else ""
        return joined(f"{heading}\n{numbered(self.content, self.start_line)}", more)


async def run(workspace: Workspace, ask: ReadAsk) -> ReadReply:
    """Answer with what an editor shows of the file, else with what is on disk."""
    limit = workspace.settings.mcp.reply_bytes // _ROOM
    asked = wire.ReadText(ask.path, ask.start_line, ask.end_line, workspace.root(ask.root), limit)
    found = await workspace.ask("read", asked)
    return ReadReply.taken(found, path=found.relative, content=found.text, truncated=found.more)


TOOL = Tool(
    name="read",
    title="Read a file",
    description=(
        "Read a file or some of its lines exactly as they are now, unsaved edits of an editor included. Secrets are"
        " blanked; ignored and secret files are not served."
    ),
    ask=ReadAsk,
    reply=ReadReply,
    run=run,
)
