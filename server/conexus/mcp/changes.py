"""Telling clients which of the resources they watch changed, in both ways the protocol has had."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, OrderedDict
from typing import TYPE_CHECKING, Any

from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ResourceUpdated

from conexus.engine import wire
from conexus.engine.wire import EngineError
from conexus.mcp.resources import STATUS_URI, FileUri

if TYPE_CHECKING:
    import mcp_types as types
    from mcp.server.context import ServerRequestContext

_log = logging.getLogger(__name__)

_MOST_SUBSCRIPTIONS = 1_000
_SEND_SECONDS = 5.0


class Changes:
    """Who watches what. Everything happens in one event loop."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[tuple[str, str], Any] = OrderedDict()
        self._listened: Counter[str] = Counter()
        self._bus = InMemorySubscriptionBus()
        self._streams = ListenHandler(self._bus, max_subscriptions=_MOST_SUBSCRIPTIONS)
        self._due: set[str] = set()
        self._wake = asyncio.Event()

    async def subscribe(self, ctx: ServerRequestContext[Any, Any], uri: str) -> None:
        """Tell this client when `uri` changes. Raises EngineError for what is no resource."""
        if uri != STATUS_URI:
            FileUri.parse(uri)
        self._sessions[_client(ctx), uri] = ctx.session
        if len(self._sessions) > _MOST_SUBSCRIPTIONS:
            self._sessions.popitem(last=False)

    async def unsubscribe(self, ctx: ServerRequestContext[Any, Any], uri: str) -> None:
        """Stop telling."""
        self._sessions.pop((_client(ctx), uri), None)

    async def listen(
        self, ctx: ServerRequestContext[Any, Any], params: types.SubscriptionsListenRequestParams
    ) -> types.SubscriptionsListenResult:
        """Serve one stream of changes until its client goes away."""
        uris = list(params.notifications.resource_subscriptions or ())[:_MOST_SUBSCRIPTIONS]
        self._listened.update(uris)
        try:
            return await self._streams(ctx, params)
        finally:
            self._listened.subtract(uris)
            self._listened += Counter()

    def note(self, event: object) -> None:
        """Take note of an event of the engine."""
        if isinstance(event, wire.FolderStatus):
            changed = {STATUS_URI} & self._watched()
        elif isinstance(event, wire.Changed):
            changed = {uri for uri in self._watched() if _concerns(event, uri)}
        else:
            return
        self._due |= changed
        if self._due:
            self._wake.set()

    async def tell(self) -> None:
        """Tell clients what changed, for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            due, self._due = self._due, set()
            for uri in due:
                if uri in self._listened:
                    await self._bus.publish(ResourceUpdated(uri))
                for key in [key for key in self._sessions if key[1] == uri]:
                    await self._send(key)

    def _watched(self) -> set[str]:
        return {*self._listened, *(uri for _, uri in self._sessions)}

    async def _send(self, key: tuple[str, str]) -> None:
        session = self._sessions.get(key)
        if session is None:
            return
        try:
            async with asyncio.timeout(_SEND_SECONDS):
                await session.send_resource_updated(key[1])
        except Exception as error:  # noqa: BLE001 -- a client that is gone must not end this task
            _log.info("a client that watched %s is gone: %s", key[1], error)
            self._sessions.pop(key, None)


def _client(ctx: ServerRequestContext[Any, Any]) -> str:
    """Return what tells clients apart: the HTTP session; there is one client on stdio."""
    return ctx.request.headers.get("mcp-session-id", "") if ctx.request is not None else ""


def _concerns(event: wire.Changed, uri: str) -> bool:
    try:
        path = FileUri.parse(uri).path
    except EngineError:
        return False
    if not event.path:
        return True
    return path in (event.path, f"{event.root.rstrip('/')}/{event.path}")
