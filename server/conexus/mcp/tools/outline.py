"""``outline``: what files define."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import Field

from conexus.engine import wire
from conexus.mcp.shapes import LONGEST_PATH, Ask, Completeness, Cursor, Reply, Shape, Symbol, joined
from conexus.mcp.tool import Tool

if TYPE_CHECKING:
    from conexus.mcp.workspace import Workspace


class OutlineAsk(Ask):
    """Arguments of ``outline``."""

    path: str = Field("", max_length=LONGEST_PATH)
    """A file or a directory; empty for the whole workspace."""
    depth: int = Field(0, ge=0, le=20)
    """How deep definitions may lie in others: 1 for top level only, 0 for all."""
    limit: int = Field(50, ge=1, le=1_000)
    """How many files."""
    cursor: str = Field("", max_length=10_000)
    """next_cursor of the reply before, to go on after it."""


class FileOutline(Shape):
    """One file."""

    path: str
    root: str
    language: str
    symbols: list[Symbol]

    def text(self) -> str:
        """Return the path, and a line for each definition, indented as they lie in each other."""
        lines = [self.path]
        for symbol in self.symbols:
            depth = symbol.container.count(".") + 2 if symbol.container else 1
            lines.append(f"{'  ' * depth}{symbol.line}: {symbol.kind} {symbol.name}")
        return "\n".join(lines)


class OutlineReply(Reply):
    """Result of ``outline``."""

    items: ClassVar[str] = "files"

    files: list[FileOutline]
    """In order of their paths."""
    total: int
    """How many there are in all."""
    next_cursor: str
    """Hand it back as cursor for more; empty at the end."""
    completeness: Completeness

    def cut(self, kept: int) -> Self:
        """Return fewer files, and the cursor to the rest."""
        return super().cut(kept).model_copy(update={"next_cursor": _after(self.files[:kept])})

    def text(self) -> str:
        """Return the files one after the other."""
        shown = "\n".join(file.text() for file in self.files) or "No indexed file is there."
        more = f"{self.total} files in all. More: cursor {self.next_cursor}" if self.next_cursor else ""
        return joined(shown, more, self.completeness.text())


async def run(workspace: Workspace, ask: OutlineAsk) -> OutlineReply:
    """Answer from the index as it is, unsaved text included."""
    root, after = Cursor.opened(ask.cursor, str, str) if ask.cursor else ("", "")
    asked = wire.Outline(
        path=ask.path,
        roots=workspace.root(ask.root),
        depth=ask.depth,
        limit=ask.limit,
        after_root=root,
        after=after,
    )
    reply = await workspace.ask_patiently("outline", asked, lambda found: not found.files)
    files = [
        FileOutline(
            path=file.relative,
            root=file.root,
            language=file.language,
            symbols=[Symbol.of(symbol, file.relative) for symbol in file.symbols],
        )
        for file in reply.files
    ]
    return OutlineReply(
        files=files,
        total=reply.total,
        next_cursor=_after(files) if reply.more else "",
        completeness=Completeness.taken(reply.completeness),
    )


def _after(files: list[FileOutline]) -> str:
    return Cursor(place=[files[-1].root, files[-1].path]).sealed() if files else ""


TOOL = Tool(
    name="outline",
    title="Outline files",
    description=(
        "List the definitions of a file, or the files of a directory with what they define. Use it to see what is"
        " where before you read."
    ),
    ask=OutlineAsk,
    reply=OutlineReply,
    run=run,
)
