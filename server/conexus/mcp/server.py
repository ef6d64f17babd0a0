"""The server: which request goes to which function. It is the same over stdio and HTTP."""

from __future__ import annotations

import asyncio
import contextlib
from functools import cache
from importlib import resources as package_files
from typing import TYPE_CHECKING, Any, TypeVar

import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError

import conexus
from conexus.engine.wire import EngineError
from conexus.mcp import prompts, resources
from conexus.mcp.changes import Changes
from conexus.mcp.completions import completed
from conexus.mcp.limits import Slots
from conexus.mcp.tools import TOOLS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

    from mcp.server.context import ServerRequestContext

    from conexus.mcp.workspace import Workspace

    Context = ServerRequestContext[Any, Any]

T = TypeVar("T")

_RESOURCE_ERROR = types.INVALID_PARAMS
_SERVER_ERROR = types.INTERNAL_ERROR
_CLIENTS_FAULT = ("invalid", "outside", "missing", "withheld", "ambiguous")


def build(workspace: Workspace) -> Server[Any]:
    """Return the server of a workspace; to be called in the event loop that runs it."""
    handlers = _Handlers(workspace)
    return Server(
        "conexus",
        version=conexus.__version__,
        title="Conexus code search",
        description="Find code by meaning, always current, on your own machine.",
        instructions=instructions(),
        lifespan=handlers.lifespan,
        on_list_tools=handlers.list_tools,
        on_call_tool=handlers.call_tool,
        on_list_resources=handlers.list_resources,
        on_list_resource_templates=handlers.list_templates,
        on_read_resource=handlers.read_resource,
        on_subscribe_resource=handlers.subscribe,
        on_unsubscribe_resource=handlers.unsubscribe,
        on_subscriptions_listen=handlers.changes.listen,
        on_list_prompts=handlers.list_prompts,
        on_get_prompt=handlers.get_prompt,
        on_completion=handlers.complete,
    )


def instructions() -> str:
    """Return what agents are told about the tools."""
    return package_files.files("conexus.mcp").joinpath("instructions.md").read_text("utf-8")


@cache
def _definitions() -> list[types.Tool]:
    return [tool.definition() for tool in TOOLS.values()]


class _Handlers:
    """One short function for each request."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.slots = Slots(workspace.settings.mcp)
        self.changes = Changes()
        workspace.listen(self.changes.note)

    @contextlib.asynccontextmanager
    async def lifespan(self, _server: Server[Any]) -> AsyncIterator[dict[str, Any]]:
        """Tell of changes for as long as the server runs."""
        telling = asyncio.create_task(self.changes.tell())
        try:
            yield {}
        finally:
            telling.cancel()

    async def list_tools(self, _ctx: Context, _params: object) -> types.ListToolsResult:
        return types.ListToolsResult(tools=_definitions())

    async def call_tool(self, _ctx: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        tool = TOOLS.get(params.name)
        if tool is None:
            known = ", ".join(TOOLS)
            raise MCPError(types.INVALID_PARAMS, f"there is no tool {params.name[:100]}; there are {known}")
        return await tool.call(self.workspace, self.slots, params.arguments or {})

    async def list_resources(
        self, _ctx: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListResourcesResult:
        return await self._answered(resources.listed(self.workspace, params.cursor if params else None))

    async def list_templates(self, _ctx: Context, _params: object) -> types.ListResourceTemplatesResult:
        return types.ListResourceTemplatesResult(resource_templates=[resources.TEMPLATE])

    async def read_resource(
        self, _ctx: Context, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        return await self._answered(resources.content(self.workspace, str(params.uri)))

    async def subscribe(self, ctx: Context, params: types.SubscribeRequestParams) -> types.EmptyResult:
        await self._answered(self.changes.subscribe(ctx, str(params.uri)))
        return types.EmptyResult()

    async def unsubscribe(self, ctx: Context, params: types.UnsubscribeRequestParams) -> types.EmptyResult:
        await self.changes.unsubscribe(ctx, str(params.uri))
        return types.EmptyResult()

    async def list_prompts(self, _ctx: Context, _params: object) -> types.ListPromptsResult:
        return types.ListPromptsResult(prompts=[prompt.definition() for prompt in prompts.PROMPTS.values()])

    async def get_prompt(self, _ctx: Context, params: types.GetPromptRequestParams) -> types.GetPromptResult:
        return await self._answered(prompts.filled(self.workspace, params.name, params.arguments or {}))

    async def complete(self, _ctx: Context, params: types.CompleteRequestParams) -> types.CompleteResult:
        return types.CompleteResult(completion=await self._answered(completed(self.workspace, params)))

    async def _answered(self, work: Awaitable[T]) -> T:
        """Return what `work` does within the limits; its errors are the protocol's, with their kind as data."""
        try:
            async with self.slots.take():
                return await work
        except EngineError as error:
            code = _RESOURCE_ERROR if error.kind in _CLIENTS_FAULT else _SERVER_ERROR
            raise MCPError(code, str(error), {"kind": error.kind}) from None
