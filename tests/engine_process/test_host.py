"""The engine as a process: one of it, found by all, gone when nobody needs it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import stat
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.engine_process.engine_world import World, alive, eventually, play, soon

import conexus
from conexus.engine import lifecycle
from conexus.engine.client import EngineClient
from conexus.engine.connection import frame
from conexus.engine.wire import (
    Buffer,
    CloseFolder,
    EngineError,
    OpenFolder,
    Pause,
    Search,
    StatusOf,
    WaitFor,
)

FLAMINGO = "def flamingo_dance(steps):\n    '''Dance like a flamingo.'''\n    return steps * 2\n"
WALRUS = "def walrus_song(verses):\n    '''Sing what walruses sing.'''\n    return verses + 1\n"


def test_two_editors_see_each_others_texts(world: World) -> None:
    world.write("a.py", WALRUS)

    async def scenario() -> None:
        async with world.editor() as one, world.editor() as two:
            version = one.type("b.py", FLAMINGO)
            await one.settle()
            assert await two.first("flamingo dance") == ("b.py", version, FLAMINGO)
            status = await two.status()
            assert status.fronts == 2
            assert [folder.buffers for folder in status.folders] == [1]
            assert status.pid == world.address().pid
            assert status.latencies["search"]["count"] >= 1
            assert status.latencies["edit"]["p95"] > 0
            assert status.memory > 1_000_000

    play(scenario)


def test_two_starters_get_one_engine(world: World) -> None:
    async def scenario() -> None:
        clients = await asyncio.gather(*(EngineClient.connect(f"c{n}", world.data) for n in range(4)))
        pids = {(await client.request("status", StatusOf())).pid for client in clients}
        assert len(pids) == 1
        for client in clients:
            await client.close()

    play(scenario)
    # A second host by hand ends at once and by itself.
    extra = subprocess.run(
        [sys.executable, "-m", "conexus.engine.host", os.fspath(world.data)], timeout=30, check=False
    )
    assert extra.returncode == 0
    assert alive(world.address().pid)


def test_killed_engine_is_replaced_and_told_again(world: World) -> None:
    world.write("a.py", WALRUS)

    async def scenario() -> None:
        async with world.editor() as editor:
            version = editor.type("a.py", FLAMINGO)
            await editor.settle()
            killed = world.kill()
            version = editor.type("a.py", f"# again\n{FLAMINGO}")
            await editor.settle(complete=True)
            path, shown, text = await editor.first("flamingo dance")
            assert (path, shown) == ("a.py", version)
            assert "flamingo" in text
            assert world.address().pid != killed

    play(scenario)


def test_killed_while_indexing_carries_on(world: World) -> None:
    for number in range(120):
        world.write(f"m{number}.py", "\n".join(f"def f{number}_{i}(x):\n    return x\n" for i in range(40)))
    world.write("last.py", FLAMINGO)

    async def scenario() -> None:
        async with world.client() as client:
            await client.request("open", OpenFolder(world.path(""), watch=False))
            await asyncio.sleep(1.2)
            world.kill()
            done = await client.request("wait", WaitFor(complete=True, timeout_ms=60_000))
            assert not done.timed_out
            reply = await client.request("search", Search("flamingo dance"))
            assert reply.hits[0].relative == "last.py"
            assert reply.completeness.files == 121

    play(scenario)


def test_requests_in_flight_survive_a_kill(world: World) -> None:
    world.write("a.py", WALRUS)

    async def scenario() -> None:
        async with world.editor() as editor:
            asked = [asyncio.create_task(editor.search("walrus song")) for _ in range(20)]
            await asyncio.sleep(0)
            world.kill()
            replies = await asyncio.gather(*asked)
            assert len(replies) == 20
            await editor.settle(complete=True)
            assert (await editor.first("walrus song"))[0] == "a.py"

    play(scenario)


OLD_HOST = """
import sys, conexus
conexus.__version__ = "0.0.1"
from conexus.engine import host
sys.exit(host.main(sys.argv[1:]))
"""


def test_a_newer_front_takes_over(world: World) -> None:
    world.write("a.py", WALRUS)
    old = subprocess.Popen([sys.executable, "-c", OLD_HOST, os.fspath(world.data)])
    try:
        assert eventually(lambda: lifecycle.read_address(world.data) is not None)
        assert world.address().version == "0.0.1"

        async def scenario() -> None:
            async with world.editor() as editor:
                assert (await editor.first("walrus song"))[0] == "a.py"
                assert world.address().version == conexus.__version__

        play(scenario)
        assert old.wait(timeout=30) == 0
    finally:
        old.kill()


def test_an_older_front_joins_what_runs(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with world.client():
            pid = world.address().pid
            with monkeypatch.context() as patch:
                patch.setattr(conexus, "__version__", "0.0.1")
                async with world.client() as older:
                    assert (await older.request("status", StatusOf())).pid == pid

    play(scenario)


def test_a_front_of_an_older_wire_is_told_to_restart(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with world.client():
            with monkeypatch.context() as patch:
                patch.setattr("conexus.engine.client.WIRE_VERSION", 0)
                with pytest.raises(EngineError, match="restart this editor") as caught:
                    await EngineClient.connect("old", world.data)
                assert caught.value.kind == "outdated"

    play(scenario)


def test_ends_when_nobody_needs_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONEXUS_ENGINE_IDLE_SECONDS", "0.3")
    world.write("a.py", WALRUS)

    async def scenario() -> None:
        async with world.editor():
            await asyncio.sleep(1)
            assert alive(world.address().pid)

    play(scenario)
    assert eventually(lambda: lifecycle.read_address(world.data) is None)
    assert eventually(lambda: not world.processes())
    assert not list(lifecycle.socket_path(world.data).parent.glob("*.sock"))


def test_ends_when_its_address_is_gone(world: World) -> None:
    async def scenario() -> None:
        async with world.client():
            pid = world.address().pid
            lifecycle.remove_address(world.data)
            assert await asyncio.to_thread(eventually, lambda: not alive(pid))

    play(scenario)


def test_ends_politely_when_asked(world: World) -> None:
    async def scenario() -> None:
        async with world.client():
            pass

    play(scenario)
    world.kill(signal.SIGTERM)
    assert lifecycle.read_address(world.data) is None


def test_the_socket_is_private(world: World) -> None:
    async def scenario() -> None:
        async with world.client():
            path = Path(world.address().socket)
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700

    play(scenario)


def test_a_loopback_port_asks_for_the_token(world: World) -> None:
    world.write("a.py", WALRUS)
    host = subprocess.Popen(
        [sys.executable, "-m", "conexus.engine.host", os.fspath(world.data), "--loopback"],
        cwd=lifecycle.home_of(world.data),
    )
    try:
        assert eventually(lambda: lifecycle.read_address(world.data) is not None)
        address = world.address()
        assert not address.socket
        with socket.create_connection(("127.0.0.1", address.port), timeout=10) as stranger:
            stranger.sendall(b"0" * len(address.token) + b"".join(frame({"id": 0, "method": "hello"})))
            assert stranger.recv(100) == b""

        async def scenario() -> None:
            async with world.editor() as editor:
                assert (await editor.first("walrus song"))[0] == "a.py"

        play(scenario)
    finally:
        host.terminate()
        host.wait()


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\xff" * 100,
        b"".join(frame({"id": 1, "method": "search"})),
        b"".join(frame({"id": 1, "method": "hello", "params": {"version": "nonsense"}}))
        + b"\0\0\0\4\0\0\0\0[[[[",
        b"",
    ],
)
def test_noise_ends_only_its_own_connection(world: World, data: bytes) -> None:
    async def scenario() -> None:
        async with world.client() as client:
            with socket.socket(socket.AF_UNIX) as noisy:
                noisy.settimeout(20)
                noisy.connect(world.address().socket)
                noisy.sendall(data)
                noisy.shutdown(socket.SHUT_WR)
                await asyncio.to_thread(drain, noisy)
            assert (await client.request("status", StatusOf())).fronts >= 1

    play(scenario)


def drain(connection: socket.socket) -> None:
    try:
        while connection.recv(1 << 16):
            pass
    except OSError:
        pass


class Raw:
    """A connection without a client's help."""

    def __init__(self, world: World) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(world.address().socket)
        self.send({"id": 0, "method": "hello", "params": {"version": conexus.__version__, "name": "raw"}})
        assert "result" in self.receive()

    def send(self, head: dict[str, object], body: bytes = b"") -> None:
        self.socket.sendall(b"".join(frame(head, body)))

    def receive(self) -> dict[str, object]:
        head, body = struct.unpack(">II", self._exactly(8))
        found = json.loads(self._exactly(head))
        self._exactly(body)
        return found

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            assert more
            data += more
        return data


def test_every_request_gets_exactly_one_answer(world: World) -> None:
    world.write("a.py", WALRUS)

    async def scenario() -> None:
        async with world.editor():
            raw = await asyncio.to_thread(Raw, world)
            raw.send({"id": 1, "method": "open", "params": {"root": world.path(""), "watch": False}})
            raw.send({"method": "nonsense", "params": {}})
            raw.send({"method": "buffer", "params": {"path": 5}})
            raw.send({"cancel": 99})
            raw.send({"id": 2, "method": "nonsense", "params": {}})
            raw.send({"id": 3, "method": "search", "params": {"text": 5}})
            raw.send({"id": 4, "method": "search", "params": {"text": "walrus", "roots": ["/nowhere"]}})
            raw.send({"id": 5, "method": "hello", "params": {}})
            for number in range(10, 110):
                raw.send({"id": number, "method": "search", "params": {"text": f"walrus song {number}"}})
                if number % 3 == 0:
                    raw.send({"cancel": number})
            raw.send({"id": 200, "method": "status", "params": {}})
            answers: dict[int, dict[str, object]] = {}
            while len(answers) < 106:
                answer = await asyncio.to_thread(raw.receive)
                if "event" not in answer:
                    assert answer["id"] not in answers
                    answers[answer["id"]] = answer  # type: ignore[index]
            kinds = {
                number: answer["error"]["kind"] for number, answer in answers.items() if "error" in answer
            }  # type: ignore[index]
            assert {number: kinds[number] for number in (2, 3, 4, 5)} == dict.fromkeys(
                (2, 3, 4, 5), "invalid"
            )
            assert set(kinds.values()) <= {"invalid", "cancelled"}
            assert all("result" in answers[number] for number in range(10, 110) if number % 3)
            raw.socket.close()

    play(scenario)


def test_a_hundred_requests_with_cancellations(world: World) -> None:
    world.write("a.py", WALRUS)

    async def scenario() -> None:
        async with world.editor() as editor:
            asked = [asyncio.create_task(editor.search(f"walrus song {n}")) for n in range(100)]
            await asyncio.sleep(0.02)
            for task in asked[::3]:
                task.cancel()
            results = await asyncio.gather(*asked, return_exceptions=True)
            assert all(not isinstance(result, EngineError) for result in results)
            kept = [result for result in results if not isinstance(result, asyncio.CancelledError)]
            assert len(kept) >= 66
            assert all(reply.hits[0].relative == "a.py" for reply in kept)  # type: ignore[union-attr]

    play(scenario)


def test_a_wait_can_be_cancelled_and_times_out(world: World) -> None:
    world.write("a.py", WALRUS)

    async def scenario() -> None:
        async with world.editor() as editor:
            wait = asyncio.create_task(editor.client.request("wait", WaitFor(revision=10**6)))
            await asyncio.sleep(0.2)
            wait.cancel()
            with pytest.raises(asyncio.CancelledError):
                await wait
            done = await editor.client.request("wait", WaitFor(revision=10**6, timeout_ms=50))
            assert done.timed_out

    play(scenario)


def test_a_front_that_reads_nothing_is_let_go(world: World) -> None:
    text = "\n".join(f"def walrus_{i}():\n    return '{'the walrus sings ' * 40}'\n" for i in range(60))
    for number in range(8):
        world.write(f"m{number}.py", text)

    async def scenario() -> None:
        async with world.editor() as editor:
            deaf = await asyncio.to_thread(Raw, world)
            deaf.send({"id": 1, "method": "open", "params": {"root": world.path(""), "watch": False}})
            before = (await editor.status()).memory

            def flood() -> None:
                try:
                    for number in range(2, 900):
                        deaf.send(
                            {
                                "id": number,
                                "method": "search",
                                "params": {"text": "walrus", "limit": 400, "explain": True},
                            }
                        )
                except OSError:
                    pass

            flooding = asyncio.create_task(asyncio.to_thread(flood))

            async def let_go() -> bool:
                return (await editor.status()).fronts == 1

            assert await soon(let_go, seconds=80)
            await flooding
            assert (await editor.status()).memory < before + 400_000_000
            deaf.socket.close()

    play(scenario)


def test_what_is_no_folder_is_refused(world: World) -> None:
    async def scenario() -> None:
        async with world.client() as client:
            with pytest.raises(EngineError, match="not a directory"):
                await client.request("open", OpenFolder(world.path("missing")))
            with pytest.raises(EngineError, match="is not open"):
                await client.request("close", CloseFolder(world.path("")))
            # Told again to a new engine, it would only fail again.
            world.kill()
            assert (await client.request("status", StatusOf())).folders == ()

    play(scenario)


def test_an_engine_that_cannot_start_is_an_error(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conexus.engine.client._START_SECONDS", 0.5)
    monkeypatch.setattr(lifecycle, "spawn", lambda _: None)

    async def scenario() -> None:
        with pytest.raises(EngineError, match="does not start") as caught:
            await EngineClient.connect("test", world.data)
        assert caught.value.kind == "unreachable"

    play(scenario)


def test_an_engine_that_keeps_ending_is_an_error(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conexus.engine.client._BACK_OFF", (0.0, 0.0))
    monkeypatch.setattr("conexus.engine.client._START_SECONDS", 4.0)
    monkeypatch.setattr("conexus.engine.client._COOL_DOWN_SECONDS", 0.1)

    async def scenario() -> None:
        async with world.client() as client:
            await client.request("status", StatusOf())
            host = lifecycle.spawn

            def spawn_and_kill(data: Path) -> None:
                host(data)
                assert eventually(lambda: lifecycle.read_address(data) is not None)
                time.sleep(0.05)

            monkeypatch.setattr(lifecycle, "spawn", spawn_and_kill)

            async def killer() -> None:
                while True:
                    if (address := lifecycle.read_address(world.data)) and alive(address.pid):
                        os.kill(address.pid, signal.SIGKILL)
                    await asyncio.sleep(0.01)

            killing = asyncio.create_task(killer())
            with pytest.raises(EngineError) as caught:
                await client.request("wait", WaitFor(revision=10**6, timeout_ms=100_000))
            assert caught.value.kind in {"unreachable", "failed"}
            killing.cancel()
            monkeypatch.setattr(lifecycle, "spawn", host)
            # And when the trouble is over, so is the error.
            assert (await client.request("status", StatusOf())).pid

    play(scenario)


def test_a_closed_client_says_so(world: World) -> None:
    async def scenario() -> None:
        async with world.client() as client:
            waiting = asyncio.create_task(client.request("wait", WaitFor(revision=9)))
            await asyncio.sleep(0.1)
        with pytest.raises(EngineError):
            await waiting
        with pytest.raises(EngineError, match="closed"):
            await client.request("status", StatusOf())
        await client.close()

    play(scenario)


def test_notices_do_not_pile_up(world: World) -> None:
    async def scenario() -> None:
        async with world.client() as client:
            for version in range(1000):
                client.notify("buffer", Buffer("/somewhere/a.py", "", version, "x" * 1000))
            assert len(client._outbox._items) == 1
            waiting = client._outbox._items.copy()
            assert next(iter(waiting.values())).params.version == 999  # type: ignore[union-attr]

    play(scenario)


def test_folders_close_when_nobody_has_them_open(world: World) -> None:
    world.write("a.py", WALRUS)

    async def scenario() -> None:
        async with world.client() as client, world.editor() as editor:
            await client.request("open", OpenFolder(world.path(""), watch=False))
            await client.request("close", CloseFolder(world.path("")))
            assert (await editor.first("walrus song"))[0] == "a.py"
            await editor.client.request("close", CloseFolder(world.path("")))

            async def closed() -> bool:
                return not (await client.request("status", StatusOf())).folders

            assert await soon(closed)
            with pytest.raises(EngineError, match="is not open"):
                await client.request("pause", Pause(world.path("")))
            await client.request("open", OpenFolder(world.path(""), watch=False))
            await client.request("wait", WaitFor(complete=True))
            assert (await client.request("search", Search("walrus song"))).hits

    play(scenario)
