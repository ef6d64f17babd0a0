"""Agents for tests: the SDK's own client on the shipped server, over stdio or HTTP."""

from __future__ import annotations

import asyncio
import json
import select
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import httpx2
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from tests.lsp.editor import environment

from mcp import Client

if TYPE_CHECKING:
    from contextlib import AsyncExitStack
    from pathlib import Path

    import mcp_types as types


class Agent:
    """One client with a connection of its own, kept by a task of its own."""

    def __init__(self, transport: Any, mode: str = "auto", **options: Any) -> None:
        self._transport = transport
        self._mode = mode
        self._options = options
        self._over = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.client: Client

    @classmethod
    async def stdio(
        cls, home: Path, *roots: Path, mode: str = "auto", message_handler: Any = None, **settings: Any
    ) -> Agent:
        transport = stdio_client(_server(home, roots, settings))
        return await cls(transport, mode, message_handler=message_handler).start()

    async def start(self) -> Agent:
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._run(ready))
        await asyncio.wait_for(asyncio.shield(ready), 60)
        return self

    async def _run(self, ready: asyncio.Future[None]) -> None:
        try:
            async with Client(self._transport, mode=self._mode, **self._options) as self.client:
                ready.set_result(None)
                await self._over.wait()
        except BaseException as error:
            if not ready.done():
                ready.set_exception(error)
            raise

    async def stop(self) -> None:
        self._over.set()
        if self._task is not None:
            await asyncio.wait_for(asyncio.gather(self._task, return_exceptions=True), 30)

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Return the structured result of a tool; a failed call fails the test."""
        result = await self.raw(tool, **arguments)
        assert not result.is_error, text_of(result)
        assert isinstance(result.structured_content, dict)
        assert text_of(result)
        return result.structured_content

    async def failure(self, tool: str, **arguments: Any) -> str:
        """Return what a failed call says, which begins with its kind, as its metadata does."""
        result = await self.raw(tool, **arguments)
        assert result.is_error, result.structured_content
        said = text_of(result)
        assert result.meta
        assert said.startswith(f"{result.meta['conexus/error']['kind']}: ")
        return said

    async def raw(self, tool: str, **arguments: Any) -> types.CallToolResult:
        return await asyncio.wait_for(self.client.call_tool(tool, arguments), 60)

    async def settled(self) -> None:
        """Wait until all files are indexed."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            # An engine that is starting may take longer than a request may.
            folders = (await self.raw("index_control")).structured_content or {"folders": []}
            folders = folders["folders"]
            if folders and all(folder["phase"] == "ready" and not folder["pending"] for folder in folders):
                return
            await asyncio.sleep(0.05)
        raise AssertionError(folders)


class HttpServer:
    """The shipped server on a loopback port."""

    def __init__(self, home: Path, *roots: Path, **settings: Any) -> None:
        server = _server(home, roots, settings)
        self.process = subprocess.Popen(
            [server.command, *server.args, "--http", "--port", "0"],
            stderr=subprocess.PIPE,
            env=server.env,
            text=True,
        )
        assert self.process.stderr is not None
        self.said = self.process.stderr.readline()
        assert self.said.startswith("Serving http://127.0.0.1:"), self.said
        self.url = self.said.split()[1].rstrip(",")
        self.token_file = home / "state" / "mcp-token"
        self.token = self.token_file.read_text("ascii").strip()

    async def agent(self, mode: str = "auto", **options: Any) -> Agent:
        client = httpx2.AsyncClient(
            headers={"Authorization": f"Bearer {self.token}"}, timeout=httpx2.Timeout(30, read=60)
        )
        return await Agent(streamable_http_client(self.url, http_client=client), mode, **options).start()

    def post(self, body: Any = None, **headers: str) -> httpx2.Response:
        """Send a message past the client; headers are written with _ for -, and an empty one is left out."""
        said = {
            "Authorization": f"Bearer {self.token}",
            "Accept": "application/json, text/event-stream",
            "Content-Type": "application/json",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        data = body if isinstance(body, bytes) else json.dumps(body or initialize())
        said = {name: value for name, value in said.items() if value}
        return httpx2.post(self.url, content=data, headers=said, timeout=30)

    def stop(self) -> int:
        self.process.terminate()
        try:
            return self.process.wait(20)
        finally:
            assert self.process.stderr is not None
            self.process.stderr.close()


class Bare:
    """The server's stdio, spoken by hand."""

    def __init__(self, home: Path, *roots: Path, **settings: Any) -> None:
        server = _server(home, roots, settings)
        self.process = subprocess.Popen(
            [server.command, *server.args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,  # or select would not see what is already here
            env=server.env,
        )

    def send(self, *messages: Any) -> None:
        assert self.process.stdin is not None
        for message in messages:
            data = message if isinstance(message, bytes) else json.dumps(message).encode()
            self.process.stdin.write(data + b"\n")
        self.process.stdin.flush()

    def receive(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], 60)
        assert ready, "no answer"
        answer = json.loads(self.process.stdout.readline())
        assert isinstance(answer, dict)
        return answer

    def begin(self) -> dict[str, Any]:
        self.send(initialize())
        answer = self.receive()
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return answer

    def stop(self) -> int:
        """Go away and return the exit code."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        try:
            return self.process.wait(20)
        finally:
            self.process.stdout.close()


def initialize() -> dict[str, Any]:
    return request(
        1,
        "initialize",
        protocolVersion="2025-11-25",
        capabilities={},
        clientInfo={"name": "by hand", "version": "1"},
    )


def request(number: int, method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def text_of(result: types.CallToolResult) -> str:
    return "".join(part.text for part in result.content if part.type == "text")


async def closing(stack: AsyncExitStack, agent: Agent) -> Agent:
    """Stop `agent` with the stack."""
    stack.push_async_callback(agent.stop)
    return agent


def _server(home: Path, roots: tuple[Path, ...], settings: dict[str, Any]) -> StdioServerParameters:
    variables = {f"CONEXUS_MCP_{name.upper()}": str(value) for name, value in settings.items()}
    arguments = [part for root in roots for part in ("--root", str(root))]
    return StdioServerParameters(
        command=sys.executable,
        args=["-m", "conexus", "mcp", *arguments],
        env={**environment(home), **variables},
    )
