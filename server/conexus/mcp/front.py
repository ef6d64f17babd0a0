"""How the agents' server is started: the engine first, then the protocol's library, which takes a second to load."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from conexus.mcp.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from pathlib import Path

    from conexus.settings import Settings


def serve_stdio(
    roots: Sequence[Path], settings: Settings, data_directory: Path, streams: tuple[int, int]
) -> int:
    """Serve one client on descriptors (in, out) until it goes away; return the exit code."""

    async def serve(workspace: Workspace) -> None:
        build, stdio = await asyncio.to_thread(_load_stdio)
        await stdio(build(workspace), *streams, settings.mcp.message_bytes)

    return asyncio.run(_run(Workspace(roots, settings, data_directory), serve))


def serve_http(
    roots: Sequence[Path],
    settings: Settings,
    data_directory: Path,
    port: int,
    started: Callable[[str], None],
) -> int:
    """Serve clients on a loopback port until the process is told to end; return the exit code.

    `started` is called with the URL. Raises ConexusError if the port is taken.
    """

    async def serve(workspace: Workspace) -> None:
        build, http = await asyncio.to_thread(_load_http)
        await http(build(workspace), settings.mcp, port, started)

    return asyncio.run(_run(Workspace(roots, settings, data_directory), serve))


async def _run(workspace: Workspace, serve: Callable[[Workspace], Coroutine[Any, Any, None]]) -> int:
    workspace.start()
    try:
        await serve(workspace)
    finally:
        await workspace.close()
    return 0


def _load_stdio() -> tuple[Any, Any]:
    from conexus.mcp import server, stdio

    return server.build, stdio.serve


def _load_http() -> tuple[Any, Any]:
    from conexus.mcp import http, server

    return server.build, http.serve
