"""Code like other code: nearest by meaning, without the asked-for place itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from conexus.embedding.words import passage
from conexus.search.rank import Ranked

if TYPE_CHECKING:
    from conexus.embedding.embedder import Embedder
    from conexus.store.places import Row
    from conexus.store.snapshot import Snapshot

# What is hidden again: the place itself, and more chunks of one file than a reader wants.
_SPARE = 20
_MOST_PER_FILE = 3


@frozen
class Place:
    """Lines of a file, 1-based and inclusive."""

    path: str
    start_line: int
    end_line: int

    def overlaps(self, row: Row) -> bool:
        """Return whether a chunk has lines of it."""
        inside = row.span.start_line <= self.end_line and row.span.end_line >= self.start_line
        return row.path == self.path and inside


def similar(text: str, own: Place | None, snapshot: Snapshot, embedder: Embedder, limit: int) -> list[Ranked]:
    """Return at most `limit` chunks that mean what `text` does, best first; scores are cosines."""
    vector = embedder.embed([passage("", "", text)])[0]
    taken: dict[str, int] = {}
    ranked = []
    for row in snapshot.nearest(vector, limit + _SPARE + limit // 2):
        if own is not None and own.overlaps(row):
            continue
        taken[row.path] = taken.get(row.path, 0) + 1
        if taken[row.path] <= _MOST_PER_FILE:
            score = max(0.0, min(1.0, row.score))
            ranked.append(Ranked(row, round(score, 4), (f"meaning {score:.2f}",)))
    return ranked[:limit]
