"""``similar``: code like other code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from conexus.engine import wire
from conexus.engine.wire import EngineError
from conexus.mcp.shapes import LONGEST_PATH, Ask, Hits
from conexus.mcp.tool import Tool

if TYPE_CHECKING:
    from conexus.mcp.workspace import Workspace


class SimilarAsk(Ask):
    """Arguments of ``similar``."""

    text: str = Field("", max_length=50_000)
    """The code; or give path."""
    path: str = Field("", max_length=LONGEST_PATH)
    """The file the code is in."""
    start_line: int = Field(0, ge=0)
    """Its first line, 1-based; 0 for all of the file."""
    end_line: int = Field(0, ge=0)
    """Its last line."""
    limit: int = Field(10, ge=1, le=100)
    """How many hits."""


async def run(workspace: Workspace, ask: SimilarAsk) -> Hits:
    """Answer from the index as it is, unsaved text included."""
    roots = workspace.root(ask.root)
    if bool(ask.text.strip()) == bool(ask.path):
        raise EngineError("give either text, or path with start_line and end_line", kind="invalid")
    path = ask.path
    if path:
        path = (await workspace.ask("read", wire.ReadText(path, roots=roots, limit=1))).path
    asked = wire.Similar(ask.text, path, ask.start_line, ask.end_line, ask.limit, roots)
    return Hits.of(await workspace.ask_patiently("similar", asked, lambda found: not found.hits))


TOOL = Tool(
    name="similar",
    title="Find similar code",
    description=(
        "Find code that is like a piece of code: duplicates, other implementations, places that need the same fix."
        " Give the code itself, or a path with lines."
    ),
    ask=SimilarAsk,
    reply=Hits,
    run=run,
)
