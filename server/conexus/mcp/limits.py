"""What one client may ask: so many requests a minute, so many at a time, each for so long."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

from attrs import define, frozen

from conexus.engine.wire import EngineError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from conexus.settings import McpSettings

_MOST_CLIENTS = 1_024
# Who opens a connection for each request is held by what all clients together may ask.
_CLIENTS_AT_ONCE = 32
_WAITING_PER_SLOT = 16


@frozen
class Allowance:
    """What a client has left after one more request."""

    granted: bool
    limit: int
    """Requests a minute."""
    remaining: int
    retry_seconds: int
    """Until the next request is granted; 0 if this one was."""


@define
class _Bucket:
    tokens: float
    filled: float


class Rates:
    """A token bucket for each client: it holds a minute's requests and fills evenly."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute = per_minute
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._all = _Bucket(per_minute * _CLIENTS_AT_ONCE, clock())

    def take(self, client: str) -> Allowance:
        """Count one request of `client`."""
        if not self.per_minute:
            return Allowance(granted=True, limit=0, remaining=0, retry_seconds=0)
        now = self._clock()
        bucket = self._buckets.pop(client, None) or _Bucket(self.per_minute, now)
        self._buckets[client] = bucket
        if len(self._buckets) > _MOST_CLIENTS:
            self._buckets.popitem(last=False)
        most = self.per_minute * _CLIENTS_AT_ONCE
        left = min(_refilled(bucket, self.per_minute, now), _refilled(self._all, most, now))
        if left < 1:
            wait = math.ceil((1 - left) * 60 / self.per_minute)
            return Allowance(granted=False, limit=self.per_minute, remaining=0, retry_seconds=max(1, wait))
        bucket.tokens -= 1
        self._all.tokens -= 1
        return Allowance(granted=True, limit=self.per_minute, remaining=int(bucket.tokens), retry_seconds=0)


class Slots:
    """Requests at work, and those that wait for one of them to end."""

    def __init__(self, settings: McpSettings) -> None:
        self._free = asyncio.Semaphore(settings.concurrency)
        self._room = settings.concurrency * (1 + _WAITING_PER_SLOT)
        self._seconds = settings.request_seconds
        self._held = 0

    @contextlib.asynccontextmanager
    async def take(self) -> AsyncIterator[None]:
        """Do the work of one request here; raises EngineError if it takes too long or too many wait."""
        if self._held >= self._room:
            raise EngineError(
                f"{self._held} requests are waiting already; try again in a second", kind="busy"
            )
        self._held += 1
        try:
            async with asyncio.timeout(self._seconds), self._free:
                yield
        except TimeoutError:
            reason = (
                f"no answer within {self._seconds:g} seconds; ask for less (a limit, a path), or try again"
            )
            raise EngineError(reason, kind="timeout") from None
        finally:
            self._held -= 1


def _refilled(bucket: _Bucket, per_minute: int, now: float) -> float:
    bucket.tokens = min(per_minute, bucket.tokens + (now - bucket.filled) * per_minute / 60)
    bucket.filled = now
    return bucket.tokens
