"""Rates, slots and sizes: refused in time, with words that help, and never the others' loss."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest
from tests.mcp.agents import Agent, HttpServer, closing, initialize, request

from conexus.engine import lifecycle
from conexus.engine.wire import EngineError
from conexus.mcp.limits import Rates, Slots
from conexus.mcp.token import TokenError, token, token_file
from conexus.settings import McpSettings
from mcp import MCPError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_bucket_holds_a_minutes_requests_and_fills_evenly() -> None:
    now = [0.0]
    rates = Rates(60, clock=lambda: now[0])
    assert [rates.take("a").remaining for _ in range(60)] == [*range(59, -1, -1)]
    refused = rates.take("a")
    assert (refused.granted, refused.remaining, refused.retry_seconds) == (False, 0, 1)
    assert rates.take("b").granted
    now[0] += 1.0
    assert rates.take("a").granted
    assert not rates.take("a").granted
    now[0] += 3_600.0
    assert rates.take("a").remaining == 59


async def test_many_connections_share_one_bucket() -> None:
    rates = Rates(10, clock=lambda: 0.0)
    granted = sum(rates.take(str(number)).granted for number in range(1_000))
    assert granted == 320
    assert len(rates._buckets) <= 1_024


async def test_no_limit() -> None:
    rates = Rates(0)
    assert all(rates.take("a").granted for _ in range(1_000))


async def test_slots_are_taken_in_turn_and_given_back() -> None:
    slots = Slots(McpSettings(concurrency=2, request_seconds=5.0))
    at_work: list[int] = []
    most = 0

    async def work(number: int) -> None:
        nonlocal most
        async with slots.take():
            at_work.append(number)
            most = max(most, len(at_work))
            await asyncio.sleep(0.001)
            at_work.remove(number)

    await asyncio.gather(*(work(number) for number in range(20)))
    assert most == 2
    with pytest.raises(ZeroDivisionError):
        async with slots.take():
            raise ZeroDivisionError
    await asyncio.gather(*(work(number) for number in range(34)))
    with pytest.raises(EngineError, match="34 requests are waiting already") as caught:
        await asyncio.gather(*(work(number) for number in range(35)))
    assert caught.value.kind == "busy"


async def test_work_that_takes_too_long_is_given_up() -> None:
    slots = Slots(McpSettings(concurrency=1, request_seconds=0.05))
    with pytest.raises(EngineError, match=r"no answer within 0\.05 seconds") as caught:
        async with slots.take():
            await asyncio.sleep(60)
    assert caught.value.kind == "timeout"
    async with slots.take():
        pass


@pytest.fixture(scope="module")
def strict(home: Path, project: Path) -> Iterator[HttpServer]:
    server = HttpServer(home, project, requests_per_minute=5, message_bytes=5_000)
    yield server
    server.stop()


async def test_a_client_over_its_rate_is_told_when_to_come_back(strict: HttpServer) -> None:
    begun = strict.post()
    assert begun.status_code == 200
    assert begun.headers["ratelimit-policy"] == '"requests";q=5;w=60'
    session = begun.headers["mcp-session-id"]
    answers = [strict.post(request(2, "ping"), mcp_session_id=session) for _ in range(7)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
    refused = answers[-1]
    assert 1 <= int(refused.headers["retry-after"]) <= 12
    assert refused.headers["ratelimit"].startswith('"requests";r=0;t=')
    assert "more than 5 requests a minute" in refused.json()["error"]["message"]
    # Another client has a bucket of its own.
    assert strict.post().status_code == 200


async def test_who_may_not_ask(strict: HttpServer) -> None:
    assert strict.post(Authorization="").status_code == 401
    refused = strict.post(Authorization="Bearer wrong")
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Bearer")
    assert "mcp-token" in refused.json()["error"]["message"]
    assert strict.post(Authorization=f"Basic {strict.token}").status_code == 401
    for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", "10.0.0.1"):
        assert strict.post(Host=host).status_code == 421, host
    for origin in (
        "http://evil.example",
        "null",
        "http://localhost.evil.example",
        "file://",
        "https://127.0.0.1@x",
    ):
        assert strict.post(Origin=origin).status_code == 403, origin
    for origin in ("http://localhost:3000", "http://127.0.0.1", "http://[::1]:8080"):
        assert strict.post(Origin=origin).status_code == 200, origin


async def test_a_body_that_is_too_large(strict: HttpServer) -> None:
    assert strict.post(b"x" * 6_000).status_code == 413
    huge = request(1, "tools/call", name="search", arguments={"query": "y" * 6_000})
    assert strict.post(huge).status_code == 413
    assert strict.post(b"{").status_code == 400
    assert strict.post(initialize(), mcp_session_id="no-such-session").status_code == 404


async def test_the_token_is_the_users_alone(strict: HttpServer, home: Path, project: Path) -> None:
    assert stat.S_IMODE(strict.token_file.stat().st_mode) == 0o600
    assert len(strict.token) >= 32
    assert strict.token not in strict.said
    again = HttpServer(home, project)
    try:
        assert again.token == strict.token
    finally:
        again.stop()


async def test_a_token_that_others_could_read_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONEXUS_STATE_DIR", str(tmp_path / "state"))
    first = token()
    assert token() == first
    token_file().chmod(0o644)
    second = token()
    assert second != first
    assert stat.S_IMODE(token_file().stat().st_mode) == 0o600
    token_file().write_text("short", "ascii")
    assert token() not in (second, "short")
    token_file().unlink()
    token_file().symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").write_text("x" * 50, "ascii")
    with pytest.raises(TokenError, match="mend or remove it"):
        token()


async def test_a_port_that_is_taken(strict: HttpServer, home: Path, project: Path) -> None:
    import subprocess
    import sys

    from tests.lsp.editor import environment

    port = strict.url.split(":")[2].split("/")[0]
    done = subprocess.run(
        [sys.executable, "-m", "conexus", "mcp", "--http", "--port", port, "--root", str(project)],
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 3
    assert f"port {port} cannot be had" in done.stderr
    assert "--port" in done.stderr


async def test_replies_are_cut_to_their_size(home: Path, folder_of: Callable[..., Path]) -> None:
    files = "".join(
        f"//- /m{number}.py\ndef lamp_{number}(x):\n" + "    x = x + 1  # lamp lamp lamp\n" * 20
        for number in range(30)
    )
    root = folder_of(files)
    async with AsyncExitStack() as stack:
        agent = await closing(stack, await Agent.stdio(home, root, reply_bytes=5_000))
        await agent.settled()
        for tool, arguments, items in [
            ("search", {"query": "lamp", "limit": 30}, "hits"),
            ("grep", {"pattern": "lamp"}, "matches"),
            ("outline", {}, "files"),
            ("symbols", {"name": "lamp", "limit": 100}, "symbols"),
        ]:
            result = await agent.raw(tool, **arguments)
            structured = result.structured_content
            assert structured
            assert structured["truncated"], tool
            assert structured[items]
            assert len(result.model_dump_json()) < 9_000
            assert "CUT to the size limit" in str(result.content)
        # Nothing is lost on the way: cursors go on where the reply was cut.
        seen: list[str] = []
        cursor = ""
        while True:
            page = await agent.call("search", query="lamp", limit=20, cursor=cursor)
            seen += [hit["path"] for hit in page["hits"]]
            if not (cursor := page["next_cursor"]) or len(seen) > 200:
                break
        assert len(seen) == len(set(seen)) == 30
        page = await agent.call("outline")
        rest = await agent.call("outline", cursor=page["next_cursor"], limit=1)
        assert rest["files"][0]["path"] > page["files"][-1]["path"]
        part = await agent.call("read", path="m1.py")
        assert part["content"].count("\n") == part["end_line"] < part["lines"] or not part["truncated"]


async def test_long_files_come_in_pages(home: Path, folder_of: Callable[..., Path]) -> None:
    root = folder_of("//- /long.py\n" + "".join(f"line_{number} = {number}\n" for number in range(2_000)))
    async with AsyncExitStack() as stack:
        agent = await closing(stack, await Agent.stdio(home, root, reply_bytes=20_000))
        await agent.settled()
        text = (root / "long.py").read_text("utf-8")
        uri, parts = "conexus://file/long.py", []
        while uri:
            content = (await agent.client.read_resource(uri)).contents[0]
            parts.append(content.text)  # type: ignore[union-attr]
            assert content.meta
            uri = content.meta.get("conexus/next", "")
        assert "".join(parts) == text
        assert len(parts) > 2
        read, start = "", 1
        while True:
            page = await agent.call("read", path="long.py", start_line=start)
            read += page["content"]
            if not page["truncated"]:
                break
            start = page["end_line"] + 1
        assert read == text


async def test_a_request_that_takes_too_long(tmp_path: Path, folder_of: Callable[..., Path]) -> None:
    root = folder_of("//- /a.py\ndef lamp(): ...\n")
    async with AsyncExitStack() as stack:
        agent = await closing(stack, await Agent.stdio(tmp_path, root, request_seconds=1.0))
        await agent.settled()
        address = lifecycle.read_address(tmp_path / "data")
        assert address is not None
        os.kill(address.pid, signal.SIGSTOP)
        try:
            assert "timeout: no answer within 1 seconds" in await agent.failure("search", query="lamp")
            with pytest.raises(MCPError, match="no answer within 1 seconds") as caught:
                await agent.client.read_resource("conexus://file/a.py")
            assert caught.value.data == {"kind": "timeout"}
        finally:
            os.kill(address.pid, signal.SIGCONT)
        assert (await agent.call("search", query="lamp"))["hits"]


async def test_twenty_agents_at_once(home: Path, project: Path, server: HttpServer) -> None:
    """Two on stdio, eighteen over HTTP: every call of every agent is answered."""
    async with AsyncExitStack() as stack:
        agents = [await closing(stack, await Agent.stdio(home, project)) for _ in range(2)]
        agents += [await closing(stack, await server.agent()) for _ in range(18)]
        await agents[0].settled()

        async def work(agent: Agent) -> int:
            for tool, arguments in [
                ("search", {"query": "light a lamp"}),
                ("grep", {"pattern": r"def \w+"}),
                ("read", {"path": "lamps.py"}),
                ("context", {"question": "how is a lamp lit", "budget": 500}),
                ("symbols", {"name": "Lamp"}),
                ("related", {"path": "lamps.py"}),
                ("outline", {}),
            ]:
                assert await agent.call(tool, **arguments)
            return 1

        assert sum(await asyncio.gather(*(work(agent) for agent in agents))) == 20
