"""What the editor shows of indexing: a progress bar it can cancel, and ``conexus/statusChanged``."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from typing import TYPE_CHECKING

from attrs import define
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from conexus.lsp import convert, protocol

if TYPE_CHECKING:
    from conexus.engine.wire import FolderStatus
    from conexus.lsp.rpc import Protocol

_BUSY = {"scanning", "indexing"}
_INTERVAL = 0.2  # seconds between two messages about one folder
_PATIENCE = 10.0


@define(eq=False)
class _Bar:
    """One progress bar. It is shown once the client agreed to its token."""

    token: str
    root: str
    latest: FolderStatus
    agreed: bool = False
    ended: bool = False


class Progress:
    """Turns the engine's events into messages to the client, few enough for any client."""

    def __init__(self, connection: Protocol) -> None:
        self._connection = connection
        self._bars: dict[str, _Bar] = {}
        self._told: dict[str, float] = {}
        self._waiting: dict[str, FolderStatus] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.with_bars = False
        """Whether the client can show progress that the server begins."""

    def show(self, status: FolderStatus) -> None:
        """Take note of a folder's state and tell the client, at once or a little later."""
        due = self._told.get(status.root, 0.0) + _INTERVAL - time.monotonic()
        if due <= 0 or status.phase not in _BUSY:
            self._tell(status)
            return
        if status.root not in self._waiting:
            asyncio.get_running_loop().call_later(due, self._tell_waiting, status.root)
        self._waiting[status.root] = status

    def root_of(self, token: object) -> str | None:
        """Return the folder whose progress the user cancelled."""
        return next((bar.root for bar in self._bars.values() if bar.token == token), None)

    def forget(self, root: str) -> None:
        """End the bar of a folder that was closed."""
        self._waiting.pop(root, None)
        self._told.pop(root, None)
        if bar := self._bars.pop(root, None):
            self._end(bar, "closed")

    def _tell_waiting(self, root: str) -> None:
        if status := self._waiting.pop(root, None):
            self._tell(status)

    def _tell(self, status: FolderStatus) -> None:
        self._waiting.pop(status.root, None)
        self._told[status.root] = time.monotonic()
        told = protocol.unstructure(convert.folder_status(status))
        self._connection.notify("conexus/statusChanged", told)
        if self.with_bars:
            self._update_bar(status)

    def _update_bar(self, status: FolderStatus) -> None:
        bar = self._bars.get(status.root)
        if status.phase in _BUSY:
            if bar is None:
                bar = self._bars[status.root] = _Bar(f"conexus-{uuid.uuid4()}", status.root, status)
                task = asyncio.create_task(self._begin(bar))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
                return
            bar.latest = status
            if bar.agreed:
                report = types.WorkDoneProgressReport(message=_message(status), percentage=status.percent)
                self._send(bar, report)
        elif bar is not None:
            del self._bars[status.root]
            self._end(bar, status.phase if status.phase != "ready" else f"{status.files} files")

    async def _begin(self, bar: _Bar) -> None:
        # A client that says no, or nothing, gets no bar; a state that is over by then needs none.
        with contextlib.suppress(JsonRpcException, TimeoutError):
            asked = types.WorkDoneProgressCreateParams(bar.token)
            await self._connection.ask(types.WINDOW_WORK_DONE_PROGRESS_CREATE, asked, _PATIENCE)
            bar.agreed = not bar.ended
        if bar.agreed:
            begin = types.WorkDoneProgressBegin(
                title="Conexus: indexing",
                cancellable=True,
                message=_message(bar.latest),
                percentage=bar.latest.percent,
            )
            self._send(bar, begin)

    def _end(self, bar: _Bar, message: str) -> None:
        bar.ended = True
        if bar.agreed:
            self._send(bar, types.WorkDoneProgressEnd(message=message))

    def _send(self, bar: _Bar, value: object) -> None:
        self._connection.notify(types.PROGRESS, types.ProgressParams(bar.token, value))


def _message(status: FolderStatus) -> str:
    return f"{status.files} files, {status.pending} to go"
