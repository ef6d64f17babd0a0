"""Many clients over streamable HTTP on a loopback port, each held to the token and to its rate."""

from __future__ import annotations

import hmac
import json
import logging
import re
import socket
from typing import TYPE_CHECKING, Any

import uvicorn

from conexus.domain import ConexusError
from conexus.mcp.limits import Allowance, Rates
from conexus.mcp.token import token, token_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp.server.lowlevel import Server
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from conexus.settings import McpSettings

_log = logging.getLogger(__name__)

_HOST = "127.0.0.1"
_PATH = "/mcp"
_MOST_SESSIONS = 256
_MOST_CONNECTIONS = 512
_IDLE_SECONDS = 1_800.0
_GOODBYE_SECONDS = 2
# A page in a browser may reach a loopback port by a name of its own; these it cannot have.
_LOOPBACK = r"(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?"
_LOOPBACK_HOST = re.compile(_LOOPBACK, re.IGNORECASE)
_LOOPBACK_ORIGIN = re.compile(rf"https?://{_LOOPBACK}", re.IGNORECASE)
_MODERATION = -32_000


class PortTakenError(ConexusError):
    """Somebody else listens on the port."""


async def serve(
    server: Server[Any], settings: McpSettings, port: int, started: Callable[[str], None]
) -> None:
    """Serve until the process is told to end. Raises PortTakenError and TokenError."""
    from mcp.server.transport_security import TransportSecuritySettings

    app = server.streamable_http_app(
        streamable_http_path=_PATH,
        max_request_body_size=settings.message_bytes,
        session_idle_timeout=_IDLE_SECONDS,
        max_sessions=_MOST_SESSIONS,
        # The guard asks more of a request than the library would.
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
    guarded = Guard(app, token(), Rates(settings.requests_per_minute))
    listener = _listener(port)
    config = uvicorn.Config(
        guarded,
        log_config=None,
        access_log=False,
        server_header=False,
        ws="none",
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_graceful_shutdown=_GOODBYE_SECONDS,
    )
    started(f"http://{_HOST}:{listener.getsockname()[1]}{_PATH}")
    await uvicorn.Server(config).serve(sockets=[listener])


class Guard:
    """Lets a request through that comes from this machine, has the token, and is within its client's rate."""

    def __init__(self, app: ASGIApp, secret: str, rates: Rates) -> None:
        self._app = app
        self._secret = secret.encode("ascii")
        self._rates = rates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if (refusal := self._stranger(headers)) is not None:
            await _refuse(send, *refusal)
            return
        allowance = self._rates.take(_client_of(scope, headers))
        told = _rate_headers(allowance)
        if not allowance.granted:
            message = (
                f"more than {allowance.limit} requests a minute; try again in {allowance.retry_seconds} seconds"
                " (the limit is the setting mcp.requests_per_minute)"
            )
            await _refuse(send, 429, message, told)
            return

        async def send_told(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), *told]}
            await send(message)

        await self._app(scope, receive, send_told)

    def _stranger(self, headers: dict[str, str]) -> tuple[int, str, list[tuple[bytes, bytes]]] | None:
        """Return how to refuse who may not ask; None lets them in."""
        host, origin = headers.get("host", ""), headers.get("origin")
        if not _LOOPBACK_HOST.fullmatch(host):
            return 421, "this server answers to the names localhost, 127.0.0.1 and [::1] only", []
        if origin is not None and not _LOOPBACK_ORIGIN.fullmatch(origin):
            return 403, "pages of other origins may not ask this server", []
        scheme, _, said = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(
            said.strip().encode("latin-1"), self._secret
        ):
            challenge = [(b"www-authenticate", b'Bearer realm="conexus"')]
            return 401, f"send the token in {token_file()} as Authorization: Bearer", challenge
        return None


def _client_of(scope: Scope, headers: dict[str, str]) -> str:
    """Return what tells clients apart: their session, or without one their connection."""
    return headers.get("mcp-session-id", "")[:200] or "{}:{}".format(*(scope.get("client") or ("", 0)))


def _rate_headers(allowance: Allowance) -> list[tuple[bytes, bytes]]:
    """Return the limit and what is left as the IETF's draft on rate limit headers names them."""
    if not allowance.limit:
        return []
    wait = [("retry-after", allowance.retry_seconds)] if not allowance.granted else []
    pairs: list[tuple[str, object]] = [
        *wait,
        ("ratelimit-policy", f'"requests";q={allowance.limit};w=60'),
        ("ratelimit", f'"requests";r={allowance.remaining};t={allowance.retry_seconds}'),
    ]
    return [(name.encode(), str(value).encode()) for name, value in pairs]


async def _refuse(send: Send, status: int, message: str, headers: list[tuple[bytes, bytes]]) -> None:
    """Answer with an error of the protocol, which has no request to belong to."""
    error = {"jsonrpc": "2.0", "id": None, "error": {"code": _MODERATION, "message": message}}
    body = json.dumps(error).encode()
    said = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": said})
    await send({"type": "http.response.body", "body": body})


def _listener(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_HOST, port))
        # Before anybody is told the URL: who connects at once waits instead of being refused.
        listener.listen(_MOST_CONNECTIONS)
    except OSError as error:
        listener.close()
        raise PortTakenError(
            f"port {port} cannot be had: {error.strerror}; choose another with --port"
        ) from error
    listener.setblocking(False)
    return listener
