"""Answers of one or several folders as one reply, in the words of the wire."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from attrs import asdict

from conexus.engine import wire
from conexus.search.query import SearchRequest
from conexus.store.errors import IndexMissing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from conexus.engine.folder import SearchReply
    from conexus.engine.live import LiveFolder
    from conexus.search.gates import Hit


def search(
    folders: Sequence[tuple[str, LiveFolder]], params: wire.Search, cancelled: Callable[[], bool]
) -> wire.Reply:
    """Return the best hits of all `folders` (root as called, folder)."""
    begun = time.perf_counter()
    request = SearchRequest(
        params.text,
        params.limit,
        params.paths,
        params.exclude_paths,
        params.languages,
        params.kinds,
        params.explain,
    )
    replies: list[tuple[str, SearchReply]] = []
    for called, live in folders:
        try:
            replies.append((called, live.folder.search(request, cancelled)))
        except IndexMissing:
            continue  # completeness says that nothing is indexed yet
    hits = [wire_hit(called, hit, reply.versions) for called, reply in replies for hit in reply.hits]
    hits.sort(key=lambda hit: -hit.score)
    return wire.Reply(
        hits=tuple(hits[: params.limit]),
        revision=max((reply.revision for _, reply in replies), default=0),
        completeness=completeness(folders),
        notes=tuple(note for _, reply in replies for note in reply.notes),
        milliseconds=1000 * (time.perf_counter() - begun),
        plan=_plan(replies) if params.explain and replies else {},
    )


def wire_hit(called: str, hit: Hit, versions: Mapping[str, int]) -> wire.WireHit:
    """Return a hit in the words of the wire."""
    return wire.WireHit(
        path=os.path.join(called, hit.path),  # noqa: PTH118 -- Path normalises odd names
        root=called,
        relative=hit.path,
        span=hit.span,
        excerpt=hit.excerpt,
        symbol=hit.symbol,
        kind=hit.kind,
        language=hit.language,
        score=hit.score,
        reasons=hit.reasons,
        version=versions.get(hit.path),
    )


def completeness(folders: Iterable[tuple[str, LiveFolder]]) -> wire.Completeness:
    """Return how much of all `folders` is covered."""
    parts = [live.completeness() for _, live in folders]
    files = sum(part.files for part in parts)
    pending = sum(part.pending for part in parts)
    complete = all(part.complete for part in parts)
    phases = [part.phase for part in parts]
    worst = next((phase for phase in _WORST_FIRST if phase in phases), "ready")
    percent = 100 if complete else min((part.percent for part in parts), default=100)
    return wire.Completeness(complete, files, pending, percent, worst)


_WORST_FIRST = ("failed", "scanning", "indexing", "paused")


def _plan(replies: Sequence[tuple[str, SearchReply]]) -> dict[str, Any]:
    query = replies[0][1].query
    agents: dict[str, Any] = {}
    for called, reply in replies:
        for found in reply.found:
            agent = agents.setdefault(
                str(found.agent), {"milliseconds": 0.0, "failure": "", "candidates": []}
            )
            agent["milliseconds"] = max(agent["milliseconds"], round(1000 * found.seconds, 3))
            agent["failure"] = agent["failure"] or found.failure
            agent["candidates"] += [
                {
                    "rank": rank,
                    "score": float(row.score),
                    "path": os.path.join(called, row.path),  # noqa: PTH118 -- as above
                    "symbol": row.symbol,
                    "kind": row.kind,
                    "start_line": row.span.start_line,
                    "end_line": row.span.end_line,
                }
                for rank, row in enumerate(found.rows, 1)
            ]
    filters = {
        name: sorted(value) if isinstance(value, frozenset) else list(value)
        for name, value in asdict(query.filters, recurse=False).items()
    }
    return {
        "text": query.text,
        "intent": str(query.intent),
        "words": list(query.words),
        "identifiers": list(query.identifiers),
        "wants_tests": query.wants_tests,
        "filters": filters,
        "agents": agents,
    }
