from __future__ import annotations

import asyncio
import os
import time

import pytest

from conexus import stdio


def wait_until(reached: object, seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not reached():  # type: ignore[operator]
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


@pytest.fixture
def pipe() -> tuple[int, int]:
    return os.pipe()


def stuffed(output: stdio.Output) -> None:
    """Fill the pipe and its writer, so that whatever is sent next waits."""
    for _ in range(4):
        output.send(b"#" * 65_536)
    wait_until(lambda: output._bytes < 4 * 65_536)


def read_all(descriptor: int) -> bytes:
    data = b""
    while block := os.read(descriptor, 65_536):
        data += block
    return data


def closed(output: stdio.Output, pipe: tuple[int, int]) -> bytes:
    """Return everything the client reads until the end."""
    import threading

    found: list[bytes] = []
    reader = threading.Thread(target=lambda: found.append(read_all(pipe[0])))
    reader.start()
    output.close(5)
    os.close(pipe[1])
    reader.join(5)
    return found[0]


def test_messages_arrive_in_order(pipe: tuple[int, int]) -> None:
    output = stdio.Output(pipe[1])
    for number in range(100):
        output.send(b"%d " % number)
    assert closed(output, pipe) == b"".join(b"%d " % number for number in range(100))


def test_states_a_slow_client_has_not_read_take_the_room_of_one(pipe: tuple[int, int]) -> None:
    output = stdio.Output(pipe[1])
    stuffed(output)
    before = output._bytes
    for number in range(10_000):
        output.send(b"state %05d;" % number, key="status")
    assert output._bytes == before + len(b"state 00000;")
    output.send(b"answer;")
    assert closed(output, pipe).lstrip(b"#") == b"state 09999;answer;"


def test_answers_are_never_dropped_and_say_when_too_much_waits(pipe: tuple[int, int]) -> None:
    output = stdio.Output(pipe[1])
    assert not output.full
    for _ in range(10):
        output.send(b"x" * 1024 * 1024)
    assert output.full
    assert len(closed(output, pipe)) == 10 * 1024 * 1024
    assert not output.full


def test_a_client_that_went_away_costs_nothing(pipe: tuple[int, int]) -> None:
    output = stdio.Output(pipe[1])
    os.close(pipe[0])
    output.send(b"x")
    wait_until(lambda: output.broken)
    for _ in range(20):
        output.send(b"x" * 1024 * 1024)
    wait_until(lambda: output._bytes == 0)
    assert not output.full


def test_input_ends_with_an_empty_block(pipe: tuple[int, int]) -> None:
    async def read() -> list[bytes]:
        incoming = stdio.Input(pipe[0])
        os.write(pipe[1], b"abc")
        first = await incoming.block()
        os.close(pipe[1])
        return [first, await incoming.block()]

    assert asyncio.run(read()) == [b"abc", b""]


def test_input_reads_only_so_far_ahead(pipe: tuple[int, int]) -> None:
    async def read() -> int:
        incoming = stdio.Input(pipe[0])
        os.set_blocking(pipe[1], False)
        written = 0
        for _ in range(200):
            try:
                written += os.write(pipe[1], b"x" * 65_536)
            except BlockingIOError:
                await asyncio.sleep(0.005)
        os.close(pipe[1])
        taken = 0
        while block := await incoming.block():
            taken += len(block)
        assert taken == written
        return written

    assert asyncio.run(read()) < 4 * 1024 * 1024
