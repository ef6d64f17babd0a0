"""``index_control``: how far the index is, and work on it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar, Literal

from conexus.engine import wire
from conexus.mcp.shapes import Ask, Reply, Shape
from conexus.mcp.tool import Tool

if TYPE_CHECKING:
    from conexus.mcp.workspace import Workspace


class ControlAsk(Ask):
    """Arguments of ``index_control``."""

    action: Literal["status", "reindex", "pause", "resume"] = "status"
    """reindex compares all files with the index again, in the background; pause holds that back, resume goes on."""
    fresh: bool = False
    """With reindex: build the index anew. Only if it seems damaged."""


class FolderState(Shape):
    """One folder's index."""

    root: str
    phase: str
    """ready, scanning, indexing, paused or failed."""
    files: int
    pending: int
    percent: int
    chunks: int
    symbols: int
    revision: int
    languages: dict[str, int]
    skipped: dict[str, int]
    """Files left out, by reason."""
    problems: list[str]
    buffers: int
    """Files that editors show now; their unsaved text is what is searched."""
    model: str
    watching: str

    def text(self) -> str:
        """Return a few lines."""
        languages = ", ".join(f"{name} {count}" for name, count in list(self.languages.items())[:8])
        skipped = ", ".join(f"{name} {count}" for name, count in self.skipped.items()) or "none"
        lines = [
            f"{self.root}: {self.phase}, {self.percent} % ({self.files} files, {self.pending} to go)",
            f"  {self.chunks} chunks, {self.symbols} definitions, {self.buffers} open in editors; {languages}",
            f"  left out: {skipped}",
            *(f"  problem: {problem}" for problem in self.problems[-5:]),
        ]
        return "\n".join(lines)


class ControlReply(Reply):
    """Result of ``index_control``."""

    items: ClassVar[str] = "folders"

    version: str
    folders: list[FolderState]

    def text(self) -> str:
        """Return the folders one after the other."""
        return "\n".join(folder.text() for folder in self.folders)


async def run(workspace: Workspace, ask: ControlAsk) -> ControlReply:
    """Do what is asked and answer with the state after it."""
    roots = workspace.root(ask.root)
    for root in roots:
        if ask.action == "reindex":
            await workspace.ask("reindex", wire.Reindex(root, ask.fresh))
        elif ask.action == "pause":
            await workspace.ask("pause", wire.Pause(root))
        elif ask.action == "resume":
            await workspace.ask("resume", wire.Resume(root))
    return await state(workspace, roots)


async def state(workspace: Workspace, roots: tuple[str, ...]) -> ControlReply:
    """Return the state of folders."""
    found = await asyncio.gather(*(workspace.ask("status", wire.StatusOf(root)) for root in roots))
    folders = [folder for status in found for folder in status.folders]
    return ControlReply(version=found[0].version, folders=[FolderState.taken(folder) for folder in folders])


TOOL = Tool(
    name="index_control",
    title="Index status and control",
    description=(
        "See how far the index is and what was left out of it and why; compare all files with it again, pause or"
        " resume that work. It never changes files of the workspace."
    ),
    ask=ControlAsk,
    reply=ControlReply,
    run=run,
    read_only=False,
)
