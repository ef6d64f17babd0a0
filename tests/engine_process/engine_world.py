from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from conexus.engine import lifecycle
from conexus.engine.client import EngineClient
from conexus.engine.wire import Buffer, OpenFolder, Search, StatusOf, WaitFor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator

    from conexus.engine.wire import EngineStatus, Reply


class World:
    """A user's machine: a data directory, a folder, and the engine that serves them."""

    def __init__(self, tmp_path: Path) -> None:
        self.data = tmp_path / "data"
        self.root = tmp_path / "project"
        self.root.mkdir()

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    def path(self, name: str) -> str:
        return os.fspath(self.root / name)

    def address(self) -> lifecycle.Address:
        address = lifecycle.read_address(self.data)
        assert address is not None
        return address

    def kill(self, how: int = signal.SIGKILL) -> int:
        pid = self.address().pid
        # It may be dead already, and its successor not there yet.
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, how)
        assert eventually(lambda: not alive(pid))
        return pid

    def processes(self) -> set[int]:
        """Return every process that stands in our data directory: the engine and its workers."""
        found = set()
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                if (entry / "cwd").readlink().is_relative_to(self.data):
                    found.add(int(entry.name))
        return found

    @contextlib.asynccontextmanager
    async def client(self, name: str = "test", **options: Any) -> AsyncIterator[EngineClient]:
        client = await EngineClient.connect(name, self.data, **options)
        try:
            yield client
        finally:
            await client.close()

    @contextlib.asynccontextmanager
    async def editor(self, *, watch: bool = False, **settings: Any) -> AsyncIterator[Editor]:
        """Connect, open the folder and wait until all of it can be searched."""
        async with self.client() as client:
            editor = Editor(self, client)
            await client.request("open", OpenFolder(self.path(""), settings, watch))
            await editor.settle(complete=True)
            yield editor


class Editor:
    """What a front does, in short words."""

    def __init__(self, world: World, client: EngineClient) -> None:
        self.world = world
        self.client = client
        self.version = 0

    async def settle(self, *, complete: bool = False) -> None:
        done = await self.client.request("wait", WaitFor(complete=complete))
        assert not done.timed_out

    def type(self, name: str, text: str) -> int:
        self.version += 1
        self.client.notify("buffer", Buffer(self.world.path(name), "", self.version, text))
        return self.version

    async def search(self, text: str, **options: Any) -> Reply:
        return await self.client.request("search", Search(text, **options))

    async def first(self, text: str, **options: Any) -> tuple[str, int | None, str]:
        """Return path, version and excerpt of the best hit."""
        hits = (await self.search(text, **options)).hits
        assert hits
        return hits[0].relative, hits[0].version, hits[0].excerpt

    async def status(self) -> EngineStatus:
        return await self.client.request("status", StatusOf())


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def eventually(condition: Callable[[], Any], seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return bool(condition())  # this process itself may have been kept from running for all that time


async def soon(condition: Callable[[], Coroutine[Any, Any, Any]], seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if await condition():
            return True
        await asyncio.sleep(0.05)
    return bool(await condition())


def play(scenario: Callable[[], Coroutine[Any, Any, None]], seconds: float = 90.0) -> None:
    """Run an asynchronous scenario; none may hang."""

    async def limited() -> None:
        async with asyncio.timeout(seconds):
            await scenario()

    asyncio.run(limited())


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("CONEXUS_STATE_DIR", os.fspath(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", os.fspath(tmp_path / "config"))
    monkeypatch.setenv("CONEXUS_INDEX_WORKERS", "1")
    place = World(tmp_path)
    yield place
    for pid in place.processes():
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGTERM)
    # Nothing that we started may outlive its engine.
    assert eventually(lambda: not place.processes()), place.processes()
