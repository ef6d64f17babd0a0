"""The way to the engine: found in the background, looked for again when asked, never waited for without end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any

from conexus.engine.client import EngineClient
from conexus.engine.wire import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_logger = logging.getLogger(__name__)

_PATIENCE_SECONDS = 30.0
_GOODBYE_SECONDS = 1.0


class Link:
    """One front's connection. `joined` is called with each new client before anything is asked of it."""

    def __init__(
        self, joined: Callable[[EngineClient], None], on_event: Callable[[str, object], None]
    ) -> None:
        self._joined = joined
        self._on_event = on_event
        self._name = ""
        self._data_directory: Path | None = None
        self._connecting: asyncio.Task[EngineClient] | None = None

    @property
    def client(self) -> EngineClient | None:
        """The client, once there is one."""
        task = self._connecting
        return task.result() if task and task.done() and not _failed(task) else None

    def start(self, name: str, data_directory: Path) -> None:
        """Begin to connect on behalf of `name`."""
        self._name, self._data_directory = name, data_directory
        self._connecting = asyncio.create_task(self._connect())

    async def request(self, method: str, params: Any) -> Any:
        """Ask the engine; raises EngineError when none can be had or it says no."""
        task = self._connecting
        if task is None or (task.done() and _failed(task)):
            self._connecting = task = asyncio.create_task(self._connect())
        try:
            # Who is cancelled stops waiting; the others wait for the same connection.
            async with asyncio.timeout(_PATIENCE_SECONDS):
                client = await asyncio.shield(task)
        except TimeoutError:
            reason = (
                f"the engine did not start within {_PATIENCE_SECONDS:.0f} seconds; try again, or see the log"
            )
            raise EngineError(reason, kind="unreachable") from None
        return await client.request(method, params)

    def notify(self, method: str, params: Any) -> None:
        """Tell the engine something, if there is one: a new one looks for itself."""
        if self.client is not None:
            self.client.notify(method, params)

    async def close(self) -> None:
        """Say goodbye, for at most a second."""
        client, task = self.client, self._connecting
        if task is not None:
            task.cancel()
        if client is not None:
            with contextlib.suppress(TimeoutError, EngineError):
                async with asyncio.timeout(_GOODBYE_SECONDS):
                    await client.close()

    async def _connect(self) -> EngineClient:
        assert self._data_directory is not None
        client = await EngineClient.connect(self._name, self._data_directory, on_event=self._on_event)
        self._joined(client)
        return client


def _failed(task: asyncio.Task[EngineClient]) -> bool:
    if task.cancelled():
        return True
    # Asking for the exception also says that somebody has seen it.
    return task.exception() is not None
