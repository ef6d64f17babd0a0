"""The engine as a process: ``python -m conexus.engine.host DATA_DIRECTORY``.

It serves fronts on a local socket until nobody has needed it for a while, a newer front asks for its place, or
its address is gone. Whoever holds the lock is the engine; a second one ends at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import os
import secrets
import signal
import socket
import sys
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import conexus
from conexus import log, settings
from conexus.domain import ConexusError
from conexus.engine import lifecycle
from conexus.engine.connection import Head, ProtocolError, dump, frame, load, read_frame
from conexus.engine.questions import QUESTIONS
from conexus.engine.wire import NOTICES, REQUESTS, WIRE_VERSION, EngineError, Welcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from filelock import BaseFileLock

    from conexus.engine.service import Front, Service

_log = logging.getLogger("conexus.engine.host")

_QUESTION_THREADS = 8
_REQUEST_THREADS = 4
_WAITING_THREADS = 64
_MOST_IN_FLIGHT = 1_000
_MOST_UNSENT = 16 * 1024 * 1024  # bytes; a front that reads nothing is let go
_GREETING_SECONDS = 10.0
_LOCK_SECONDS = 15.0
_LOOK_SECONDS = 10.0
_GOODBYE_SECONDS = 10.0
_STREAM_LIMIT = 1 << 20
_IN_ORDER = ("open", "close")


class Host:
    """Listens, keeps the sessions, decides when to end."""

    def __init__(self, data_directory: Path, idle_seconds: float, *, loopback: bool = False) -> None:
        self._data_directory = data_directory
        self._idle_seconds = idle_seconds
        self._loopback = loopback
        self._token = secrets.token_hex(32) if loopback else ""
        self._sessions: set[_Session] = set()
        self._last_used = time.monotonic()
        self._finished = asyncio.Event()
        # Whoever asks how far the index is does not wait behind questions.
        self.questions = ThreadPoolExecutor(_QUESTION_THREADS, thread_name_prefix="conexus-question")
        self.requests = ThreadPoolExecutor(_REQUEST_THREADS, thread_name_prefix="conexus-request")
        self.waiting = ThreadPoolExecutor(_WAITING_THREADS, thread_name_prefix="conexus-wait")
        self._service: asyncio.Future[Service] | None = None

    async def serve(self) -> None:
        """Serve until it is time to end."""
        server, address = await self._listen()
        lifecycle.write_address(self._data_directory, address)
        _log.info("engine %s serves %s", conexus.__version__, self._data_directory)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            with contextlib.suppress(NotImplementedError):
                loop.add_signal_handler(number, self.finish)
        self._service = asyncio.ensure_future(
            loop.run_in_executor(self.requests, _make_service, self._data_directory)
        )
        try:
            await self._until_finished(address)
        finally:
            server.close()
            for session in list(self._sessions):
                session.abort()
            self._forget_address(address)
            await self._close_service()

    def pool_for(self, method: str) -> ThreadPoolExecutor:
        """Return the threads that answer requests of this kind."""
        if method == "wait":
            return self.waiting
        return self.questions if method in QUESTIONS else self.requests

    def finish(self) -> None:
        """End soon."""
        self._finished.set()

    async def service(self) -> Service:
        """Return the service, whose libraries take a second to load."""
        assert self._service is not None
        return await asyncio.shield(self._service)

    async def _listen(self) -> tuple[asyncio.Server, lifecycle.Address]:
        facts = (os.getpid(), conexus.__version__, WIRE_VERSION)
        if self._loopback:
            server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=_STREAM_LIMIT)
            port = server.sockets[0].getsockname()[1]
            return server, lifecycle.Address(*facts, "", port, self._token)
        path = lifecycle.socket_path(self._data_directory)
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        with _private_files():
            listener.bind(os.fspath(path))
        server = await asyncio.start_unix_server(self._accept, sock=listener, limit=_STREAM_LIMIT)
        return server, lifecycle.Address(*facts, os.fspath(path))

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = _Session(self, reader, writer)
        self._sessions.add(session)
        try:
            if await self._is_trusted(reader):
                await session.run()
        except (OSError, EOFError, TimeoutError, ProtocolError) as error:
            _log.info("a front left: %s", error or type(error).__name__)
        except Exception:  # noqa: BLE001 -- one connection's failure is not the engine's
            _log.exception("a connection failed")
        finally:
            self._sessions.discard(session)
            self._last_used = time.monotonic()
            session.abort()

    async def _is_trusted(self, reader: asyncio.StreamReader) -> bool:
        if not self._token:
            return True
        async with asyncio.timeout(_GREETING_SECONDS):
            said = await reader.readexactly(len(self._token))
        return hmac.compare_digest(said, self._token.encode("ascii"))

    async def _until_finished(self, address: lifecycle.Address) -> None:
        while not self._finished.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(_LOOK_SECONDS, self._idle_seconds)):
                    await self._finished.wait()
            if lifecycle.read_address(self._data_directory) != address:
                _log.info("our address is gone, so we end")
                return
            if not self._sessions and time.monotonic() - self._last_used > self._idle_seconds:
                _log.info("nobody needs us, so we end")
                return

    def _forget_address(self, address: lifecycle.Address) -> None:
        if lifecycle.read_address(self._data_directory) == address:
            lifecycle.remove_address(self._data_directory)
        if address.socket:
            Path(address.socket).unlink(missing_ok=True)

    async def _close_service(self) -> None:
        # A thread that hangs must not keep the lock from the next engine.
        end = threading.Timer(_GOODBYE_SECONDS, os._exit, args=(1,))
        end.daemon = True
        end.start()
        with contextlib.suppress(Exception):
            service = await self.service()
            await asyncio.to_thread(service.close)
        self.questions.shutdown(wait=False, cancel_futures=True)
        self.requests.shutdown(wait=False, cancel_futures=True)
        self.waiting.shutdown(wait=False, cancel_futures=True)


class _Session:
    """One front's connection, on the engine's side."""

    def __init__(self, host: Host, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._host = host
        self._reader = reader
        self._writer = writer
        self._loop = asyncio.get_running_loop()
        self._answers: deque[list[bytes]] = deque()
        self._unsent = 0
        self._events: dict[str, Head] = {}
        self._mail = asyncio.Event()
        self._cancels: dict[int, threading.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Greet, then take messages until the front leaves."""
        name = await self._greet()
        service = await self._host.service()
        front = service.join(name, self._tell)
        speaking = asyncio.create_task(self._speak())
        try:
            while True:
                head, body = await read_frame(self._reader)
                await self._take(service, front, head, body)
        finally:
            speaking.cancel()
            for cancel in self._cancels.values():
                cancel.set()
            await asyncio.to_thread(service.leave, front)

    def abort(self) -> None:
        """Cut the connection."""
        self._writer.transport.abort()

    async def _greet(self) -> str:
        async with asyncio.timeout(_GREETING_SECONDS):
            head, _ = await read_frame(self._reader)
            if head.get("method") != "hello":
                raise ProtocolError("the first message is not a greeting")
            # By hand, because a front of another version may say more than we know.
            hello = head.get("params") or {}
            welcome = Welcome(WIRE_VERSION, conexus.__version__, os.getpid())
            for part in frame({"id": head.get("id"), "result": dump(welcome)[0]}):
                self._writer.write(part)
            await self._writer.drain()
        if lifecycle.is_newer(str(hello.get("version")), than=conexus.__version__):
            _log.info("a front of version %s takes over", hello.get("version"))
            self._host.finish()
            raise ProtocolError("the front is newer than we are")
        return str(hello.get("name", ""))

    async def _take(self, service: Service, front: Front, head: Head, body: bytes) -> None:
        if "cancel" in head:
            if cancel := self._cancels.get(head["cancel"]):
                cancel.set()
        elif head.get("method") in _IN_ORDER:
            # What comes next may be about that folder.
            await self._answer(service, front, head, body)
        elif "id" in head:
            task = asyncio.create_task(self._answer(service, front, head, body))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            self._notice(service, front, head, body)

    def _notice(self, service: Service, front: Front, head: Head, body: bytes) -> None:
        try:
            service.notice(front, load(head.get("params"), body, NOTICES[head.get("method", "")]))
        except KeyError:
            _log.warning("there is no notice %r", head.get("method"))
        except Exception as error:  # noqa: BLE001 -- one bad notice must not end the front's connection
            _log.warning("a notice could not be taken: %s", error)

    async def _answer(self, service: Service, front: Front, head: Head, body: bytes) -> None:
        """Give exactly one answer, whatever happens."""
        number, method = head["id"], str(head.get("method", ""))
        cancel = threading.Event()
        self._cancels[number] = cancel
        try:
            wanted = _parameters(method, len(self._cancels))
            params: Any = load(head.get("params"), body, wanted)
            pool = self._host.pool_for(method)

            def work() -> list[bytes]:
                result = service.request(front, method, params, cancel.is_set)
                return frame({"id": number, "result": dump(result)[0]})

            parts = await self._loop.run_in_executor(pool, work)
        except EngineError as error:
            parts = _failure(number, error.kind, str(error))
        except ConexusError as error:
            parts = _failure(number, "failed", str(error))
        except Exception as error:  # noqa: BLE001 -- the front must get its answer
            _log.exception("%s failed", method)
            parts = _failure(number, "failed", f"{method} failed inside the engine: {type(error).__name__}")
        finally:
            self._cancels.pop(number, None)
        self._answers.append(parts)
        self._unsent += sum(map(len, parts))
        self._mail.set()
        if self._unsent > _MOST_UNSENT:
            _log.warning("a front reads no answers, so its connection is closed")
            self.abort()

    def _tell(self, name: str, key: str, event: Any) -> None:
        """Send an event, from any thread; only the newest with the same key waits for a slow front."""
        head = {"event": name, "params": dump(event)[0]}
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._keep, f"{name} {key}", head)

    def _keep(self, key: str, head: Head) -> None:
        self._events[key] = head
        self._mail.set()

    async def _speak(self) -> None:
        while True:
            await self._mail.wait()
            self._mail.clear()
            while self._answers or self._events:
                if self._answers:
                    parts = self._answers.popleft()
                    self._unsent -= sum(map(len, parts))
                else:
                    parts = frame(self._events.pop(next(iter(self._events))))
                for part in parts:
                    self._writer.write(part)
                await self._writer.drain()


def _parameters(method: str, in_flight: int) -> type:
    if in_flight > _MOST_IN_FLIGHT:
        raise EngineError("too many requests are waiting; try again later")
    if method not in REQUESTS or method == "hello":
        raise EngineError(f"there is no request {method!r}", kind="invalid")
    return REQUESTS[method][0]


def _failure(number: object, kind: str, message: str) -> list[bytes]:
    return frame({"id": number, "error": {"kind": kind, "message": message}})


def _make_service(data_directory: Path) -> Service:
    from conexus.store.memory import without_collecting

    with without_collecting():
        from conexus.engine.service import Service
        from conexus.store.tables import preload

        # Before any other thread imports: modules that import each other may be seen half made by a second thread.
        preload()
    return Service(data_directory)


@contextlib.contextmanager
def _private_files() -> Iterator[None]:
    before = os.umask(0o177)
    try:
        yield
    finally:
        os.umask(before)


def main(arguments: list[str] | None = None) -> int:
    """Serve a data directory; 0 when done, also if another engine serves it."""
    arguments = sys.argv[1:] if arguments is None else arguments
    data_directory = Path(arguments[0])
    loopback = "--loopback" in arguments or not hasattr(socket, "AF_UNIX")
    log.configure()
    lock = _locked(data_directory)
    if lock is None:
        return 0
    try:
        loaded = settings.load(data_directory)
        idle = loaded.settings.engine.idle_seconds
        asyncio.run(_serve(data_directory, idle, loopback=loopback))
    finally:
        lock.release()
    return 0


async def _serve(data_directory: Path, idle_seconds: float, *, loopback: bool) -> None:
    await Host(data_directory, idle_seconds, loopback=loopback).serve()


def _locked(data_directory: Path) -> BaseFileLock | None:
    """Return the engine's lock, or None if another engine serves that is not about to leave."""
    from filelock import FileLock, Timeout

    lock = FileLock(lifecycle.home_of(data_directory) / lifecycle.LOCK_NAME, mode=0o600)
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            address = lifecycle.read_address(data_directory)
            stays = address is not None and not lifecycle.is_newer(conexus.__version__, than=address.version)
            if stays or time.monotonic() > deadline:
                return None
            time.sleep(0.05)
        else:
            return lock


if __name__ == "__main__":
    sys.exit(main())
