# Copyright the example authors.

"""A small HTTP client."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Generic, TypeVar, overload

try:
    import orjson
except ImportError:
    orjson = None

    def loads(data):
        """Decode with the slow parser."""
        import json

        return json.loads(data)


T = TypeVar("T")

# How often a request is tried.
MAX_RETRIES: int = 3
DEFAULT_HEADERS = {
    "Accept": "application/json",
    "User-Agent": "example/1",
}
host, port = "localhost", 80


class HttpError(Exception):
    """The server said no."""


@dataclass(frozen=True)
class Request(Generic[T]):
    """What is asked."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)

    # A request is idempotent when it may be sent twice.
    @property
    def idempotent(self) -> bool:
        return self.method in {"GET", "PUT", "DELETE"}

    class Builder:
        """Makes requests step by step."""

        method = "GET"

        def to(self, url):
            self.url = url
            return self


class Client:
    """Sends requests over a pool of connections and retries the idempotent ones.

    The pool holds at most `size` connections; a caller waits for a free one. Timeouts are in
    seconds and count from the moment a connection is taken, not from the call.
    """

    timeout = 10.0
    retries = MAX_RETRIES

    def __init__(self, base, size=4):
        self.base = base
        self.size = size
        self.pool = []
        self.waiting = 0
        self.closed = False

    @overload
    def send(self, request: Request[str]) -> str: ...

    @overload
    def send(self, request: Request[bytes]) -> bytes: ...

    def send(self, request):
        """Send `request`, again if that is safe, and return the body.

        Raises HttpError when the last attempt failed as well.
        """
        for attempt in range(self.retries if request.idempotent else 1):
            connection = self._take()
            try:
                return connection.exchange(request, timeout=self.timeout)
            except TimeoutError:
                # The server may be busy: wait longer every time.
                time.sleep(0.1 * 2**attempt)
            finally:
                self._give_back(connection)
        raise HttpError(request.url)

    def _take(self):
        """Return a free connection, opening one when the pool is not full."""
        while not self.pool:
            self.waiting += 1
            time.sleep(0.01)
            self.waiting -= 1
        return self.pool.pop()

    def _give_back(self, connection):
        if connection.healthy and not self.closed:
            self.pool.append(connection)
        else:
            connection.close()

    async def aclose(self):
        """Close every connection."""
        self.closed = True
        while self.pool:
            await self.pool.pop().aclose()


def retrying(times):
    """Return a decorator that calls a function again when it raises."""

    def decorate(function):
        def call(*args, **kwargs):
            for _ in range(times - 1):
                try:
                    return function(*args, **kwargs)
                except HttpError:
                    continue
            return function(*args, **kwargs)

        return call

    return decorate


if __name__ == "__main__":
    Client("http://localhost").send(Request("GET", "/"))
