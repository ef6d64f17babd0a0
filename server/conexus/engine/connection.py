"""Messages on a local stream: framing and typed conversion, the same on both ends.

A frame is two lengths (unsigned 32 bit, network order), a JSON object and raw bytes. The bytes are the text of
a `Buffer`: encoding a large text as UTF-8 costs a tenth of encoding it as JSON, and editors pay it per edit.

The JSON object is one of::

    {"id": 7, "method": "search", "params": {...}}      a request, answered exactly once
    {"cancel": 7}                                       the answer to 7 is no longer wanted
    {"method": "touched", "params": {...}}              a notice
    {"id": 7, "result": {...}}                          an answer
    {"id": 7, "error": {"kind": "...", "message": ""}}  an answer that is an error
    {"event": "status", "params": {...}}                what the engine tells by itself
"""

from __future__ import annotations

import json
import struct
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from conexus.engine.wire import Buffer, EngineError

if TYPE_CHECKING:
    import asyncio

    from cattrs import Converter

Head = dict[str, Any]
T = TypeVar("T")

LARGEST_FRAME = 128 * 1024 * 1024
"""Bytes; what is larger is an attack or a bug, and ends the connection."""

_LENGTHS = struct.Struct(">II")


class ProtocolError(EngineError):
    """The other side sent something that is not our protocol."""


def frame(head: Head, body: bytes = b"") -> list[bytes]:
    """Return the parts of a frame, to be written one after the other."""
    encoded = json.dumps(head, separators=(",", ":")).encode("ascii")
    return [_LENGTHS.pack(len(encoded), len(body)), encoded, body]


async def read_frame(reader: asyncio.StreamReader) -> tuple[Head, bytes]:
    """Return the next frame. Raises ProtocolError, and IncompleteReadError at the end of the stream."""
    head_size, body_size = _LENGTHS.unpack(await reader.readexactly(_LENGTHS.size))
    if head_size + body_size > LARGEST_FRAME:
        raise ProtocolError(f"a message of {head_size + body_size} bytes is too large")
    encoded = await reader.readexactly(head_size)
    body = await reader.readexactly(body_size)
    try:
        head = json.loads(encoded)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"a message is not JSON: {error}") from error
    if not isinstance(head, dict):
        raise ProtocolError("a message is not a JSON object")
    return head, body


def dump(value: Any) -> tuple[Any, bytes]:
    """Return a wire object as JSON values and, for a Buffer, its text as bytes."""
    if isinstance(value, Buffer):
        plain = {"path": value.path, "language": value.language, "version": value.version}
        return plain, value.text.encode("utf-8", "surrogatepass")
    return _converter().unstructure(value), b""


def load(plain: Any, body: bytes, wanted: type[T]) -> T:
    """Return the wire object of type `wanted`; raises ProtocolError naming every wrong field."""
    from cattrs import transform_error

    try:
        if wanted is Buffer:
            plain = {**plain, "text": body.decode("utf-8", "surrogatepass")}
        return _converter().structure(plain, wanted)
    except Exception as error:
        reasons = "; ".join(transform_error(error, path="params"))
        raise ProtocolError(f"{wanted.__name__}: {reasons}", kind="invalid") from error


@cache
def _converter() -> Converter:
    from cattrs import Converter

    # cattrs converts generously ("3" would be a number, any object a string); the wire takes what it says.
    converter = Converter(forbid_extra_keys=True)
    for exact in (bool, int, str):
        converter.register_structure_hook(exact, _exactly)
    converter.register_structure_hook(float, _number)
    return converter


def _exactly(value: Any, wanted: type) -> Any:
    # type() and not isinstance(): true is an int in Python.
    if type(value) is not wanted:
        raise ValueError(f"expected {wanted.__name__}, not {type(value).__name__}")
    return value


def _number(value: Any, _: type) -> float:
    if type(value) not in (int, float):
        raise ValueError(f"expected a number, not {type(value).__name__}")
    return float(value)
