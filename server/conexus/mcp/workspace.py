"""What one agents' server has open: its folders, and the engine that answers about them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from typing import TYPE_CHECKING, Any

from conexus.engine import wire
from conexus.engine.link import Link
from conexus.engine.wire import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from conexus.settings import Settings

_logger = logging.getLogger(__name__)

_OPENING_SECONDS = 20.0
_WARMING_MS = 5_000


class Workspace:
    """The folders of one server. Not for use from several threads: everything happens in one event loop."""

    def __init__(self, roots: Sequence[Path], settings: Settings, data_directory: Path) -> None:
        self.roots = tuple(os.fspath(root) for root in roots)
        self.settings = settings
        self._data_directory = data_directory
        self._link = Link(lambda _client: None, self._on_event)
        self._opening: asyncio.Task[None] | None = None
        self._listeners: list[Callable[[object], None]] = []

    def start(self) -> None:
        """Look for the engine and open the folders, in the background."""
        self._link.start("mcp", self._data_directory)
        self._opening = asyncio.create_task(self._open())

    async def ask(self, method: str, params: Any) -> Any:
        """Return the engine's answer, of the type `wire.REQUESTS` says. Raises EngineError."""
        await self._opened()
        return await self._link.request(method, params)

    async def ask_patiently(self, method: str, params: Any, is_empty: Callable[[Any], bool]) -> Any:
        """Return the engine's answer; an empty one from an index that is being built is asked for again a bit later.

        An agent that gets nothing while an index warms up gives the tool up for good.
        """
        reply = await self.ask(method, params)
        if is_empty(reply) and not reply.completeness.complete:
            # Half of what the request may take: what there is then is still an answer.
            patience = min(_WARMING_MS, int(500 * self.settings.mcp.request_seconds))
            waited = [
                self.ask("wait", wire.WaitFor(root, complete=True, timeout_ms=patience))
                for root in params.roots or self.roots
            ]
            await asyncio.gather(*waited)
            reply = await self.ask(method, params)
        return reply

    def root(self, named: str | None) -> tuple[str, ...]:
        """Return the folders a request is about: all of them, or the one it names by path or last part.

        Raises EngineError for a name that is none of them.
        """
        if not named:
            return self.roots
        called = named.rstrip("/\\")
        found = [root for root in self.roots if called in (root, os.path.basename(root))]  # noqa: PTH119
        if len(found) != 1:
            raise EngineError(
                f"root {named!r} is not one of the opened folders: {', '.join(self.roots)}", "invalid"
            )
        return (found[0],)

    def listen(self, listener: Callable[[object], None]) -> None:
        """Call `listener` with every event of the engine, in the event loop."""
        self._listeners.append(listener)

    async def close(self) -> None:
        """Say goodbye to the engine."""
        if self._opening is not None:
            self._opening.cancel()
        await self._link.close()

    async def _opened(self) -> None:
        """Wait until all folders are open; one that could not be opened is tried again, and its error raised."""
        if self._opening is None or (self._opening.done() and _failed(self._opening)):
            self._opening = asyncio.create_task(self._open())
        try:
            # Not wait_for: in Python 3.11 it loses a cancellation that comes as it ends.
            async with asyncio.timeout(_OPENING_SECONDS):
                await asyncio.shield(self._opening)
        except TimeoutError:
            reason = f"the engine did not open the folders within {_OPENING_SECONDS:.0f} seconds; try again"
            raise EngineError(reason, kind="unreachable") from None

    async def _open(self) -> None:
        for root in self.roots:
            await self._link.request("open", wire.OpenFolder(root, changes=True))

    def _on_event(self, _name: str, event: object) -> None:
        for listener in self._listeners:
            with contextlib.suppress(Exception):
                listener(event)


def _failed(task: asyncio.Task[None]) -> bool:
    return task.cancelled() or task.exception() is not None
