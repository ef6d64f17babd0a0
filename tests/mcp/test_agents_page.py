"""docs/agents.md: each configuration is tried, and the tables are what the code has."""

from __future__ import annotations

import json
import re
import tomllib
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from mcp.client.stdio import StdioServerParameters, stdio_client
from tests.lsp.editor import environment
from tests.mcp.agents import Agent, closing

from conexus.cli.mcp import mcp as command
from conexus.mcp.http import _PATH
from conexus.mcp.prompts import PROMPTS
from conexus.mcp.tools import TOOLS

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "agents.md").read_text("utf-8")
CLIENTS = {
    part.split("\n", 1)[0]: part
    for part in re.split(r"^### ", PAGE.split("\n## Tools")[0], flags=re.MULTILINE)[1:]
}
SECTIONS = {"VS Code": "servers", "Zed": "context_servers", "Codex": "mcp_servers", "opencode": "mcp"}
"""Where a client's file lists servers; elsewhere it is mcpServers."""


def block(client: str) -> dict[str, Any]:
    found = re.findall(r"```(json|toml)\n(.*?)```", CLIENTS[client], re.DOTALL)
    assert len(found) == 1
    language, text = found[0]
    parsed = json.loads(text) if language == "json" else tomllib.loads(text)
    assert list(parsed) == [SECTIONS.get(client, "mcpServers")]
    servers = next(iter(parsed.values()))
    assert list(servers) == ["conexus"]
    server = servers["conexus"]
    assert isinstance(server, dict)
    return server


def command_line(server: dict[str, Any]) -> list[str]:
    said = server["command"]
    return [*said, *server.get("args", [])] if isinstance(said, list) else [said, *server["args"]]


LOCAL = [client for client in CLIENTS if "HTTP" not in client]


def test_the_common_clients_are_there() -> None:
    wanted = {"Claude Code", "Codex", "Cursor", "VS Code", "Zed", "Gemini CLI", "Windsurf", "Continue"}
    assert wanted <= set(CLIENTS)
    assert re.search(r"`[^`]+\.(?:json|toml)`", CLIENTS["Codex"])


@pytest.mark.parametrize("client", LOCAL)
def test_a_configuration_is_a_command_line_of_ours(client: str, tmp_path: Path) -> None:
    program, name, *arguments = command_line(block(client))
    assert (program, name) == ("conexus", "mcp")
    filled = [re.sub(r"^(?:\$\{\w+\}|/path/to/project)$", str(tmp_path), part) for part in arguments]
    context = command.make_context("mcp", filled)
    assert context.params["roots"] in ((), (tmp_path,))
    assert not context.params["http"]


@pytest.mark.asyncio
async def test_the_configurations_start_the_server(tmp_path: Path, folder_of: Callable[[str], Path]) -> None:
    """Each that differs is started as its client would, in the project or with the project as its root."""
    root = folder_of("//- /lamp.py\ndef lamp(): ...\n")
    tried = set()
    for client in LOCAL:
        line = [
            re.sub(r"^(?:\$\{\w+\}|/path/to/project)$", str(root), part)
            for part in command_line(block(client))
        ]
        if tuple(line) in tried:
            continue
        tried.add(tuple(line))
        transport = stdio_client(
            StdioServerParameters(command=line[0], args=line[1:], env=environment(tmp_path), cwd=root)
        )
        async with AsyncExitStack() as stack:
            agent = await closing(stack, await Agent(transport).start())
            await agent.settled()
            assert (await agent.call("search", query="lamp"))["hits"][0]["path"] == "lamp.py"
    assert len(tried) == 2


def test_the_configuration_for_http_is_what_is_served() -> None:
    server = block("Any client, over HTTP")
    options = {option.name: option.default for option in command.params}
    assert server["url"] == f"http://127.0.0.1:{options['port']}{_PATH}"
    assert server["headers"] == {"Authorization": "Bearer ${CONEXUS_TOKEN}"}


def rows(heading: str) -> list[str]:
    part = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE)


def test_every_tool_and_prompt_is_documented() -> None:
    assert rows("Tools") == list(TOOLS)
    for name in PROMPTS:
        assert f"`{name}`" in PAGE


def test_every_kind_of_error_is_documented() -> None:
    """Kinds are words handed to EngineError or `failed`, wherever an agent's question may lead."""
    source = "".join(
        path.read_text("utf-8")
        for folder in ("mcp", "engine")
        for path in (ROOT / "server" / "conexus" / folder).rglob("*.py")
    )
    said = set(re.findall(r"kind=\"(\w+)\"", source)) | set(re.findall(r"failed\(\"(\w+)\"", source))
    assert said - {"failed"} <= set(rows("Errors"))
    assert set(rows("Errors")) >= {
        "invalid",
        "outside",
        "missing",
        "withheld",
        "ambiguous",
        "pattern",
        "failed",
    }
