"""Frames and typed messages."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conexus.domain import Span
from conexus.engine.connection import LARGEST_FRAME, ProtocolError, dump, frame, load, read_frame
from conexus.engine.wire import Buffer, Completeness, Reply, Search, WaitFor, WireHit


def read(data: bytes) -> tuple[dict[str, object], bytes]:
    async def reading() -> tuple[dict[str, object], bytes]:
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        reader.feed_eof()
        return await read_frame(reader)

    return asyncio.run(reading())


@given(st.text(st.characters()), st.binary())
def test_frames_come_back(text: str, body: bytes) -> None:
    assert read(b"".join(frame({"text": text}, body))) == ({"text": text}, body)


def test_paths_that_are_not_utf8_come_back() -> None:
    plain, body = dump(Search("x", paths=("\udce9t\udce9",)))
    head, body = read(b"".join(frame(plain, body)))
    assert load(head, body, Search).paths == ("\udce9t\udce9",)


@pytest.mark.parametrize("text", ["plain", "é\u2028\U0001f600", "lone \ud800 surrogate", ""])
def test_text_of_buffers_travels_as_bytes(text: str) -> None:
    buffer = Buffer("/a.py", "python", 3, text)
    plain, body = dump(buffer)
    assert "text" not in plain
    assert load(plain, body, Buffer) == buffer


def test_replies_come_back() -> None:
    hit = WireHit("/a", "/", "a", Span(0, 1, 1, 1), 1, "x", "", "text", "text", 1.0, ("why",), None)
    reply = Reply((hit,), 3, Completeness(True, 1, 0, 100, "ready"), (), 1.5, {"words": ["x"]})
    assert load(dump(reply)[0], b"", Reply) == reply


@pytest.mark.parametrize(
    ("plain", "said"),
    [
        ({"text": 5}, "params.text"),
        ({}, "params.text"),
        ({"text": "x", "limit": "9"}, "params.limit"),
        ({"text": "x", "limit": True}, "params.limit"),
        ({"text": "x", "unknown": 1}, "unknown"),
        ([], "Search"),
        (None, "Search"),
    ],
)
def test_wrong_fields_are_named(plain: object, said: str) -> None:
    with pytest.raises(ProtocolError, match=said) as caught:
        load(plain, b"", Search)
    assert caught.value.kind == "invalid"


def test_numbers_are_numbers() -> None:
    assert load({"timeout_ms": 5}, b"", WaitFor).timeout_ms == 5
    with pytest.raises(ProtocolError):
        load({"timeout_ms": 5.5}, b"", WaitFor)


@pytest.mark.parametrize(
    "data",
    [
        LARGEST_FRAME.to_bytes(4, "big") + (1).to_bytes(4, "big"),
        b"\xff" * 8,
        (4).to_bytes(4, "big") + bytes(4) + b"nope",
        (2).to_bytes(4, "big") + bytes(4) + b"[]",
        (60_000).to_bytes(4, "big") + bytes(4) + b"[" * 60_000,
    ],
)
def test_what_is_not_our_protocol_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        read(data)


def test_a_cut_frame_is_the_end() -> None:
    with pytest.raises(asyncio.IncompleteReadError):
        read(b"".join(frame({"id": 1}))[:-3])
