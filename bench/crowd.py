"""Many clients of one engine process over its local socket, each searching, typing and looking up names.

Every client has a connection and an open file of its own. An edit counts until the engine says that all this
client sent is searchable.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections import defaultdict
from typing import TYPE_CHECKING

from attrs import field, frozen

from bench.latency import NAMES, QUESTIONS, cpu_seconds
from conexus.engine.client import EngineClient
from conexus.engine.wire import (
    Buffer,
    BufferClosed,
    EngineError,
    OpenFolder,
    Search,
    StatusOf,
    Symbols,
    WaitFor,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MIX = {"search": 5, "edit": 3, "symbol": 2}
"""Kind of action → how often of ten."""

_ENDING_LOOKS = 400


@frozen
class Crowd:
    """What became of the actions of all clients."""

    milliseconds: dict[str, list[float]] = field(factory=lambda: defaultdict(list))
    errors: list[str] = field(factory=list)
    seconds: list[float] = field(factory=list)
    """How long it all took."""
    cpu: list[tuple[float, float]] = field(factory=list)
    """CPU seconds of the engine and of this process, which is all the clients."""

    @property
    def all(self) -> list[float]:
        """Return the milliseconds of every kind."""
        return [value for values in self.milliseconds.values() for value in values]


class _Client:
    """One connection, its open file, and what it does next."""

    def __init__(self, number: int, connection: EngineClient, root: Path, path: Path) -> None:
        self.connection = connection
        self._root = str(root)
        self._path = str(path)
        self._text = path.read_text("utf-8", "replace")
        self._version = 0
        self._chance = random.Random(number)

    async def act(self, crowd: Crowd, pause: float) -> None:
        """Rest about `pause` seconds, then do one thing and time it."""
        await asyncio.sleep(self._chance.expovariate(1 / pause) if pause else 0)
        kind = self._chance.choices(list(MIX), list(MIX.values()))[0]
        begun = time.perf_counter()
        try:
            await getattr(self, f"_{kind}")()
        except EngineError as error:
            crowd.errors.append(f"{kind}: {error}")
        else:
            crowd.milliseconds[kind].append(1e3 * (time.perf_counter() - begun))

    async def close(self) -> None:
        """Let the file go and leave."""
        self.connection.notify("bufferClosed", BufferClosed(self._path))
        await self.connection.close()

    async def _search(self) -> None:
        question = Search(self._chance.choice(QUESTIONS), roots=(self._root,))
        await self.connection.request("search", question)

    async def _symbol(self) -> None:
        await self.connection.request("symbols", Symbols(self._chance.choice(NAMES), roots=(self._root,)))

    async def _edit(self) -> None:
        self._version += 1
        name = "zq" + "".join(self._chance.choices("bcdfghjklmnpqrstvwxz", k=10))
        text = f"def {name}():\n    return 1\n\n\n{self._text}"
        self.connection.notify("buffer", Buffer(self._path, "python", self._version, text))
        await self.connection.request("wait", WaitFor(self._root))


def meet(root: Path, data: Path, clients: int, actions: int, pauses: Sequence[float]) -> list[Crowd]:
    """Let `clients` of one engine do `actions` each, once for every mean pause between two, in seconds."""
    return asyncio.run(_meet(root.resolve(), data, clients, actions, pauses))


async def _meet(root: Path, data: Path, clients: int, actions: int, pauses: Sequence[float]) -> list[Crowd]:
    first = await EngineClient.connect("bench", data)
    await first.request("open", OpenFolder(str(root)))
    await first.request("wait", WaitFor(str(root), complete=True, timeout_ms=300_000))
    files = [p for p in sorted(root.rglob("*.py")) if 4_000 < p.stat().st_size < 16_000]
    several = [
        _Client(number, await _joined(number, data, root), root, files[number * len(files) // clients])
        for number in range(clients)
    ]
    await asyncio.gather(*(client.act(Crowd(), 1.0) for client in several))
    engine = (await first.request("status", StatusOf())).pid
    crowds = [await _together(several, engine, actions, pause) for pause in pauses]
    for client in several:
        await client.close()
    await first.close()
    await _end(engine)
    return crowds


async def _end(engine: int) -> None:
    """End the engine, and wait until it has let go of its files."""
    os.kill(engine, signal.SIGTERM)
    for _ in range(_ENDING_LOOKS):
        if not os.path.exists(f"/proc/{engine}/fd/0"):  # noqa: PTH110 -- of a process that may end meanwhile
            return
        await asyncio.sleep(0.05)


async def _joined(number: int, data: Path, root: Path) -> EngineClient:
    connection = await EngineClient.connect(f"bench {number}", data)
    await connection.request("open", OpenFolder(str(root)))
    return connection


async def _together(clients: Sequence[_Client], engine: int, actions: int, pause: float) -> Crowd:
    crowd = Crowd()

    async def work(client: _Client) -> None:
        for _ in range(actions):
            await client.act(crowd, pause)

    begun, engine_used, own_used = time.perf_counter(), cpu_seconds(engine), time.process_time()
    await asyncio.gather(*map(work, clients))
    crowd.seconds.append(time.perf_counter() - begun)
    crowd.cpu.append((cpu_seconds(engine) - engine_used, time.process_time() - own_used))
    return crowd
