"""A front's end of the connection: requests, notices and events, across deaths of the engine.

It remembers which folders and buffers the front has open and tells them again to each new engine, so that a
front never learns that there was another one, unless none can be had.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import time
from typing import TYPE_CHECKING, Any

from attrs import define, field

import conexus
from conexus.engine import lifecycle
from conexus.engine.connection import LARGEST_FRAME, ProtocolError, dump, frame, load, read_frame
from conexus.engine.wire import (
    EVENTS,
    NOTICES,
    REQUESTS,
    WIRE_VERSION,
    Buffer,
    BufferClosed,
    CloseFolder,
    EngineError,
    Hello,
    OpenFolder,
    Touched,
    WaitFor,
    Welcome,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_log = logging.getLogger(__name__)

_START_SECONDS = 20.0
_RESPAWN_SECONDS = 2.0
_GREETING_SECONDS = 10.0
_REQUEST_SECONDS = 60.0
_WAIT_MARGIN_SECONDS = 10.0
_BACK_OFF = (0.0, 0.1, 0.5, 1.0, 2.0, 5.0)
"""Seconds before the next attempt, by how many engines died without answering anything; then we give up."""
_COOL_DOWN_SECONDS = 5.0
_MOST_IN_FLIGHT = 1_000
_MOST_TOUCHED = 5_000
_LARGEST_TEXT = LARGEST_FRAME // 8
_TRIES = 2


class EngineClient:
    """One front's connection. Not for use from several threads: everything happens in one event loop."""

    def __init__(self, name: str, data_directory: Path, on_event: Callable[[str, object], None]) -> None:
        self._name = name
        self._data_directory = data_directory
        self._on_event = on_event
        self._numbers = itertools.count(1)
        self._folders: dict[str, OpenFolder] = {}
        self._buffers: dict[str, Buffer] = {}
        self._pending: dict[int, _Pending] = {}
        self._outbox = _Outbox()
        self._link: _Link | None = None
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._wanted = asyncio.Event()
        self._failures = 0
        self._task: asyncio.Task[None] | None = None

    @classmethod
    async def connect(
        cls,
        name: str,
        data_directory: Path,
        *,
        on_event: Callable[[str, object], None] = lambda _name, _event: None,
    ) -> EngineClient:
        """Return a client of the engine for `data_directory`, starting one if none runs.

        `name` says who the front is. `on_event` is called in the event loop and must not block. Raises
        EngineError if no engine can be had.
        """
        client = cls(name, data_directory, on_event)
        client._task = asyncio.create_task(client._run())
        try:
            await client._ready
        except BaseException:
            await client.close()
            raise
        return client

    async def request(self, method: str, params: Any) -> Any:
        """Return the engine's answer, of the type `wire.REQUESTS` says.

        Cancelling the caller tells the engine to stop. Raises EngineError; never waits for ever.
        """
        if self._task is None or self._task.done():
            raise EngineError("the connection to the engine is closed", kind="unreachable")
        if len(self._pending) >= _MOST_IN_FLIGHT:
            raise EngineError("too many requests are waiting for the engine; try again later")
        pending = _Pending(next(self._numbers), method, params)
        self._remember(params)
        self._pending[pending.number] = pending
        self._outbox.put(("request", pending.number), pending)
        self._wanted.set()
        try:
            async with asyncio.timeout(_patience(params)):
                return await pending.answer
        except TimeoutError:
            self._give_up(pending)
            raise EngineError(f"the engine did not answer {method} in time", kind="timeout") from None
        except asyncio.CancelledError:
            self._give_up(pending)
            raise
        finally:
            self._pending.pop(pending.number, None)

    def notify(self, method: str, params: Any) -> None:
        """Tell the engine something without waiting; a newer text of a path replaces an older unsent one."""
        assert isinstance(params, NOTICES[method])
        if isinstance(params, Buffer) and len(params.text) > _LARGEST_TEXT:
            _log.warning("%s is too large to be sent to the engine", params.path)
            method, params = "bufferClosed", BufferClosed(params.path)
        key = _key_of(params)
        if isinstance(params, Buffer):
            self._buffers[params.path] = params
        elif isinstance(params, BufferClosed):
            self._buffers.pop(params.path, None)
        elif isinstance(params, Touched) and isinstance(waiting := self._outbox.get(key), _Notice):
            params = self._joined(waiting.params, params)
        # What an engine to come must know is told again from memory; the rest it finds by itself.
        if self._link is not None:
            self._outbox.put(key, _Notice(method, params))

    async def close(self) -> None:
        """Say goodbye; requests that still wait fail. Idempotent."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError, EngineError):
                await self._task
        self._fail_all(EngineError("the connection to the engine was closed", kind="unreachable"))

    # -- staying connected ------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            try:
                link = await self._establish()
            except EngineError as error:
                await self._rest(error)
                continue
            if not self._ready.done():
                self._ready.set_result(None)
            try:
                await self._converse(link)
            except (OSError, EOFError, ProtocolError) as error:
                _log.info("the engine went away: %s", error or type(error).__name__)
            finally:
                self._link = None
                link.writer.close()
            self._failures = 0 if link.answered else self._failures + 1
            self._drop_tried()
            if self._failures >= len(_BACK_OFF):
                self._failures = 0
                await self._rest(
                    EngineError(f"the engine keeps ending; see {_log_hint()}", kind="unreachable")
                )
            else:
                await asyncio.sleep(_BACK_OFF[self._failures])

    async def _rest(self, error: EngineError) -> None:
        """Fail what waits, and try again when there is a new request, but not at once."""
        if not self._ready.done():
            self._ready.set_exception(error)
        self._fail_all(error)
        self._wanted.clear()
        await asyncio.sleep(_COOL_DOWN_SECONDS)
        await self._wanted.wait()

    async def _establish(self) -> _Link:
        deadline = time.monotonic() + _START_SECONDS
        spawned = lifecycle.spawned_at(self._data_directory)
        while True:
            address = lifecycle.read_address(self._data_directory)
            if address is not None:
                with contextlib.suppress(OSError, EOFError, ProtocolError, TimeoutError, _OldEngineError):
                    return await self._greet(address)
            now = time.monotonic()
            if now > deadline:
                who = f"process {address.pid} does not answer" if address else "it does not start"
                raise EngineError(f"the engine cannot be reached: {who}; see {_log_hint()}", "unreachable")
            if now - spawned > _RESPAWN_SECONDS:
                try:
                    await asyncio.to_thread(lifecycle.spawn, self._data_directory)
                except OSError as error:
                    raise EngineError(f"the engine cannot be started: {error}", "unreachable") from error
                spawned = now
            await asyncio.sleep(0.02)

    async def _greet(self, address: lifecycle.Address) -> _Link:
        async with asyncio.timeout(_GREETING_SECONDS):
            reader, writer = await lifecycle.connect(address)
            link = _Link(reader, writer)
            try:
                hello = Hello(WIRE_VERSION, conexus.__version__, os.getpid(), self._name)
                link.send({"id": 0, "method": "hello", "params": dump(hello)[0]})
                head, _ = await read_frame(reader)
                _check_versions(_welcome_of(_result_of(head)))
            except BaseException:
                writer.close()
                raise
        return link

    async def _converse(self, link: _Link) -> None:
        """Tell the engine all it must know, then speak and listen until the connection ends."""
        self._outbox.clear()
        for folder in self._folders.values():
            self._outbox.put(("open", folder.root), _Pending(next(self._numbers), "open", folder))
        for buffer in self._buffers.values():
            self._outbox.put(_key_of(buffer), _Notice("buffer", buffer))
        for pending in self._pending.values():
            self._outbox.put(("request", pending.number), pending)
        self._link = link
        speaking = asyncio.create_task(self._speak(link))
        try:
            while True:
                head, body = await read_frame(link.reader)
                link.answered = True
                self._hear(head, body)
        finally:
            speaking.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await speaking

    async def _speak(self, link: _Link) -> None:
        try:
            while True:
                item = await self._outbox.take()
                if isinstance(item, _Pending):
                    item.tries += 1
                link.send(*item.message())
                await link.writer.drain()
        finally:
            # Whatever ended the speaking, the listening must end too.
            link.writer.close()

    def _hear(self, head: dict[str, Any], body: bytes) -> None:
        if "event" in head:
            self._announce(head)
            return
        pending = self._pending.get(head.get("id", 0))
        if pending is None or pending.answer.done():
            return
        try:
            result: Any = load(_result_of(head), body, REQUESTS[pending.method][1])
        except EngineError as error:
            if pending.method == "open":
                self._folders.pop(pending.params.root, None)
            pending.answer.set_exception(error)
        else:
            pending.answer.set_result(result)

    def _announce(self, head: dict[str, Any]) -> None:
        wanted = EVENTS.get(head["event"])
        if wanted is None:
            return
        try:
            self._on_event(head["event"], load(head.get("params"), b"", wanted))
        except Exception:  # noqa: BLE001 -- whatever a front does with an event, the connection lives on
            _log.exception("an event could not be handled")

    # -- what is remembered -----------------------------------------------------------------------------

    def _remember(self, params: Any) -> None:
        if isinstance(params, OpenFolder):
            self._folders[params.root] = params
        elif isinstance(params, CloseFolder):
            self._folders.pop(params.root, None)

    def _joined(self, waiting: Touched, more: Touched) -> Touched:
        paths = tuple(dict.fromkeys((*waiting.paths, *more.paths)))
        # So many are cheaper to find by looking at everything.
        awaited = waiting.awaited or more.awaited
        return Touched(paths if len(paths) <= _MOST_TOUCHED else tuple(self._folders), awaited)

    def _give_up(self, pending: _Pending) -> None:
        if not self._outbox.drop(("request", pending.number)) and self._link is not None:
            self._outbox.put(("cancel", pending.number), _Cancel(pending.number))

    def _drop_tried(self) -> None:
        """Fail requests that were sent to two engines that died: they may be the reason."""
        for pending in self._pending.values():
            if pending.tries >= _TRIES and not pending.answer.done():
                reason = f"the engine ended twice while it answered {pending.method}; see {_log_hint()}"
                pending.answer.set_exception(EngineError(reason))

    def _fail_all(self, error: EngineError) -> None:
        for pending in self._pending.values():
            if not pending.answer.done():
                pending.answer.set_exception(error)


class _OldEngineError(Exception):
    """An older engine answered; it is about to leave."""


@define(eq=False)
class _Link:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    answered: bool = False

    def send(self, head: dict[str, Any], body: bytes = b"") -> None:
        for part in frame(head, body):
            self.writer.write(part)


@define(eq=False)
class _Pending:
    number: int
    method: str
    params: Any
    answer: asyncio.Future[Any] = field(factory=lambda: asyncio.get_running_loop().create_future())
    tries: int = 0

    def message(self) -> tuple[dict[str, Any], bytes]:
        params, body = dump(self.params)
        return {"id": self.number, "method": self.method, "params": params}, body


@define(eq=False)
class _Notice:
    method: str
    params: Any

    def message(self) -> tuple[dict[str, Any], bytes]:
        params, body = dump(self.params)
        return {"method": self.method, "params": params}, body


@define(eq=False)
class _Cancel:
    number: int

    def message(self) -> tuple[dict[str, Any], bytes]:
        return {"cancel": self.number}, b""


_Item = _Pending | _Notice | _Cancel


class _Outbox:
    """What waits to be sent, in order; an item with the key of a waiting one takes its place."""

    def __init__(self) -> None:
        self._items: dict[tuple[str, Any], _Item] = {}
        self._filled = asyncio.Event()

    def put(self, key: tuple[str, Any], item: _Item) -> None:
        self._items[key] = item
        self._filled.set()

    def get(self, key: tuple[str, Any]) -> _Item | None:
        return self._items.get(key)

    def drop(self, key: tuple[str, Any]) -> bool:
        return self._items.pop(key, None) is not None

    def clear(self) -> None:
        self._items.clear()

    async def take(self) -> _Item:
        while not self._items:
            self._filled.clear()
            await self._filled.wait()
        return self._items.pop(next(iter(self._items)))


def _key_of(params: Any) -> tuple[str, Any]:
    # Of a path only the newest text counts, and whether it is open: both share one place.
    return ("text", params.path) if isinstance(params, Buffer | BufferClosed) else ("touched", None)


def _patience(params: Any) -> float:
    if isinstance(params, WaitFor):
        return params.timeout_ms / 1000 + _WAIT_MARGIN_SECONDS
    return _REQUEST_SECONDS


def _result_of(head: dict[str, Any]) -> Any:
    if (error := head.get("error")) is not None:
        raise EngineError(str(error.get("message")), kind=str(error.get("kind")))
    return head.get("result")


def _welcome_of(result: Any) -> Welcome:
    # By hand, because an engine of another version may say more than we know.
    try:
        return Welcome(int(result["wire"]), str(result["version"]), int(result["pid"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ProtocolError(f"not a greeting: {result!r}") from error


def _check_versions(welcome: Welcome) -> None:
    if lifecycle.is_newer(conexus.__version__, than=welcome.version):
        raise _OldEngineError
    if welcome.wire != WIRE_VERSION:
        if welcome.wire < WIRE_VERSION:
            raise _OldEngineError
        raise EngineError(
            f"Conexus {welcome.version} is running and this is {conexus.__version__}: restart this editor",
            kind="outdated",
        )


def _log_hint() -> str:
    from conexus.log import FILE_NAME, state_directory

    return f"{state_directory() / FILE_NAME} and {lifecycle.OUTPUT_NAME} beside it"
