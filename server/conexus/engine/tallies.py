"""What the gates met, counted for status: which gate, with which outcome, how often."""

from __future__ import annotations

from collections import Counter
from threading import Lock


class Tallies:
    """Safe to use from several threads."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        self._lock = Lock()

    def add(self, gate: str, outcome: str, times: int = 1) -> None:
        """Count an outcome of a gate."""
        if times:
            with self._lock:
                self._counts[gate, outcome] += times

    def counts(self) -> dict[str, dict[str, int]]:
        """Return gate → outcome → how often."""
        found: dict[str, dict[str, int]] = {}
        with self._lock:
            for (gate, outcome), count in sorted(self._counts.items()):
                found.setdefault(gate, {})[outcome] = count
        return found
