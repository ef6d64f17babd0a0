"""What happens rarely, part by part: tools that break, clients that are gone, folders that are not there yet."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from conexus.domain import ConexusError
from conexus.engine.wire import Changed, EngineError, StatusOf
from conexus.mcp.changes import Changes
from conexus.mcp.limits import Slots
from conexus.mcp.resources import FileUri
from conexus.mcp.shapes import Cursor
from conexus.mcp.tools import TOOLS
from conexus.mcp.workspace import Workspace
from conexus.settings import McpSettings, Settings

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.asyncio


def workspace_of(tmp_path: Path, root: Path, **limits: Any) -> Workspace:
    return Workspace([root], Settings(mcp=McpSettings(**limits)), tmp_path / "data")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ZeroDivisionError("secret detail"), "failed: read failed: ZeroDivisionError; the log has more"),
        (ConexusError("the disk is full"), "failed: the disk is full"),
        (EngineError("too slow", kind="timeout"), "timeout: too slow (worth trying again)"),
    ],
)
async def test_a_tool_that_breaks_breaks_nothing_else(tmp_path: Path, error: Exception, said: str) -> None:
    async def run(_workspace: object, _ask: object) -> Any:
        raise error

    workspace = workspace_of(tmp_path, tmp_path)
    slots = Slots(workspace.settings.mcp)
    result = await evolve(TOOLS["read"], run=run).call(workspace, slots, {"path": "a.py"})
    assert result.is_error
    assert [part.text for part in result.content] == [said]  # type: ignore[union-attr]
    async with slots.take():
        pass


async def test_an_answer_that_does_not_fit_even_alone(tmp_path: Path) -> None:
    from tests.mcp.agents import text_of

    from conexus.mcp.tools.symbols import SymbolsReply

    async def run(_workspace: object, _ask: object) -> SymbolsReply:
        symbol = {
            "name": "x" * 5_000, "kind": "function", "container": "", "path": "a.py", "root": "/", "line": 1,
            "start_line": 1, "end_line": 1, "version": None,
        }  # fmt: skip
        covered = {"complete": True, "files": 1, "pending": 0, "percent": 100, "phase": "ready"}
        return SymbolsReply.model_validate({"symbols": [symbol], "revision": 1, "completeness": covered})

    workspace = workspace_of(tmp_path, tmp_path, reply_bytes=2_000)
    tool = evolve(TOOLS["symbols"], run=run)
    result = await tool.call(workspace, Slots(workspace.settings.mcp), {"name": "x"})
    assert text_of(result).startswith("too_large: the first answer alone is larger than 2000 bytes")


async def test_a_folder_that_is_there_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONEXUS_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("CONEXUS_ENGINE_IDLE_SECONDS", "1")
    root = tmp_path / "late"
    workspace = workspace_of(tmp_path, root)
    workspace.start()
    try:
        with pytest.raises(EngineError, match="not a directory"):
            await workspace.ask("status", StatusOf())
        root.mkdir()
        assert (await workspace.ask("status", StatusOf())).folders[0].root == str(root)
        assert workspace.root("late") == workspace.root("") == (str(root),)
        with pytest.raises(EngineError, match="not one of the opened folders"):
            workspace.root("other")
    finally:
        await workspace.close()


class Session:
    """A client that is told, until it is gone."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.gone = False

    async def send_resource_updated(self, uri: str) -> None:
        if self.gone:
            raise ConnectionError("gone")
        self.told.append(uri)


async def test_clients_that_are_gone_are_forgotten() -> None:
    changes, session = Changes(), Session()
    ctx: Any = SimpleNamespace(request=None, session=session)
    await changes.subscribe(ctx, "conexus://file/a%20b.py?start=1")
    await changes.subscribe(ctx, "conexus://status")
    with pytest.raises(EngineError, match="there is no resource"):
        await changes.subscribe(ctx, "file:///etc/passwd")
    telling = asyncio.create_task(changes.tell())
    changes.note(Changed("/work", "other.py"))
    changes.note("something else")
    changes.note(Changed("/work", "a b.py"))
    changes.note(Changed("/work", ""))
    while not session.told:
        await asyncio.sleep(0)
    assert session.told == ["conexus://file/a%20b.py?start=1"]
    session.gone = True
    changes.note(Changed("/work", "a b.py"))
    while len(changes._sessions) > 1:
        await asyncio.sleep(0)
    for number in range(1_500):
        await changes.subscribe(ctx, f"conexus://file/{number}.py")
    assert len(changes._sessions) == 1_000
    await changes.unsubscribe(ctx, "conexus://file/1499.py")
    assert len(changes._sessions) == 999
    telling.cancel()


@pytest.mark.parametrize(
    "path", ["a.py", "a b/c#d?e.py", "%41.py", "ü/\udcff.py", "..", "/etc/passwd", "a//b", "\n", "x" * 4_000]
)
async def test_uris_of_files_lead_back_to_their_paths(path: str) -> None:
    for asked in (FileUri(path), FileUri(path, 3, 7, "/some where/ü")):
        assert FileUri.parse(str(asked)) == asked


@pytest.mark.parametrize("text", ["", "x", "é", "AAAA", "W10", "WyJhIl0", "W3RydWUsMV0", "[" * 9_000])
async def test_cursors_of_others(text: str) -> None:
    with pytest.raises(EngineError, match="not one of ours"):
        Cursor.opened(text, int, int)
    assert Cursor.opened(Cursor(place=[3, "ü\udcff"]).sealed(), int, str) == [3, "ü\udcff"]


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        (
            "conexus.mcp.server, conexus.mcp.stdio",
            ("numpy", "lancedb", "pyarrow", "re2", "tree_sitter", "pygls"),
        ),
        ("conexus.mcp.front", ("mcp", "mcp_types", "pydantic", "starlette")),
        ("conexus.cli", ("mcp", "mcp_types", "pydantic", "uvicorn")),
        ("conexus.engine.service", ("mcp", "mcp_types", "pydantic", "uvicorn")),
    ],
)
async def test_a_front_starts_without_what_it_does_not_need(module: str, absent: tuple[str, ...]) -> None:
    code = f"import sys, {module}; print([name for name in {absent!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
