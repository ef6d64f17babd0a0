"""Agents beside an editor: what is typed is found, read and told of, before it is saved."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest
from tests.lsp.editor import VS_CODE, Editor
from tests.mcp.agents import Agent, HttpServer, closing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    # Both ways the protocol has had are offered, the old one too.
    pytest.mark.filterwarnings("ignore::mcp.MCPDeprecationWarning"),
]

FILES = """\
//- /kettle.py
def boil(water):
    return water.heat(100)
//- /cup.py
def pour(tea):
    return tea
"""


async def eventually(look: Callable[[], Awaitable[Any]], seconds: float = 20.0) -> Any:
    """Return what `look` returns once that is something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := await look():
            return found
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen")


@pytest.mark.parametrize("way", ["stdio", "http"])
async def test_an_unsaved_edit_is_found_and_read(
    way: str, home: Path, folder_of: Callable[..., Path]
) -> None:
    root = folder_of(FILES, way)
    editor = Editor(VS_CODE, home)
    server = HttpServer(home, root) if way == "http" else None
    async with AsyncExitStack() as stack:
        await editor.start(root)
        stack.push_async_callback(editor.stop)
        if server is not None:
            stack.callback(server.stop)
        agent = await closing(stack, await server.agent() if server else await Agent.stdio(home, root))
        await editor.settled()
        uri = editor.open(root / "kettle.py")
        editor.replace(uri, "def boil(water)", "def evaporate_everything(water)")
        text = editor.texts[uri]

        async def found() -> Any:
            hits = (await agent.call("search", query="evaporate_everything"))["hits"]
            return [hit for hit in hits if "evaporate_everything" in hit["excerpt"]]

        hit = (await eventually(found))[0]
        assert (hit["path"], hit["version"]) == ("kettle.py", editor.versions[uri])
        read = await agent.call("read", path="kettle.py")
        assert (read["content"], read["version"]) == (text, editor.versions[uri])
        matches = (await agent.call("grep", pattern="evaporate_[a-z]+"))["matches"]
        assert [(match["line"], match["version"]) for match in matches] == [(1, editor.versions[uri])]
        symbols = (await agent.call("symbols", name="evaporate"))["symbols"]
        assert symbols[0]["version"] == editor.versions[uri]
        names = [s["name"] for s in (await agent.call("outline", path="kettle.py"))["files"][0]["symbols"]]
        assert names == ["evaporate_everything"]
        pack = await agent.call("context", question="evaporate everything")
        assert "evaporate_everything" in pack["pack"]
        # Closing without saving brings the file's own text back.
        editor.close(uri)

        async def gone() -> bool:
            return (await agent.call("read", path="kettle.py"))["version"] is None

        await eventually(gone)
        assert (await agent.call("read", path="kettle.py"))["content"] == (root / "kettle.py").read_text(
            "utf-8"
        )


@pytest.mark.parametrize(("way", "mode"), [("stdio", "auto"), ("stdio", "legacy"), ("http", "legacy")])
async def test_changes_are_told(way: str, mode: str, home: Path, folder_of: Callable[..., Path]) -> None:
    root = folder_of(FILES, f"{way}-{mode}")
    server = HttpServer(home, root) if way == "http" else None
    told: list[str] = []
    async with AsyncExitStack() as stack:
        editor = Editor(VS_CODE, home)
        await editor.start(root)
        stack.push_async_callback(editor.stop)
        if server is not None:
            stack.callback(server.stop)
            agent = await server.agent(mode, message_handler=noting(told))
        else:
            agent = await Agent.stdio(home, root, mode=mode, message_handler=noting(told))
        await closing(stack, agent)
        await agent.settled()
        watched = ["conexus://file/kettle.py", "conexus://status"]
        await watch(agent, watched, told, stack)
        uri = editor.open(root / "kettle.py")
        editor.replace(uri, "100", "373")
        await eventually(lambda: asyncio.sleep(0, watched[0] in told and watched[1] in told))

        async def shown() -> bool:
            found = await agent.client.read_resource(watched[0], **_fresh(agent))
            return "373" in found.contents[0].text  # type: ignore[union-attr]

        await eventually(shown)
        # A file on disk, and one that nobody asked about.
        told.clear()
        (root / "cup.py").write_text("def spill(tea): ...\n", "utf-8")
        editor.replace(uri, "373", "212")
        await eventually(lambda: asyncio.sleep(0, watched[0] in told))
        assert "conexus://file/cup.py" not in told
        if mode == "legacy":
            for uri_ in watched:
                await agent.client.unsubscribe_resource(uri_)
            told.clear()
            editor.replace(uri, "212", "100")
            await agent.call("read", path="kettle.py")
            assert told == []


def noting(told: list[str]) -> Any:
    """Return a handler of messages that remembers the resources they name."""

    async def note(message: Any) -> None:
        if (uri := getattr(getattr(message, "params", None), "uri", None)) is not None:
            told.append(str(uri))

    return note


async def watch(agent: Agent, uris: list[str], told: list[str], stack: AsyncExitStack) -> None:
    """Ask to be told of changes, in the way of the connection."""
    if agent.client.protocol_version < "2026":
        for uri in uris:
            await agent.client.subscribe_resource(uri)
        return

    async def listen() -> None:
        async with agent.client.listen(resource_subscriptions=uris) as events:
            told.append("listening")
            async for event in events:
                told.extend([str(getattr(event, "uri", ""))])

    task = asyncio.create_task(listen())
    stack.callback(task.cancel)
    await eventually(lambda: asyncio.sleep(0, "listening" in told))


def _fresh(agent: Agent) -> dict[str, Any]:
    return {"cache_mode": "refresh"} if agent.client.protocol_version >= "2026" else {}


async def test_an_engine_that_dies_is_replaced(home: Path, folder_of: Callable[..., Path]) -> None:
    import os
    import signal

    from conexus.engine import lifecycle

    root = folder_of(FILES, "dying")
    async with AsyncExitStack() as stack:
        agent = await closing(stack, await Agent.stdio(home, root))
        other = await closing(stack, await Agent.stdio(home, root))
        await agent.settled()
        address = lifecycle.read_address(home / "data")
        assert address is not None
        asked = [
            asyncio.create_task(agent.raw("search", query="boil water")),
            asyncio.create_task(other.raw("index_control", action="reindex", fresh=True)),
        ]
        os.kill(address.pid, signal.SIGKILL)
        # Whatever was under way is answered: by the next engine, or with an error that says what to do.
        for result in await asyncio.gather(*asked):
            assert (
                not result.is_error or "unreachable" in str(result.content) or "ended" in str(result.content)
            )
        for one in (agent, other):
            await one.settled()
            assert (await one.call("search", query="boil water"))["hits"][0]["path"] == "kettle.py"


async def test_a_question_asked_before_there_is_an_index_waits_for_it(
    tmp_path: Path, folder_of: Callable[..., Path]
) -> None:
    root = folder_of(FILES, "cold")
    async with AsyncExitStack() as stack:
        agent = await closing(stack, await Agent.stdio(tmp_path, root))
        assert (await agent.call("search", query="boil water"))["hits"][0]["path"] == "kettle.py"


async def test_several_folders(home: Path, folder_of: Callable[..., Path]) -> None:
    one, two = folder_of(FILES, "one"), folder_of("//- /kettle.py\ndef whistle(): ...\n", "two")
    async with AsyncExitStack() as stack:
        agent = await closing(stack, await Agent.stdio(home, one, two))
        await agent.settled()
        both = await agent.call("outline")
        assert [(file["root"], file["path"]) for file in both["files"]] == [
            (str(one), "cup.py"),
            (str(one), "kettle.py"),
            (str(two), "kettle.py"),
        ]
        page = await agent.call("outline", limit=2)
        rest = await agent.call("outline", limit=2, cursor=page["next_cursor"])
        assert [file["root"] for file in rest["files"]] == [str(two)]
        assert (await agent.failure("read", path="kettle.py")).startswith(
            "ambiguous: kettle.py is in several"
        )
        assert "whistle" in (await agent.call("read", path="kettle.py", root="two"))["content"]
        assert "boil" in (await agent.call("read", path=str(one / "kettle.py")))["content"]
        assert (await agent.call("read", path="cup.py"))["root"] == str(one)
        listed = (await agent.client.list_resources()).resources
        for resource in listed[1:]:
            assert (await agent.client.read_resource(resource.uri)).contents
