"""Answers of one or several folders as one reply, in the words of the wire."""

from __future__ import annotations

import contextlib
import os
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from attrs import asdict, evolve

from conexus.domain import CancelledError
from conexus.engine import pasts, wire
from conexus.search.confidence import WEAK, WEAK_NOTE
from conexus.search.context import EditorContext
from conexus.search.gates import verify
from conexus.search.projects import LESS_OF_IT, weights
from conexus.search.query import Filters, SearchRequest
from conexus.search.related import related as find_related
from conexus.search.related import subject
from conexus.search.retrieve import State
from conexus.search.similar import Place
from conexus.search.similar import similar as find_similar
from conexus.search.symbols import find as find_symbols
from conexus.search.symbols import standing
from conexus.search.unknown import remarks
from conexus.store.errors import IndexMissing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from conexus.engine.folder import Folder
    from conexus.engine.live import LiveFolder
    from conexus.engine.searcher import SearchReply
    from conexus.engine.view import View
    from conexus.search.gates import Hit
    from conexus.search.query import Query
    from conexus.search.rank import Factor, Ranked
    from conexus.store.symbols import SymbolEntry

_MOST_COMMITS = 10
# What is found by meaning only comes after what is called so.
_MEANT = 0.2
# Who asks from within one of several folders mostly asks about it. docs/ranking.md has what this gains, and costs others.
_HOME = 1.25


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
        refine=params.refine,
    )
    replies: list[tuple[str, SearchReply]] = []
    for called, live in folders:
        try:
            asked = evolve(request, context=_context_in(called, params.context))
            replies.append((called, live.folder.search(asked, cancelled)))
        except IndexMissing:
            continue  # completeness says that nothing is indexed yet
    versions = {called: reply.versions for called, reply in replies}
    covered = completeness(folders)
    home = _home([called for called, _ in folders], params.context)
    hits = [wire_hit(called, hit, versions[called]) for called, hit in merged(replies, home)[: params.limit]]
    asked_of = [live.folder for _, live in folders]
    filters = replies[0][1].query.filters if replies else Filters()
    sure = max((reply.confidence for _, reply in replies), default=0.0)
    weak = bool(hits) and sure < WEAK
    return wire.Reply(
        hits=tuple(hits),
        revision=max((reply.revision for _, reply in replies), default=0),
        completeness=covered,
        notes=(
            *([WEAK_NOTE] if weak else []),
            *dict.fromkeys(note for _, reply in replies for note in reply.notes),
            *about_filters(filters, asked_of, found=bool(hits) or not covered.complete),
        ),
        milliseconds=1000 * (time.perf_counter() - begun),
        plan=_plan(replies) if params.explain and replies else {},
        agents=_states(reply for _, reply in replies),
        partial=any(reply.partial for _, reply in replies),
        confidence=sure,
        weak=weak,
        refined=any(reply.refined for _, reply in replies),
    )


def about_filters(filters: Filters, folders: Sequence[Folder], *, found: bool) -> list[str]:
    """Return what to say of filters that name what there is not in any of `folders`."""

    def languages() -> Counter[str]:
        counts: Counter[str] = Counter()
        for folder in folders:
            with contextlib.suppress(IndexMissing):
                counts.update(folder.languages())
        return counts

    def admits() -> bool:
        for folder in folders:
            with contextlib.suppress(IndexMissing):
                if folder.admits(filters):
                    return True
        return False

    return list(remarks(filters, languages, admits, found=found))


def _home(roots: Sequence[str], context: wire.EditorContext | None) -> str:
    """Return which of several folders the active file lies in, the innermost one; empty if there is no choice."""
    if context is None or len(roots) < 2:
        return ""
    around = (root for root in roots if context.active.startswith(root.rstrip("/") + "/"))
    return max(around, key=len, default="")


def merged(replies: Sequence[tuple[str, SearchReply]], home: str) -> list[tuple[str, Hit]]:
    """Return the hits of several folders in one order, best first; `home` is the folder worked in, or empty."""
    meant = _meant(replies, home)
    hits = [(called, _times(hit, meant.get(called, ()))) for called, reply in replies for hit in reply.hits]
    return sorted(hits, key=lambda pair: -pair[1].score)


def _meant(replies: Sequence[tuple[str, SearchReply]], home: str) -> dict[str, list[Factor]]:
    """Return by folder what says that the question is about it, or about another one."""
    dense = weights(
        {called: reply.chunks for called, reply in replies}, {called: reply.near for called, reply in replies}
    )
    factors = {called: [(weight, LESS_OF_IT)] for called, weight in dense.items() if weight < 1}
    if home:
        factors[home] = [*factors.get(home, ()), (_HOME, "in the active file's folder")]
    return factors


def _times(hit: Hit, factors: Iterable[Factor]) -> Hit:
    for factor, reason in factors:
        score, reasons = round(min(1.0, hit.score * factor), 4), (*hit.reasons, f"{reason} x{factor:.2f}")
        hit = evolve(hit, score=score, reasons=reasons)
    return hit


def _context_in(root: str, context: wire.EditorContext | None) -> EditorContext:
    """Return what of an editor's context lies in the folder `root`, relative to it."""
    if context is None:
        return EditorContext()
    start = root.rstrip("/") + "/"

    def inside(*paths: str) -> tuple[str, ...]:
        return tuple(path.removeprefix(start) for path in paths if path.startswith(start))

    return EditorContext(
        next(iter(inside(context.active)), ""), inside(*context.open), inside(*context.edited)
    )


def _states(replies: Iterable[SearchReply]) -> dict[str, str]:
    """Return agent → the worst state it had in any folder."""
    found: dict[str, str] = {}
    for reply in replies:
        for agent, state in reply.states.items():
            found[agent] = max(state, found.get(agent, state), key=_WORST_LAST.index)
    return found


_WORST_LAST = tuple(State)


def wire_hit(called: str, hit: Hit, versions: Mapping[str, int]) -> wire.WireHit:
    """Return a hit in the words of the wire."""
    return wire.WireHit(
        path=os.path.join(called, hit.path),  # noqa: PTH118 -- Path normalises odd names
        root=called,
        relative=hit.path,
        span=hit.span,
        line=hit.line,
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
    query, confidence = replies[0][1].query, max(reply.confidence for _, reply in replies)
    agents: dict[str, Any] = {}
    for called, reply in replies:
        for found in reply.found:
            agent = agents.setdefault(
                str(found.agent),
                {"milliseconds": 0.0, "state": str(found.state), "failure": "", "candidates": []},
            )
            agent["state"] = max(agent["state"], str(found.state), key=_WORST_LAST.index)
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
    return {**as_read(query), "confidence": confidence, "agents": agents}


def as_read(query: Query) -> dict[str, Any]:
    """Return how a question was read, in the words of the wire."""
    filters = {
        name: sorted(value) if isinstance(value, frozenset) else list(value)
        for name, value in asdict(query.filters, recurse=False).items()
    }
    return {
        "text": query.text,
        "intent": str(query.intent),
        "words": list(query.words),
        "identifiers": list(query.identifiers),
        "exact": [exact.shown for exact in query.exact],
        "wants_tests": query.wants_tests,
        "filters": filters,
    }


def similar(
    folders: Sequence[tuple[str, LiveFolder]],
    places: Sequence[tuple[str, LiveFolder, str]],
    params: wire.Similar,
    cancelled: Callable[[], bool],
) -> wire.Reply:
    """Return code like `params.text`, or like the lines of the file at `places`, from all `folders`."""
    begun = time.perf_counter()
    text = params.text
    own: tuple[LiveFolder, Place] | None = None
    for _, live, path in places:
        text, place = _lines(live, path, params)
        own = (live, place)
    if not text.strip():
        raise wire.EngineError("there is no text to look for", kind="invalid")
    hits: list[wire.WireHit] = []
    notes: list[str] = []
    revision = 0
    for called, live in folders:
        if cancelled():
            raise CancelledError(called)
        with contextlib.suppress(IndexMissing):
            view = live.folder.view()
            revision = max(revision, view.snapshot.revision)
            embedder = live.folder.searcher.embedder(view, notes)
            if embedder is not None:
                place_here = own[1] if own is not None and own[0] is live else None
                ranked = find_similar(text, place_here, view.snapshot, embedder, params.limit)
                hits += _verified(called, view, ranked)
    hits.sort(key=lambda hit: -hit.score)
    return wire.Reply(
        tuple(hits[: params.limit]), revision, completeness(folders), tuple(notes), _since(begun), {}
    )


def related(
    places: Sequence[tuple[str, LiveFolder, str]], params: wire.Related, cancelled: Callable[[], bool]
) -> wire.RelatedReply:
    """Return what belongs to the file at `places`, one hit per file, and the commits that changed it."""
    begun = time.perf_counter()
    hits: list[wire.WireHit] = []
    commits: list[wire.WireCommit] = []
    revision = 0
    for called, live, path in places:
        with contextlib.suppress(IndexMissing):
            view = live.folder.view()
            revision = max(revision, view.snapshot.revision)
            table = view.snapshot.symbols()
            number = view.snapshot.file_id(path)
            symbols = table.of_file(number) if number is not None else []
            about = subject(path, params.line, symbols, table)
            commits += pasts.commits_of(live, path, _MOST_COMMITS)
            together = pasts.together(live, path)
            if cancelled():
                raise CancelledError(path)

            def text_of(other: str, view: View = view) -> str | None:
                source = view.read(other)
                return source.source.decode("utf-8", "replace") if source else None

            ranked = find_related(about, view.snapshot, text_of, together, params.limit)
            hits += _verified(called, view, ranked)
    folders = [(called, live) for called, live, _ in places]
    covered = completeness(folders)
    return wire.RelatedReply(tuple(hits), revision, covered, (), _since(begun), {}, tuple(commits))


def related_to_ticket(
    folders: Sequence[tuple[str, LiveFolder]], params: wire.Related, cancelled: Callable[[], bool]
) -> wire.RelatedReply:
    """Return the code that commits of `params.ticket` changed in all `folders`, and these commits."""
    begun = time.perf_counter()
    hits, commits, revision, notes = pasts.of_ticket(folders, params, _verified, cancelled)
    return wire.RelatedReply(
        tuple(hits), revision, completeness(folders), tuple(notes), _since(begun), {}, tuple(commits)
    )


def symbols(
    folders: Sequence[tuple[str, LiveFolder]], params: wire.Symbols, cancelled: Callable[[], bool]
) -> wire.SymbolReply:
    """Return definitions of all `folders` that `params.text` may name."""
    found: list[wire.WireSymbol] = []
    revision = 0
    for called, live in folders:
        if cancelled():
            raise CancelledError(called)
        with contextlib.suppress(IndexMissing):
            view = live.folder.view()
            revision = max(revision, view.snapshot.revision)
            pairs = find_symbols(params.text, view.snapshot.symbols(), params.limit)
            now = standing([entry for entry, _ in pairs], view.records, live.folder.is_unchanged, view.read)
            found += [
                wire_symbol(called, entry, score, live)
                for entry, (_, score) in zip(now, pairs, strict=True)
                if entry is not None
            ]
    found.sort(key=lambda symbol: -symbol.score)
    found = found[: params.limit]
    if params.semantic and len(found) < params.limit:
        found += _by_meaning(folders, params, found, cancelled)
    return wire.SymbolReply(tuple(found[: params.limit]), revision, completeness(folders))


def symbols_of(places: Sequence[tuple[str, LiveFolder, str]], params: wire.Symbols) -> wire.SymbolReply:
    """Return the definitions of one file in order."""
    found: list[wire.WireSymbol] = []
    revision = 0
    for called, live, path in places:
        with contextlib.suppress(IndexMissing):
            view = live.folder.view()
            revision = max(revision, view.snapshot.revision)
            number = view.snapshot.file_id(path)
            entries = view.snapshot.symbols().of_file(number) if number is not None else []
            now = standing(entries, view.records, live.folder.is_unchanged, view.read)
            found += [wire_symbol(called, entry, 1.0, live) for entry in now if entry is not None]
    folders = [(called, live) for called, live, _ in places]
    return wire.SymbolReply(tuple(found[: params.limit]), revision, completeness(folders))


def _lines(live: LiveFolder, path: str, params: wire.Similar) -> tuple[str, Place]:
    source = live.folder.read(path)
    if source is None:
        raise wire.EngineError(f"{params.path} cannot be read, or does not belong to the index", "invalid")
    lines = source.source.decode("utf-8", "replace").split("\n")
    start = max(1, params.start_line)
    end = params.end_line or len(lines)
    return "\n".join(lines[start - 1 : end]), Place(path, start, end)


def _verified(called: str, view: View, ranked: Sequence[Ranked]) -> list[wire.WireHit]:
    outcome = verify(ranked, view.records, view.read, len(ranked), cut=view.cut)
    return [wire_hit(called, hit, view.versions) for hit in outcome.hits]


def _by_meaning(
    folders: Sequence[tuple[str, LiveFolder]],
    params: wire.Symbols,
    named: Sequence[wire.WireSymbol],
    cancelled: Callable[[], bool],
) -> Iterator[wire.WireSymbol]:
    """Yield definitions that are found by meaning and not by name yet."""
    seen = {(symbol.path, symbol.container, symbol.name) for symbol in named}
    for hit in search(folders, wire.Search(params.text, params.limit), cancelled).hits:
        container, _, name = hit.symbol.rpartition(".")
        if name and (hit.path, container, name) not in seen:
            seen.add((hit.path, container, name))
            yield wire.WireSymbol(
                name, hit.kind, container, hit.path, hit.root, hit.line, hit.span,
                hit.score * _MEANT, hit.version,
            )  # fmt: skip


def wire_symbol(called: str, entry: SymbolEntry, score: float, live: LiveFolder) -> wire.WireSymbol:
    """Return a definition in the words of the wire."""
    held = live.folder.texts.get(entry.path)
    return wire.WireSymbol(
        name=entry.name,
        kind=entry.kind,
        container=entry.container,
        path=os.path.join(called, entry.path),  # noqa: PTH118 -- as above
        root=called,
        line=entry.line,
        span=entry.span,
        score=score,
        version=held.version if held else None,
    )


def _since(begun: float) -> float:
    return 1000 * (time.perf_counter() - begun)
