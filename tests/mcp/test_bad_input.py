"""Whatever a client sends: a clear error that says which kind it is, and the server and the others unharmed."""

from __future__ import annotations

import asyncio
import json
import os
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from tests.mcp.agents import Agent, Bare, closing, request

from mcp import MCPError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.mcp.agents import HttpServer

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_an_unknown_tool(agent: Agent) -> None:
    with pytest.raises(MCPError, match="there is no tool serach; there are search, context") as caught:
        await agent.raw("serach", query="lamp")
    assert caught.value.code == -32602


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("search", {}, "query is needed"),
        ("search", {"query": ""}, "query: say what to look for"),
        ("search", {"query": " \n\t"}, "query: say what to look for"),
        ("search", {"query": 7}, "query: Input should be a valid string, not 7"),
        ("search", {"query": None}, "query: Input should be a valid string"),
        ("search", {"query": "x" * 5_000}, "at most 4000 characters"),
        ("search", {"query": "lamp", "limit": "many"}, "limit: Input should be a valid integer"),
        ("search", {"query": "lamp", "limit": 0}, "limit: Input should be greater than or equal to 1, not 0"),
        ("search", {"query": "lamp", "limit": 10**30}, "less than or equal to 100"),
        ("search", {"query": "lamp", "limit": True}, ""),
        ("search", {"query": "lamp", "paths": "src"}, "paths: Input should be a valid list, not 'src'"),
        ("search", {"query": "lamp", "path": "src"}, "there is no path; search takes root, query, limit"),
        ("context", {"question": "lamp", "budget": 1}, "greater than or equal to 100"),
        ("context", {"question": "lamp", "task": "dance"}, "task: Input should be 'code', 'debug'"),
        ("index_control", {"action": "explode"}, "action: Input should be 'status', 'reindex'"),
        ("grep", {"pattern": ""}, "pattern: String should have at least 1 character"),
        ("read", {"path": ""}, "path: String should have at least 1 character"),
        ("read", {"path": "x" * 10_000}, "at most 4096 characters"),
        ("symbols", {"name": ""}, "name: give a name"),
    ],
)
async def test_wrong_arguments(agent: Agent, tool: str, arguments: dict[str, Any], said: str) -> None:
    if not said:  # a boolean is a number to some clients, and harms nobody
        assert await agent.raw(tool, **arguments)
        return
    failure = await agent.failure(tool, **arguments)
    assert failure.startswith("invalid: ")
    assert said.replace("'code', 'debug'", "'', 'code', 'debug'") in failure
    assert len(failure) < 1_000


async def test_odd_text_is_no_error(agent: Agent) -> None:
    for text in (
        "\0",
        "🪔" * 100,
        "'; DROP TABLE chunks; --",
        "((((",
        "x" * 4_000,
        "lang:",
        "-path:",
    ):
        assert "hits" in await agent.call("search", query=text)
        assert "matches" in await agent.call("grep", pattern=text[:500], literal=True)


@pytest.mark.parametrize("pattern", [r"(a+)+$", r"(.*.*.*)*x", r"(\w+\s?)*!", "(x+x+)+y", "a{1,500}" * 3])
async def test_a_catastrophic_expression_is_answered(agent: Agent, pattern: str) -> None:
    result = await agent.raw("grep", pattern=pattern)
    assert not result.is_error or "pattern: " in str(result.content)
    assert "hits" in await agent.call("search", query=f"/{pattern}/")


@pytest.mark.parametrize("pattern", ["(", "[z-a]", r"(?<=a)b", r"(a)\1", "*", "a{5000}{5000}"])
async def test_what_is_no_expression(agent: Agent, pattern: str) -> None:
    failure = await agent.failure("grep", pattern=pattern)
    assert failure.startswith("pattern: ")
    assert "mend it, or look for it literally" in failure
    assert "matches" in await agent.call("grep", pattern=pattern, literal=True)


DISGUISES = [
    "../outside.py",
    "deep/../../outside.py",
    "./../outside.py",
    "deep/er/../../../outside.py",
    "/etc/passwd",
    "//etc/passwd",
    "linked/outside.py",
    "linked/project/lamps.py",
    "link.py",
    "lamps.py\0.txt",
    "\0",
    "..\0/outside.py",
    "\\\\?\\C:\\Windows\\win.ini",
    "\\\\server\\share\\x",
    "C:\\Windows\\win.ini",
    "c:/windows/win.ini",
    "//server/share/x",
    "/proc/self/environ",
    "../PROJECT/lamps.py",
]
WITHHELD = [".env", "./.env", "deep/../.env", "ignored/hidden.py", ".git/config", ".git/HEAD"]
ABSENT = [
    "%2e%2e/outside.py",
    "..%2foutside.py",
    "%252e%252e/outside.py",
    "..\\outside.py",
    ".../outside.py",
    "~/.bashrc",
    "file:///etc/passwd",
    "LAMPS.PY",
    "lamps.py/x",
    "no/such/file.py",
    "$HOME/x",
    "\u202e\u2025/x",
]


@pytest.mark.parametrize("path", DISGUISES)
async def test_a_path_outside_in_every_disguise(agent: Agent, path: str) -> None:
    for tool, more in (("read", {}), ("history", {}), ("related", {}), ("similar", {})):
        assert (await agent.failure(tool, path=path, **more)).startswith("outside: "), tool
    assert "outside" in (await agent.failure("context", question="lamp", active_file=path))
    await refused(agent, f"conexus://file/{quote(path)}", "outside")
    encoded = "".join(f"%{byte:02x}" for byte in path.encode())
    await refused(agent, f"conexus://file/{encoded}", "outside")


@pytest.mark.parametrize("path", WITHHELD)
async def test_ignored_and_secret_files_are_never_served(agent: Agent, path: str) -> None:
    failure = await agent.failure("read", path=path)
    assert failure.startswith("withheld: ")
    assert "hunter2" not in failure
    await refused(agent, f"conexus://file/{quote(path)}", "withheld")
    assert (await agent.call("grep", pattern="hunter2|def hidden|repositoryformatversion"))["matches"] == []
    assert (await agent.call("outline", path=path))["files"] == []


@pytest.mark.parametrize("path", ABSENT)
async def test_escapes_are_not_undone_twice(agent: Agent, path: str) -> None:
    failure = await agent.failure("read", path=path)
    assert failure.split(":")[0] in ("missing", "outside")
    assert "root:" not in failure


async def refused(agent: Agent, uri: str, kind: str) -> None:
    with pytest.raises(MCPError) as caught:
        await agent.client.read_resource(uri)
    assert (caught.value.code, caught.value.data) == (-32602, {"kind": kind})


async def test_resources_that_are_none(agent: Agent) -> None:
    for uri in (
        "file:///etc/passwd",
        "conexus://else",
        "http://127.0.0.1/",
        "conexus://file/lamps.py?start=x",
    ):
        with pytest.raises(MCPError) as caught:
            await agent.client.read_resource(uri)
        assert caught.value.code == -32602
    with pytest.raises(MCPError, match="there is no prompt nothing; there are explore"):
        await agent.client.get_prompt("nothing", {})
    with pytest.raises(MCPError, match="explore needs topic"):
        await agent.client.get_prompt("explore", {"topic": "  "})


async def test_a_file_deleted_between_search_and_read(agent: Agent, project: Path) -> None:
    path = project / "brief.py"
    path.write_text("def shortlived(): ...\n", "utf-8")
    end = time.monotonic() + 20
    while not (hits := (await agent.call("search", query="shortlived", paths=["brief.py"]))["hits"]):
        assert time.monotonic() < end
        await asyncio.sleep(0.05)
    path.unlink()
    failure = await agent.failure("read", path=hits[0]["path"])
    assert failure == "missing: brief.py does not exist any more, or never did; search again"
    assert (await agent.call("search", query="shortlived", paths=["brief.py"]))["hits"] == []


async def test_a_directory_that_becomes_a_link(agent: Agent, project: Path) -> None:
    (project / "deep").rename(project / "deeper")
    (project / "deep").symlink_to(project.parent)
    try:
        assert (await agent.failure("read", path="deep/outside.py")).startswith("outside: ")
        assert (await agent.failure("read", path="deep/er/notes.txt")).split(":")[0] in ("outside", "missing")
    finally:
        (project / "deep").unlink()
        (project / "deeper").rename(project / "deep")


async def test_broken_messages_on_stdio(home: Path, project: Path) -> None:
    bare = Bare(home, project, message_bytes=10_000)
    try:
        assert bare.begin()["result"]["serverInfo"]["name"] == "conexus"
        for message, code in [
            (b"{", -32700),
            (b"\xff\xfe", -32700),
            (b"[" * 5_000, -32700),
            (b"[]", -32600),
            (b"42", -32600),
            (b'{"jsonrpc": "1.0", "id": 1, "method": "ping"}', -32600),
            (b'{"jsonrpc": "2.0", "id": {"a": 1}, "method": "ping"}', -32600),
            (b"x" * 50_000, -32600),
            (
                json.dumps(
                    request(2, "tools/call", name="search", arguments={"query": "y" * 20_000})
                ).encode(),
                -32600,
            ),
        ]:
            bare.send(message)
            assert bare.receive()["error"]["code"] == code, message[:40]
        bare.send(request(3, "no/such/method"))
        assert bare.receive()["error"]["code"] == -32601
        bare.send(request(4, "tools/call", name="search", arguments=[]))
        assert bare.receive()["error"]["code"] == -32602
        # Half a character, which JSON can say and UTF-8 cannot.
        odd = json.dumps(request(6, "tools/call", name="search", arguments={"query": "\ud800 lamp"}))
        bare.send(odd.encode())
        assert bare.receive()["id"] == 6
        # Half a message, then the rest; empty lines are nothing.
        whole = json.dumps(request(5, "ping")).encode()
        assert bare.process.stdin is not None
        bare.process.stdin.write(b"\n \n" + whole[:10])
        bare.process.stdin.flush()
        await asyncio.sleep(0.05)
        bare.send(whole[10:])
        assert bare.receive() == {"jsonrpc": "2.0", "id": 5, "result": {}}
    finally:
        assert bare.stop() == 0


async def test_a_client_that_never_reads(home: Path, project: Path) -> None:
    """It is not answered without end, and others are answered meanwhile."""
    bare = Bare(home, project)
    stuck = time.monotonic()
    async with AsyncExitStack() as stack:
        stack.callback(bare.process.wait)
        stack.callback(bare.process.kill)
        bare.begin()
        os.set_blocking(bare.process.stdin.fileno(), False)  # type: ignore[union-attr]
        call = json.dumps(request(9, "tools/list")).encode() + b"\n"
        end, sent = time.monotonic() + 15, 0
        while time.monotonic() < end:
            try:
                sent += os.write(bare.process.stdin.fileno(), call * 50)  # type: ignore[union-attr]
                stuck = time.monotonic()
            except BlockingIOError:
                if time.monotonic() - stuck > 1:
                    break
                await asyncio.sleep(0.02)
        assert memory(bare.process.pid) < 400_000_000
        agent = await closing(stack, await Agent.stdio(home, project))
        await agent.settled()
        assert (await agent.call("search", query="lamp"))["hits"]
        assert bare.process.poll() is None


async def test_a_client_that_leaves_in_the_middle(home: Path, project: Path, server: HttpServer) -> None:
    for number in range(2):
        bare = Bare(home, project)
        bare.begin()
        bare.send(
            *[request(10 + n, "tools/call", name="search", arguments={"query": "lamp"}) for n in range(9)]
        )
        if number % 2:
            assert bare.stop() == 0
        else:
            bare.process.kill()
            bare.process.wait()
    other = await server.agent()
    assert (await other.call("search", query="lamp"))["hits"]
    await other.stop()


def memory(pid: int) -> int:
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:  # noqa: PTH123 -- not a file of the project
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
