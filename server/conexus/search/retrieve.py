"""The agents: each looks for candidates in its own way, all in one snapshot, at the same time."""

from __future__ import annotations

import logging
import math
import time
from concurrent.futures import Future, wait
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from conexus.embedding.embedder import is_static
from conexus.embedding.terms import stems
from conexus.embedding.words import passage
from conexus.search import exact, names
from conexus.search.query import Intent
from conexus.store.tables import Asked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Executor

    from numpy.typing import NDArray

    from conexus.embedding.embedder import Embedder
    from conexus.search.query import Filters, Query
    from conexus.store.manifest import FileRecord
    from conexus.store.places import Row
    from conexus.store.snapshot import Snapshot

_log = logging.getLogger(__name__)

# Fusion needs depth to find what two agents agree on; five times the limit is the published depth.
_MIN_CANDIDATES = 150
_DEPTH = 5
# Fusion looks at no more of the chunks that hold a phrase than this; the others may come from other agents.
_MOST_EXACT = 200
_RESERVE = 0.2


class Agent(StrEnum):
    """A way of finding candidates."""

    SEMANTIC = "semantic"
    LEXICAL = "lexical"
    SYMBOL = "symbol"
    PATH = "path"
    EXACT = "exact"


class State(StrEnum):
    """How far an agent came."""

    OK = "ok"
    PARTIAL = "partial"
    """It looked at a part of what there is."""
    FAILED = "failed"
    TIMED_OUT = "timed out"


_QUICK = (Agent.SYMBOL, Agent.PATH)
_SLOWEST_FIRST = (Agent.SEMANTIC, Agent.LEXICAL)
_ORDER = (Agent.LEXICAL, Agent.SYMBOL, Agent.PATH, Agent.EXACT, Agent.SEMANTIC)


@frozen
class Found:
    """What one agent found, best first."""

    agent: Agent
    rows: tuple[Row, ...]
    seconds: float
    failure: str = ""
    """What went wrong; empty unless it failed or had no time."""
    state: State = State.OK
    notes: tuple[str, ...] = ()
    """What the reader should know of how it was looked; sentences."""
    only: frozenset[tuple[int, int]] | None = None
    """(file id, position) of the chunks that every answer must be one of; None lets all others be."""
    more: bool = False
    """Whether there were more than it was asked for: what is not among `rows` scores at most as the last of them."""


@frozen
class Ground:
    """What agents look in: one state of one folder."""

    snapshot: Snapshot
    records: Mapping[str, FileRecord]
    """What the snapshot's rows were made of, by path, open texts included."""
    texts: exact.Texts


def retrieve(
    query: Query,
    snapshot: Snapshot,
    embedder: Embedder | None,
    pool: Executor,
    allowed: NDArray[np.bool_] | None,
    *,
    ground: Ground | None = None,
    deadline: float = math.inf,
    cancelled: Callable[[], bool] = lambda: False,
) -> list[Found]:
    """Return what every agent found; one that fails or is not back by `deadline` says so, the others answer.

    Phrases and expressions are looked for in the texts of `ground`. `deadline` is a time of `time.monotonic`.
    """
    limit = max(_MIN_CANDIDATES, _DEPTH * query.limit)
    asking: dict[Agent, Callable[[], Asked[list[Row]]]] = {
        Agent.LEXICAL: lambda: snapshot.ask_matching(stems(query.words), limit, allowed)
    }
    searches: dict[Agent, Callable[[], _Answer]] = {
        Agent.SYMBOL: lambda: _Answer(names.definitions(query, snapshot, allowed)),
    }
    if query.intent is Intent.PATH:
        searches[Agent.PATH] = lambda: _Answer(names.files(query, snapshot, allowed))
    if query.exact and ground is not None:
        searches[Agent.EXACT] = lambda: _holding(query, ground, allowed, deadline, cancelled)
    if embedder is not None:
        asking[Agent.SEMANTIC] = lambda: _near(query, embedder, snapshot, limit, allowed)
    # LanceDB works in threads of its own, so who asks needs no more of them: each would wait for the interpreter.
    # Filters may take several rounds, and a transformer or places that are being read may take their time.
    here = allowed is None and snapshot.is_quick and (embedder is None or is_static(embedder))
    begin = _begun if here else partial(_pooled, pool)
    running = {agent: begin(agent, asking[agent], limit) for agent in _SLOWEST_FIRST if agent in asking}
    if Agent.EXACT in searches:
        found = pool.submit(_timed, Agent.EXACT, searches[Agent.EXACT])
        running[Agent.EXACT] = _Running(found, found.result)
    # What only looks at names takes less time than a thread takes to begin, and is done while the others work.
    running |= {agent: _done(agent, searches[agent]) for agent in _QUICK if agent in searches}
    # One after the other: what was found by words becomes rows while LanceDB still compares vectors.
    return [_result(agent, running[agent], deadline) for agent in _ORDER if agent in running]


def allowed_files(
    query: Query, snapshot: Snapshot, records: Mapping[str, FileRecord] | None = None
) -> NDArray[np.bool_] | None:
    """Return which file ids may answer `query`; see `admitted_files`."""
    return admitted_files(query.filters, snapshot, records)


def admitted_files(
    filters: Filters, snapshot: Snapshot, records: Mapping[str, FileRecord] | None = None
) -> NDArray[np.bool_] | None:
    """Return which file ids `filters` admit, bool[ids], or None when all may answer.

    `records` are what is visible, if that is more than the committed files.
    """
    if not filters.by_file:
        return None
    mask = np.zeros(len(snapshot.live), np.bool_)
    visible = (snapshot.files if records is None else records).values()
    admitted = [r.file_id for r in visible if filters.admits(r.path, r.language)]
    mask[[number for number in admitted if number < len(mask)]] = True
    return mask


@frozen
class _Answer:
    rows: Sequence[Row]
    state: State = State.OK
    notes: tuple[str, ...] = ()
    only: frozenset[tuple[int, int]] | None = None
    more: bool = False


def _scored(rows: Sequence[Row], limit: int) -> _Answer:
    return _Answer(rows, more=len(rows) >= limit)


def _near(
    query: Query, embedder: Embedder, snapshot: Snapshot, limit: int, allowed: NDArray[np.bool_] | None
) -> Asked[list[Row]]:
    """Ask what is near to the question; a text without a word the model knows is near to nothing."""
    if query.intent is Intent.CODE:
        vector = embedder.embed([passage("", "", query.meaning)])[0]
    else:
        vector = embedder.embed_query(query.meaning)
    if not vector.any():
        return Asked.later(list)
    asked = snapshot.ask_nearest(vector, limit, allowed)
    return Asked(asked.answered, lambda: [row for row in asked.result() if row.score > 0])


def _holding(
    query: Query,
    ground: Ground,
    allowed: NDArray[np.bool_] | None,
    deadline: float,
    cancelled: Callable[[], bool],
) -> _Answer:
    # What was found in time has to be back in time.
    left = deadline - time.monotonic()
    found = exact.holding(
        query.exact,
        ground.snapshot,
        ground.records,
        ground.texts,
        allowed,
        deadline=deadline - left * _RESERVE if math.isfinite(left) else deadline,
        cancelled=cancelled,
    )
    only = frozenset((row.file_id, row.ord) for row in found.rows)
    state = State.OK if found.complete else State.PARTIAL
    return _Answer(found.rows[:_MOST_EXACT], state, found.notes, only)


@frozen
class _Running:
    """An agent at work."""

    ready: Future[Any]
    """Done when `result` returns soon."""
    result: Callable[[], Found]


def _begun(agent: Agent, ask: Callable[[], Asked[list[Row]]], limit: int) -> _Running:
    """Let LanceDB begin; what it finds is looked at when it is done, in the thread that asked."""
    began = time.perf_counter()
    try:
        asked = ask()
    except Exception as error:  # noqa: BLE001 -- as in `_result`, where it is told
        return _failed(error)
    return _Running(asked.answered, lambda: _timed(agent, lambda: _scored(asked.result(), limit), began))


def _pooled(pool: Executor, agent: Agent, ask: Callable[[], Asked[list[Row]]], limit: int) -> _Running:
    found = pool.submit(_timed, agent, lambda: _scored(ask().result(), limit))
    return _Running(found, found.result)


def _done(agent: Agent, search: Callable[[], _Answer]) -> _Running:
    """Return what is found at once, in this thread, as if another one had found it."""
    try:
        found = _timed(agent, search)
    except Exception as error:  # noqa: BLE001 -- as in `_result`, where it is told
        return _failed(error)
    return _Running(_finished(), lambda: found)


def _failed(error: Exception) -> _Running:
    def result() -> Found:
        raise error

    return _Running(_finished(), result)


def _finished() -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(None)
    return future


def _timed(agent: Agent, search: Callable[[], _Answer], began: float | None = None) -> Found:
    began = time.perf_counter() if began is None else began
    found = search()
    return Found(
        agent,
        tuple(found.rows),
        time.perf_counter() - began,
        state=found.state,
        notes=found.notes,
        only=found.only,
        more=found.more,
    )


def _result(agent: Agent, running: _Running, deadline: float) -> Found:
    left = max(0.0, deadline - time.monotonic()) if math.isfinite(deadline) else None
    if not wait([running.ready], left).done:
        running.ready.cancel()
        return Found(agent, (), 0.0, failure="it was not back in time", state=State.TIMED_OUT)
    try:
        return running.result()
    except Exception as error:  # noqa: BLE001 -- one agent may fail in any way; the others answer
        _log.exception("the %s agent failed", agent)
        return Found(agent, (), 0.0, failure=f"{type(error).__name__}: {error}", state=State.FAILED)
