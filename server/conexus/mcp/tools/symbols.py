"""``symbols``: definitions by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, field_validator

from conexus.engine import wire
from conexus.mcp.shapes import Ask, Completeness, Reply, Symbol, joined, relative_to
from conexus.mcp.tool import Tool

if TYPE_CHECKING:
    from conexus.mcp.workspace import Workspace


class SymbolsAsk(Ask):
    """Arguments of ``symbols``."""

    name: str = Field(max_length=500)
    """The name, a part of it, or its humps: HttpClient.send, redSec."""
    limit: int = Field(20, ge=1, le=500)
    """How many definitions."""
    by_meaning: bool = False
    """Whether definitions found by meaning follow when few names match."""

    @field_validator("name")
    @classmethod
    def _says_something(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("give a name or a part of one; for all definitions of a file use outline")
        return value


class SymbolsReply(Reply):
    """Result of ``symbols``."""

    items: ClassVar[str] = "symbols"

    symbols: list[Symbol]
    revision: int
    completeness: Completeness

    def text(self) -> str:
        """Return a line for each definition."""
        lines = [
            f"{symbol.path}:{symbol.line}  {symbol.kind} {symbol.qualified}  (lines {symbol.start_line}-{symbol.end_line})"
            for symbol in self.symbols
        ]
        return joined("\n".join(lines) or "No definition is called so.", self.completeness.text())


async def run(workspace: Workspace, ask: SymbolsAsk) -> SymbolsReply:
    """Answer from the index as it is, unsaved text included."""
    roots = workspace.root(ask.root)
    asked = wire.Symbols(ask.name, limit=ask.limit, roots=roots, semantic=ask.by_meaning)
    reply = await workspace.ask_patiently("symbols", asked, lambda found: not found.symbols)
    return SymbolsReply(
        symbols=[Symbol.of(symbol, relative_to(symbol.root, symbol.path)) for symbol in reply.symbols],
        revision=reply.revision,
        completeness=Completeness.taken(reply.completeness),
    )


TOOL = Tool(
    name="symbols",
    title="Find definitions",
    description=(
        "Find where something is defined by its name or a part of it: functions, classes, methods, types. Use it"
        " instead of search when you know what it is called."
    ),
    ask=SymbolsAsk,
    reply=SymbolsReply,
    run=run,
)
