"""``history``: commits and blame of lines."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import Field

from conexus.engine import wire
from conexus.mcp.shapes import LONGEST_PATH, Ask, Reply, Shape, joined
from conexus.mcp.tool import Tool

if TYPE_CHECKING:
    from conexus.mcp.workspace import Workspace

_SHORT = 10


class HistoryAsk(Ask):
    """Arguments of ``history``."""

    path: str = Field(min_length=1, max_length=LONGEST_PATH)
    """The file."""
    start_line: int = Field(0, ge=0)
    """First line, 1-based; 0 for the whole file."""
    end_line: int = Field(0, ge=0)
    """Last line, inclusive."""
    limit: int = Field(20, ge=1, le=200)
    """How many commits."""


class Commit(Shape):
    """One commit."""

    id: str
    time: str
    """UTC, ISO 8601."""
    author: str
    subject: str
    tickets: list[str]
    """Ticket ids that its message or branch names."""

    @classmethod
    def of(cls, commit: wire.WireCommit) -> Self:
        """Return the engine's commit."""
        return cls.taken(commit, time=datetime.fromtimestamp(commit.time, UTC).isoformat())

    def text(self) -> str:
        """Return a line."""
        return f"{self.id[:_SHORT]}  {self.time[:10]}  {self.author}: {self.subject}"


class Blame(Shape):
    """Lines that one commit wrote last."""

    start_line: int
    end_line: int
    commit: str
    """Its id; empty for lines that are not committed."""


class HistoryReply(Reply):
    """Result of ``history``."""

    items: ClassVar[str] = "commits"

    branch: str
    """The branch that is checked out; empty if there is none."""
    commits: list[Commit]
    """Newest first."""
    blame: list[Blame]
    """Who wrote the lines last, in the text as it is now."""
    notes: list[str]

    def text(self) -> str:
        """Return the commits, then the lines."""
        lines = [
            f"{part.start_line}-{part.end_line}  {part.commit[:_SHORT] or 'not committed'}"
            for part in self.blame
        ]
        commits = "\n".join(commit.text() for commit in self.commits) or "No commits."
        return joined(commits, "\n".join(lines), *self.notes)


async def run(workspace: Workspace, ask: HistoryAsk) -> HistoryReply:
    """Answer from git; without it the reply is empty and says so."""
    roots = workspace.root(ask.root)
    file = await workspace.ask("read", wire.ReadText(ask.path, roots=roots, limit=1))
    asked = wire.History(file.path, ask.start_line, ask.end_line, ask.limit)
    reply = await workspace.ask("history", asked)
    return HistoryReply(
        branch=reply.branch,
        commits=[Commit.of(commit) for commit in reply.commits],
        blame=[Blame.taken(part) for part in reply.blame],
        notes=list(reply.notes),
    )


TOOL = Tool(
    name="history",
    title="History of lines",
    description=(
        "See which commits made a file or some of its lines what they are, and who wrote each line last. Use it to"
        " learn why code is as it is."
    ),
    ask=HistoryAsk,
    reply=HistoryReply,
    run=run,
)
