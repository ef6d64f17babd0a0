"""Many clients of one engine process over its local socket, each searching, typing and looking up names.

Every client has a connection and an open file of its own. An edit counts until the engine says that all this
client sent is searchable. Clients come in two ways: at a pace of their own, whether or not they were answered
(an open loop: who waits does not ask less, and waiting counts from when somebody wanted to ask), and one action
after the other without a pause (a closed loop: how much the engine does at most).

The clients share the engine's cores, so they do little: no reply is taken apart.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import signal
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

import conexus
from bench.latency import NAMES, QUESTIONS, cpu_seconds
from conexus.engine import lifecycle
from conexus.engine.client import EngineClient
from conexus.engine.connection import dump, frame
from conexus.engine.wire import (
    WIRE_VERSION,
    Buffer,
    BufferClosed,
    Hello,
    OpenFolder,
    Search,
    StatusOf,
    Symbols,
    WaitFor,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Sequence

MIX = {"search": 5, "edit": 3, "symbol": 2}
"""Kind of action → how often of ten."""

_ENDING_LOOKS = 400
_LENGTHS = 8  # bytes before a frame
_MOST_TOLD = 120  # characters of an error


@frozen
class Crowd:
    """What became of the actions of all clients."""

    milliseconds: dict[str, list[float]] = field(factory=lambda: defaultdict(list))
    errors: list[str] = field(factory=list)
    seconds: list[float] = field(factory=list)
    """How long it all took."""
    cpu: list[tuple[float, float, float]] = field(factory=list)
    """CPU seconds of the engine, of the processes it started, and of this process, which is all the clients."""
    others: list[float] = field(factory=list)
    """CPU seconds that the rest of the machine used meanwhile."""

    @property
    def all(self) -> list[float]:
        """Return the milliseconds of every kind."""
        return [value for values in self.milliseconds.values() for value in values]


class _Line:
    """A connection to the engine that looks at nothing of an answer but its number and whether it is an error."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._numbers = itertools.count(1)
        self._waiting: dict[bytes, asyncio.Future[bytes]] = {}
        self._listening = asyncio.create_task(self._listen())

    async def ask(self, method: str, params: object) -> bytes:
        """Return the answer's head as it came."""
        number = next(self._numbers)
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[b"%d" % number] = answer
        self._send({"id": number, "method": method}, params)
        return await answer

    def tell(self, method: str, params: object) -> None:
        """Send a notice."""
        self._send({"method": method}, params)

    def close(self) -> None:
        """Leave."""
        self._listening.cancel()
        self._writer.close()

    def _send(self, head: dict[str, Any], params: object) -> None:
        plain, body = dump(params)
        self._writer.write(b"".join(frame({**head, "params": plain}, body)))

    async def _listen(self) -> None:
        while True:
            lengths = await self._reader.readexactly(_LENGTHS)
            head = await self._reader.readexactly(
                int.from_bytes(lengths[:4], "big") + int.from_bytes(lengths[4:], "big")
            )
            if head.startswith(b'{"id":'):
                self._waiting.pop(head[6 : head.index(b",")]).set_result(head)


class _Client:
    """One connection, its open file, and what it does next."""

    def __init__(self, number: int, line: _Line, root: Path, path: Path) -> None:
        self._line = line
        self._root = str(root)
        self._path = str(path)
        self._text = path.read_text("utf-8", "replace")
        self._version = 0
        self._chance = random.Random(number)

    def arrivals(self, pause: float, seconds: float) -> Iterator[float]:
        """Yield the moments, in seconds from now, in which this client wants something: a Poisson process."""
        moment = self._chance.expovariate(1 / pause)
        while moment < seconds:
            yield moment
            moment += self._chance.expovariate(1 / pause)

    async def act(self, crowd: Crowd, wanted: float | None = None) -> None:
        """Do one thing and time it from `wanted`, a moment of `time.perf_counter`, or from now."""
        kind = self._chance.choices(list(MIX), list(MIX.values()))[0]
        begun = time.perf_counter() if wanted is None else wanted
        answer = await getattr(self, f"_{kind}")()
        if b',"error":' in answer[:30] or b'"timed_out":true' in answer[-_MOST_TOLD:]:
            crowd.errors.append(f"{kind}: {answer[:_MOST_TOLD].decode()}")
        else:
            crowd.milliseconds[kind].append(1e3 * (time.perf_counter() - begun))

    def close(self) -> None:
        """Let the file go and leave."""
        self._line.tell("bufferClosed", BufferClosed(self._path))
        self._line.close()

    async def _search(self) -> bytes:
        return await self._line.ask("search", Search(self._chance.choice(QUESTIONS), roots=(self._root,)))

    async def _symbol(self) -> bytes:
        return await self._line.ask("symbols", Symbols(self._chance.choice(NAMES), roots=(self._root,)))

    async def _edit(self) -> bytes:
        self._version += 1
        name = "zq" + "".join(self._chance.choices("bcdfghjklmnpqrstvwxz", k=10))
        text = f"def {name}():\n    return 1\n\n\n{self._text}"
        self._line.tell("buffer", Buffer(self._path, "python", self._version, text))
        return await self._line.ask("wait", WaitFor(self._root))


async def _at_their_pace(clients: Sequence[_Client], crowd: Crowd, pause: float, seconds: float) -> None:
    begun = time.perf_counter()

    async def when_wanted(client: _Client, moment: float) -> None:
        await asyncio.sleep(begun + moment - time.perf_counter())
        await client.act(crowd, begun + moment)

    wanted = [(client, moment) for client in clients for moment in client.arrivals(pause, seconds)]
    await asyncio.gather(*(when_wanted(*one) for one in wanted))


async def _without_pause(clients: Sequence[_Client], crowd: Crowd, actions: int) -> None:
    async def work(client: _Client) -> None:
        for _ in range(actions):
            await client.act(crowd)

    await asyncio.gather(*map(work, clients))


@frozen
class Load:
    """What is asked of the engine."""

    clients: int
    pause: float
    """Mean seconds between two actions of a client at its own pace, exponentially distributed."""
    seconds: float
    """How long they act at their own pace."""
    actions: int
    """Of each client without a pause, after that."""


def meet(root: Path, data: Path, load: Load) -> tuple[Crowd, Crowd]:
    """Return what became of the actions at the clients' own pace, and of those without a pause."""
    return asyncio.run(_meet(root.resolve(), data, load))


async def _meet(root: Path, data: Path, load: Load) -> tuple[Crowd, Crowd]:
    first = await EngineClient.connect("bench", data)
    await first.request("open", OpenFolder(str(root)))
    await first.request("wait", WaitFor(str(root), complete=True, timeout_ms=300_000))
    files = [p for p in sorted(root.rglob("*.py")) if 4_000 < p.stat().st_size < 16_000]
    several = [
        _Client(number, await _joined(number, data, root), root, files[number * len(files) // load.clients])
        for number in range(load.clients)
    ]
    engine = (await first.request("status", StatusOf())).pid
    await _at_their_pace(several, Crowd(), load.pause, 2 * load.pause)
    paced = await _measured(engine, lambda crowd: _at_their_pace(several, crowd, load.pause, load.seconds))
    hurried = await _measured(engine, lambda crowd: _without_pause(several, crowd, load.actions))
    for client in several:
        client.close()
    await first.close()
    await _end(engine)
    return paced, hurried


async def _joined(number: int, data: Path, root: Path) -> _Line:
    address = lifecycle.read_address(data)
    assert address is not None
    line = _Line(*await lifecycle.connect(address))
    await line.ask("hello", Hello(WIRE_VERSION, conexus.__version__, os.getpid(), f"bench {number}"))
    await line.ask("open", OpenFolder(str(root)))
    return line


async def _measured(engine: int, work: Callable[[Crowd], Coroutine[Any, Any, None]]) -> Crowd:
    crowd = Crowd()
    begun, machine, before = time.perf_counter(), _machine(), _cpu(engine)
    await work(crowd)
    crowd.seconds.append(time.perf_counter() - begun)
    of_engine, of_workers, own = (after - used for after, used in zip(_cpu(engine), before, strict=True))
    crowd.cpu.append((of_engine, of_workers, own))
    crowd.others.append(max(0.0, _machine() - machine - of_engine - of_workers - own))
    return crowd


def _cpu(engine: int) -> tuple[float, float, float]:
    """Return the CPU seconds of the engine, of the processes it started, and of this process."""
    children = Path(f"/proc/{engine}/task/{engine}/children").parent.parent.glob("*/children")
    started = [int(pid) for listed in children for pid in listed.read_text().split()]
    return cpu_seconds(engine), sum(map(cpu_seconds, started)), time.process_time()


def _machine() -> float:
    """Return the CPU seconds that everything on this machine has used."""
    user, nice, system = Path("/proc/stat").read_text().split()[1:4]
    return (int(user) + int(nice) + int(system)) / os.sysconf("SC_CLK_TCK")


async def _end(engine: int) -> None:
    """End the engine, and wait until it has let go of its files."""
    os.kill(engine, signal.SIGTERM)
    for _ in range(_ENDING_LOOKS):
        if not os.path.exists(f"/proc/{engine}/fd/0"):  # noqa: PTH110 -- of a process that may end meanwhile
            return
        await asyncio.sleep(0.05)
