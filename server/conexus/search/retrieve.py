"""The agents: each looks for candidates in its own way, all in one snapshot, at the same time."""

from __future__ import annotations

import logging
import time
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from attrs import frozen

from conexus.search import names
from conexus.search.query import Intent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Executor, Future

    from numpy.typing import NDArray

    from conexus.embedding.embedder import Embedder
    from conexus.search.query import Query
    from conexus.store.manifest import FileRecord
    from conexus.store.places import Row
    from conexus.store.snapshot import Snapshot

_log = logging.getLogger(__name__)

# Fusion needs depth to find what two agents agree on; five times the limit is the published depth.
_MIN_CANDIDATES = 100
_DEPTH = 5


class Agent(StrEnum):
    """A way of finding candidates."""

    SEMANTIC = "semantic"
    LEXICAL = "lexical"
    SYMBOL = "symbol"
    PATH = "path"


@frozen
class Found:
    """What one agent found, best first."""

    agent: Agent
    rows: tuple[Row, ...]
    seconds: float
    failure: str = ""


def retrieve(
    query: Query,
    snapshot: Snapshot,
    embedder: Embedder | None,
    pool: Executor,
    allowed: NDArray[np.bool_] | None,
) -> list[Found]:
    """Return what every agent found; one that fails says so and the others still answer."""
    limit = max(_MIN_CANDIDATES, _DEPTH * query.limit)
    searches: dict[Agent, Callable[[], list[Row]]] = {
        Agent.LEXICAL: lambda: snapshot.matching(query.words, limit, allowed),
        Agent.SYMBOL: lambda: names.definitions(query, snapshot, allowed),
        Agent.PATH: lambda: names.files(query, snapshot, allowed),
    }
    if embedder is not None:
        searches[Agent.SEMANTIC] = lambda: _near(query.text, embedder, snapshot, limit, allowed)
    if query.intent is not Intent.PATH:
        del searches[Agent.PATH]
    running = {agent: pool.submit(_timed, agent, search) for agent, search in searches.items()}
    return [_result(agent, future) for agent, future in running.items()]


def allowed_files(
    query: Query, snapshot: Snapshot, records: Mapping[str, FileRecord] | None = None
) -> NDArray[np.bool_] | None:
    """Return which file ids may answer, bool[ids], or None when all may.

    `records` are what is visible, if that is more than the committed files.
    """
    if not query.filters.by_file:
        return None
    mask = np.zeros(len(snapshot.live), np.bool_)
    visible = (snapshot.files if records is None else records).values()
    admitted = [r.file_id for r in visible if query.filters.admits(r.path, r.language)]
    mask[[number for number in admitted if number < len(mask)]] = True
    return mask


def _near(
    text: str, embedder: Embedder, snapshot: Snapshot, limit: int, allowed: NDArray[np.bool_] | None
) -> list[Row]:
    """Return what is near to `text`; a text without a word the model knows is near to nothing."""
    vector = embedder.embed_query(text)
    if not vector.any():
        return []
    return [row for row in snapshot.nearest(vector, limit, allowed) if row.score > 0]


def _timed(agent: Agent, search: Callable[[], list[Row]]) -> Found:
    begun = time.perf_counter()
    rows = search()
    return Found(agent, tuple(rows), time.perf_counter() - begun)


def _result(agent: Agent, future: Future[Found]) -> Found:
    try:
        return future.result()
    except Exception as error:  # noqa: BLE001 -- one agent may fail in any way; the others answer
        _log.exception("the %s agent failed", agent)
        return Found(agent, (), 0.0, failure=f"{type(error).__name__}: {error}")
