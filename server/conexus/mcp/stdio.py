"""One client on stdin and stdout: a message a line."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

import anyio
import mcp_types as types
from mcp.shared.message import SessionMessage

from conexus.stdio import Input, Output

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
    from mcp.server.lowlevel import Server

_log = logging.getLogger(__name__)

_FULL_SECONDS = 0.01
_GOODBYE_SECONDS = 2.0


async def serve(server: Server[Any], incoming: int, outgoing: int, most: int) -> None:
    """Serve the client on two descriptors until it goes away; messages of more than `most` bytes are refused."""
    output = Output(outgoing)
    to_server, from_client = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    to_client, from_server = anyio.create_memory_object_stream[SessionMessage](0)
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(_hear, Input(incoming), to_server, output, most)
            group.start_soon(_speak, from_server, output)
            await server.run(from_client, to_client, server.create_initialization_options())
            group.cancel_scope.cancel()
    finally:
        output.close(_GOODBYE_SECONDS)


async def _hear(
    incoming: Input, to_server: MemoryObjectSendStream[SessionMessage | Exception], output: Output, most: int
) -> None:
    async with to_server:
        async for line in _lines(incoming, most):
            while output.full:
                # A client that does not read answers may not ask for more.
                await asyncio.sleep(_FULL_SECONDS)
            if line is None:
                output.send(_refusal(types.INVALID_REQUEST, f"a message has more than {most} bytes"))
                continue
            try:
                message = types.jsonrpc_message_adapter.validate_json(line, by_name=False)
            except ValueError:
                message = None
            if message is None or _has_odd_id(message, line):
                output.send(_refusal(*_fault_of(line)))
                continue
            await to_server.send(SessionMessage(message))


async def _speak(from_server: MemoryObjectReceiveStream[SessionMessage], output: Output) -> None:
    async with from_server:
        async for outgoing in from_server:
            text = outgoing.message.model_dump_json(by_alias=True, exclude_unset=True)
            output.send(text.encode() + b"\n")


async def _lines(incoming: Input, most: int) -> AsyncIterator[bytes | None]:
    """Yield the lines that are not empty; None for one that is too long, which is not kept meanwhile."""
    kept = bytearray()
    too_long = False
    while block := await incoming.block():
        *ended, rest = block.split(b"\n")
        for part in ended:
            kept += part
            if too_long or len(kept) > most:
                yield None
            elif line := bytes(kept).strip():
                yield line
            kept.clear()
            too_long = False
        kept += rest
        if len(kept) > most:
            too_long = True
            kept.clear()


def _has_odd_id(message: types.JSONRPCMessage, line: bytes) -> bool:
    """Return whether this is a request whose id is neither text nor number, which the library takes for a notification."""
    return isinstance(message, types.JSONRPCNotification) and b'"id"' in line and "id" in json.loads(line)


def _fault_of(line: bytes) -> tuple[int, str, object]:
    """Return code, message and the id of the request, so that nobody waits for an answer to it."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return types.PARSE_ERROR, "a message is not JSON; send one JSON object on each line", None
    number = message.get("id") if isinstance(message, dict) else None
    reason = "a message is not a JSON-RPC 2.0 request, notification or answer, or has half a character in it"
    return types.INVALID_REQUEST, reason, number if type(number) in (int, str) else None


def _refusal(code: int, message: str, number: object = None) -> bytes:
    error = {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": message}}
    return json.dumps(error).encode() + b"\n"
