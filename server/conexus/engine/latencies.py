"""How long things take, for status: the last few hundred of each kind."""

from __future__ import annotations

from collections import defaultdict, deque
from threading import Lock

_KEPT = 512
_RECENT = 100


class Latencies:
    """Safe to use from several threads."""

    def __init__(self) -> None:
        self._seconds: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=_KEPT))
        self._counts: dict[str, int] = defaultdict(int)
        self._lock = Lock()

    def add(self, name: str, seconds: float) -> None:
        """Count one."""
        with self._lock:
            self._seconds[name].append(seconds)
            self._counts[name] += 1

    def recent(self) -> dict[str, tuple[float, ...]]:
        """Return name → the last ones in milliseconds, oldest first."""
        with self._lock:
            return {
                name: tuple(round(1000 * one, 3) for one in list(seconds)[-_RECENT:])
                for name, seconds in self._seconds.items()
            }

    def summary(self) -> dict[str, dict[str, float]]:
        """Return name → count, and p50 and p95 in milliseconds."""
        with self._lock:
            return {
                name: {
                    "count": float(self._counts[name]),
                    "p50": _percentile(seconds, 0.50),
                    "p95": _percentile(seconds, 0.95),
                }
                for name, seconds in self._seconds.items()
            }


def _percentile(seconds: deque[float], share: float) -> float:
    ordered = sorted(seconds)
    return round(1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3)
