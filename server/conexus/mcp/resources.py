"""Files and the state of the index as resources: ``conexus://file/{path}`` and ``conexus://status``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qsl, quote, unquote_to_bytes, urlencode

import mcp_types as types
from attrs import evolve, frozen

from conexus.engine import wire
from conexus.engine.wire import EngineError
from conexus.mcp.shapes import Cursor
from conexus.mcp.tools.index_control import state

if TYPE_CHECKING:
    from conexus.mcp.workspace import Workspace

STATUS_URI = "conexus://status"
FILE_PREFIX = "conexus://file/"
_PAGE = 200
# The text is escaped as JSON, which may double it.
_ROOM = 2

TEMPLATE = types.ResourceTemplate(
    name="file",
    title="A file",
    uri_template=f"{FILE_PREFIX}{{+path}}{{?start,end,root}}",
    description=(
        "A file of the workspace as it is now, unsaved edits included; start and end are lines, 1-based and"
        " inclusive. A long file comes in pages: _meta names the next one."
    ),
    mime_type="text/plain",
)
_STATUS = types.Resource(
    name="status",
    title="State of the index",
    uri=STATUS_URI,
    description="How far the index is, what was left out and why; changes while files are indexed.",
    mime_type="application/json",
)


@frozen
class FileUri:
    """What the URI of a file says."""

    path: str
    start: int = 0
    end: int = 0
    root: str = ""

    @classmethod
    def parse(cls, uri: str) -> Self:
        """Return what `uri` says; raises EngineError. Escapes are undone once."""
        if not uri.startswith(FILE_PREFIX):
            raise EngineError(
                f"there is no resource {uri[:200]}; there are {STATUS_URI} and {FILE_PREFIX}…", "missing"
            )
        place, _, query = uri.removeprefix(FILE_PREFIX).partition("#")[0].partition("?")
        said = dict(parse_qsl(query, errors="surrogateescape"))
        lines = {name: said.get(name, "0") for name in ("start", "end")}
        if not all(re.fullmatch("[0-9]{1,9}", value) for value in lines.values()):
            raise EngineError("start and end of a file's URI are line numbers", kind="invalid")
        path = unquote_to_bytes(place).decode("utf-8", "surrogateescape")
        return cls(path, int(lines["start"]), int(lines["end"]), said.get("root", ""))

    def __str__(self) -> str:
        asked = {"start": self.start, "end": self.end, "root": self.root}
        query = urlencode({name: value for name, value in asked.items() if value})
        path = quote(self.path.encode("utf-8", "surrogateescape"), safe="/")
        return f"{FILE_PREFIX}{path}{'?' if query else ''}{query}"


async def listed(workspace: Workspace, cursor: str | None) -> types.ListResourcesResult:
    """Return the state and a page of the files that can be read. Raises EngineError."""
    root, after = Cursor.opened(cursor, str, str) if cursor else ("", "")
    asked = wire.Outline(roots=workspace.roots, symbols=False, limit=_PAGE, after_root=root, after=after)
    found = await workspace.ask("outline", asked)
    several = len(workspace.roots) > 1
    files = [
        types.Resource(
            name=file.relative.encode("utf-8", "replace").decode(),
            uri=str(FileUri(file.relative, root=file.root if several else "")),
            mime_type="text/plain",
        )
        for file in found.files
    ]
    last = found.files[-1] if found.files and found.more else None
    return types.ListResourcesResult(
        resources=files if cursor else [_STATUS, *files],
        next_cursor=Cursor(place=[last.root, last.relative]).sealed() if last else None,
    )


async def content(workspace: Workspace, uri: str) -> types.ReadResourceResult:
    """Return what a resource holds now. Raises EngineError."""
    if uri == STATUS_URI:
        text = (await state(workspace, workspace.roots)).model_dump_json()
        contents = types.TextResourceContents(uri=uri, mime_type="application/json", text=text)
        return types.ReadResourceResult(contents=[contents])
    asked = FileUri.parse(uri)
    limit = workspace.settings.mcp.reply_bytes // _ROOM
    found = await workspace.ask(
        "read", wire.ReadText(asked.path, asked.start, asked.end, workspace.root(asked.root), limit)
    )
    meta = {
        "conexus/startLine": found.start_line,
        "conexus/endLine": found.end_line,
        "conexus/lines": found.lines,
        "conexus/digest": found.digest,
        "conexus/version": found.version,
    }
    if found.more:
        meta["conexus/next"] = str(evolve(asked, start=found.end_line + 1))
    contents = types.TextResourceContents(uri=uri, mime_type="text/plain", text=found.text, _meta=meta)
    return types.ReadResourceResult(contents=[contents])
