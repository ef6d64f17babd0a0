from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conexus.lsp.framing import LARGEST_BODY, FrameError, Frames

HEADS = [
    "Content-Length: {}\r\n\r\n",
    "content-length: {}\r\n\r\n",
    "CONTENT-LENGTH:{}\r\n\r\n",
    "Content-Type: application/vscode-jsonrpc; charset=utf-8\r\nContent-Length: {}\r\n\r\n",
    "Content-Length: {} \r\ncontent-type: x\r\n\r\n",
    "Content-Length: {}\n\n",
]
BODIES = st.lists(st.tuples(st.sampled_from(HEADS), st.binary(max_size=40)), max_size=6)


def framed(head: str, body: bytes) -> bytes:
    return head.format(len(body)).encode() + body


def fed(data: bytes, cuts: list[int]) -> list[bytes | FrameError]:
    frames, found, begin = Frames(), [], 0
    for end in [*sorted(cut % (len(data) + 1) for cut in cuts), len(data)]:
        found += frames.feed(data[begin:end])
        begin = end
    return found


@given(messages=BODIES, cuts=st.lists(st.integers(0, 1000), max_size=8))
def test_bodies_come_out_however_the_bytes_arrive(messages: list[tuple[str, bytes]], cuts: list[int]) -> None:
    data = b"".join(framed(head, body) for head, body in messages)
    assert fed(data, cuts) == [body for _, body in messages]


@pytest.mark.parametrize(
    "bad",
    [
        b"Content-Length: 99999999999999999999\r\n\r\n",
        f"Content-Length: {LARGEST_BODY + 1}\r\n\r\n".encode(),
        b"Content-Length: -5\r\n\r\n",
        b"Content-Length: 0x10\r\n\r\n",
        b"Content-Length:\r\n\r\n",
        b"Content-Type: text\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\r\n\r\n",
        b"x" * 9000,
    ],
)
@pytest.mark.parametrize("cut", [0, 5, 20])
def test_after_a_head_that_is_none_the_next_message_is_read(bad: bytes, cut: int) -> None:
    data = framed(HEADS[0], b"first") + bad + framed(HEADS[1], b"next")
    found = fed(data, [cut, len(data) - cut])
    assert [body for body in found if isinstance(body, bytes)] == [b"first", b"next"]
    assert sum(isinstance(body, FrameError) for body in found) == 1


@given(st.binary(max_size=300), st.lists(st.integers(0, 400), max_size=6))
def test_any_bytes_end_in_bodies_or_errors(data: bytes, cuts: list[int]) -> None:
    for frame in fed(data, cuts):
        assert isinstance(frame, bytes | FrameError)


def test_what_is_skipped_is_not_held() -> None:
    frames = Frames()
    list(frames.feed(b"Content-Length: 999999999999\r\n\r\n"))
    for _ in range(100):
        assert list(frames.feed(b"x" * 100_000)) == []
    assert len(frames._held) < 100
