"""``related``: what belongs to a file, a definition or a ticket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from conexus.engine import wire
from conexus.engine.wire import EngineError
from conexus.mcp.shapes import LONGEST_PATH, Ask, Hits, joined
from conexus.mcp.tool import Tool
from conexus.mcp.tools.history import Commit

if TYPE_CHECKING:
    from conexus.mcp.workspace import Workspace


class RelatedAsk(Ask):
    """Arguments of ``related``: a path, a symbol or a ticket."""

    path: str = Field("", max_length=LONGEST_PATH)
    """A file."""
    line: int = Field(0, ge=0)
    """A line of a definition in it, 1-based; 0 for the whole file."""
    symbol: str = Field("", max_length=500)
    """The name of a definition, instead of path."""
    ticket: str = Field("", max_length=100)
    """A ticket id that commits mention, instead of path: #123 or ABC-123."""
    limit: int = Field(20, ge=1, le=100)
    """How many files."""


class RelatedReply(Hits):
    """Result of ``related``; the first reason of a hit says what it is: test, documentation or code."""

    commits: list[Commit]
    """Commits that say so, newest first."""

    def text(self) -> str:
        """Return the places, then the commits."""
        return joined(super().text(), "\n".join(commit.text() for commit in self.commits))


async def run(workspace: Workspace, ask: RelatedAsk) -> RelatedReply:
    """Answer from the index as it is and from git's log."""
    roots = workspace.root(ask.root)
    if sum(map(bool, (ask.path, ask.symbol, ask.ticket))) != 1:
        raise EngineError("give one of path, symbol and ticket", kind="invalid")
    if ask.ticket:
        asked = wire.Related(limit=ask.limit, ticket=ask.ticket, roots=roots)
    elif ask.symbol:
        asked = await _definition(workspace, ask, roots)
    else:
        file = await workspace.ask("read", wire.ReadText(ask.path, roots=roots, limit=1))
        asked = wire.Related(file.path, ask.line, ask.limit)
    reply = await workspace.ask("related", asked)
    return RelatedReply.of(reply, commits=[Commit.of(commit) for commit in reply.commits])


async def _definition(workspace: Workspace, ask: RelatedAsk, roots: tuple[str, ...]) -> wire.Related:
    found = await workspace.ask("symbols", wire.Symbols(ask.symbol, limit=1, roots=roots))
    if not found.symbols:
        raise EngineError(f"nothing is called {ask.symbol}; look for it with symbols or search", "missing")
    best = found.symbols[0]
    return wire.Related(best.path, best.line, ask.limit)


TOOL = Tool(
    name="related",
    title="Find what belongs together",
    description=(
        "Find what belongs to a file, a definition or a ticket: its tests, its documentation, files that use it or"
        " that it uses, files that change together with it, commits that mention it. Use it before changing code."
    ),
    ask=RelatedAsk,
    reply=RelatedReply,
    run=run,
)
