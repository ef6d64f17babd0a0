"""How a folder answers a search: plan, candidates, order, a closer look, checks against the text, reply."""

from __future__ import annotations

import math
import time
from collections import Counter
from contextlib import suppress
from functools import cache, partial
from typing import TYPE_CHECKING

from attrs import evolve, field, frozen

from conexus.domain import CancelledError, ConexusError
from conexus.embedding.embedder import is_static
from conexus.embedding.words import passage
from conexus.search.closer import LOOKED_AT, look_closer, tells_little, texts_as_indexed
from conexus.search.confidence import WEAK, confidence
from conexus.search.context import Surroundings
from conexus.search.copies import copies_last, count_copies
from conexus.search.exact import holds
from conexus.search.focus import focused
from conexus.search.gates import verify
from conexus.search.query import Intent
from conexus.search.query import plan as plan_query
from conexus.search.rank import nearness, rank
from conexus.search.retrieve import Ground, State, allowed_files, retrieve
from conexus.search.second import CANDIDATES, reordered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from concurrent.futures import Executor

    from conexus.embedding.embedder import Embedder
    from conexus.engine.folder import Folder
    from conexus.engine.tallies import Tallies
    from conexus.engine.view import View
    from conexus.search.context import EditorContext
    from conexus.search.gates import Hit, Outcome
    from conexus.search.projects import Projects
    from conexus.search.query import Query, SearchRequest
    from conexus.search.rank import Ranked
    from conexus.search.retrieve import Found
    from conexus.search.second import SecondOpinion
    from conexus.settings import SearchSettings
    from conexus.store.manifest import FileRecord
    from conexus.store.snapshot import Snapshot

# Hits may be dropped by the gates; a few more are ranked so that the reply is still full.
_SPARE_HITS = 5
_NEARLY_ALL = 0.8
# The first question waits for libraries and tables to be loaded, which takes seconds on a cold disk.
_FIRST_SECONDS = 60.0
_LOADING_SECONDS = 120.0
_SHOWING_SECONDS = 0.03
# Who asked this long ago may ask again soon.
_ASKED_SECONDS = 3.0
_REFINED_INTENTS = frozenset({Intent.PROSE, Intent.CODE})
_UNFINISHED = frozenset({State.PARTIAL, State.TIMED_OUT})


@frozen
class SearchReply:
    """Hits, best first, and what they are worth."""

    hits: tuple[Hit, ...]
    query: Query
    revision: int
    files: int
    """Files the answer was drawn from."""
    notes: tuple[str, ...]
    """What the reader should know: agents that failed, files that changed."""
    seconds: float
    agents: dict[str, float]
    """Seconds each agent took."""
    states: dict[str, str] = field(factory=dict)
    """How far each agent came: `retrieve.State`."""
    partial: bool = False
    """Whether the time was over before all was looked at; `notes` say where."""
    confidence: float = 1.0
    """How sure it is that the hits answer the question, in [0, 1]."""
    refined: bool = False
    """Whether a second opinion was heard about their order."""
    found: tuple[Found, ...] = ()
    """Every agent's candidates, for explaining."""
    versions: Mapping[str, int] = field(factory=dict)
    """The buffer version that spans are right for, by path, of hits in open texts."""
    near: tuple[float, ...] = ()
    """The cosines of what is near to the question, best first; none where it says itself where to look."""
    chunks: int = 0
    """How many there are to be found."""

    @property
    def weak(self) -> bool:
        """Return whether there are hits, and nothing of them may be what was asked for."""
        return bool(self.hits) and self.confidence < WEAK


class Searcher:
    """Answers the searches of one folder. Safe to use from several threads."""

    def __init__(
        self,
        folder: Folder,
        embedder: Callable[[str], Embedder],
        *,
        pool: Executor,
        tallies: Tallies,
        second: Callable[[str], SecondOpinion],
    ) -> None:
        self._folder = folder
        self._model = embedder
        self.pool = pool
        self.tallies = tallies
        self._second = second
        self._asked = -math.inf
        self._spoken = (0, "")
        self.projects: Projects | None = None
        """The repositories in the folder, by which hits are weighed; None until it was walked."""

    @property
    def _settings(self) -> SearchSettings:
        return self._folder.settings.search

    def is_asked(self) -> bool:
        """Return whether somebody searches here these days, so that it is worth some work to find more."""
        return time.monotonic() - self._asked < _ASKED_SECONDS

    def plan(self, request: SearchRequest, view: View) -> Query:
        """Return what `request` asks of this folder."""
        files = view.snapshot.files
        # Counted again when files come or go: an edit hardly makes it another folder.
        if self._spoken[0] != len(files):
            self._spoken = (len(files), _spoken(files.values()))
        return plan_query(request, self._spoken[1])

    def search(self, request: SearchRequest, cancelled: Callable[[], bool] = lambda: False) -> SearchReply:
        """Answer `request` from the index as it is.

        Raises IndexMissing before the first reconcile, and CancelledError.
        """
        begun = time.perf_counter()
        deadline = time.monotonic() + (
            self._settings.budget_ms / 1000 if math.isfinite(self._asked) else _FIRST_SECONDS
        )
        if not request.refine:
            self._interrupt_second_opinion()
        view = self._folder.view()
        query = self.plan(request, view)
        notes: list[str] = []
        embedder = self.embedder(view, notes)
        found = self._candidates(query, view, embedder, deadline, cancelled)
        second = self._second_opinion(query, notes) if request.refine else None
        wanted = max(query.limit, CANDIDATES) if second else query.limit
        deep = evolve(query, limit=max(wanted + _SPARE_HITS, LOOKED_AT))
        ranked = rank(deep, found, self.around(request.context), self.projects)
        outcome = _checked(query, ranked, wanted, view, embedder=embedder, deadline=deadline)
        refined = second is not None and self._refine(second, query, outcome, time.perf_counter() - begun)
        if query.intent is Intent.PROSE:  # who asks for a name, a text or its like asks for copies too
            outcome.hits = copies_last(outcome.hits, lambda path: view.records[path].size)
        outcome.keep(query.limit)
        sure = confidence(query, found, outcome.hits, rarity_in(view.snapshot))
        self._count(found, outcome, sure)
        return SearchReply(
            hits=_focused(outcome, query, view),
            query=query,
            revision=view.snapshot.revision,
            files=len(view.snapshot.files),
            notes=(*notes, *_waiting(view.snapshot), *_remarks(query, found, outcome)),
            seconds=time.perf_counter() - begun,
            agents={result.agent: result.seconds for result in found},
            states={result.agent: str(result.state) for result in found},
            partial=outcome.unchecked > 0 or any(result.state in _UNFINISHED for result in found),
            confidence=sure,
            refined=refined,
            found=tuple(found) if request.explain else (),
            versions=view.versions,
            near=tuple(score for _, score in nearness(query, found)),
            chunks=view.snapshot.view.statistics.chunks,
        )

    def _candidates(
        self,
        query: Query,
        view: View,
        embedder: Embedder | None,
        deadline: float,
        cancelled: Callable[[], bool],
    ) -> list[Found]:
        """Return what each agent found."""
        snapshot, records = view.snapshot, view.records
        found = retrieve(
            query,
            snapshot,
            embedder,
            self.pool,
            allowed_files(query, snapshot, records),
            ground=Ground(snapshot, records, view.texts),
            deadline=deadline,
            cancelled=cancelled,
        )
        self._asked = time.monotonic()
        if cancelled():
            raise CancelledError(f"searching {self._folder.root} was cancelled")
        return found

    def embedder(self, view: View, notes: list[str]) -> Embedder | None:
        """Return the model that made the index's vectors; without it the other agents still answer."""
        opened = view.opened
        try:
            embedder = self._model(opened.standing.model)
        except ConexusError as error:
            notes.append(f"searching without vectors: {error}")
            return None
        if embedder.identity != opened.standing.identity:
            notes.append(
                f"searching without vectors: {opened.standing.model} changed since the index was built"
            )
            return None
        return embedder

    def wait_for_second_opinion(self) -> None:
        """Wait until the model of `search.second_model` is loaded, if one is named."""
        if self._settings.second_model:
            with suppress(ConexusError):  # the answer says why there is none
                self._second(self._settings.second_model).wait(_LOADING_SECONDS)

    def _second_opinion(self, query: Query, notes: list[str]) -> SecondOpinion | None:
        """Return who gives a second opinion on this question; who asks by name knows what is meant."""
        name = self._settings.second_model
        if not name or query.intent not in _REFINED_INTENTS:
            return None
        try:
            second = self._second(name)
        except ConexusError as error:
            notes.append(f"there is no second opinion: {error}")
            return None
        second.start()
        if hindrance := second.hindrance:
            notes.append(hindrance)
            return None
        return second

    def _interrupt_second_opinion(self) -> None:
        if self._settings.second_model:
            with suppress(ConexusError):  # whoever asks for one is told why there is none
                self._second(self._settings.second_model).let_go()

    def _refine(self, second: SecondOpinion, query: Query, outcome: Outcome, used: float) -> bool:
        """Bring the hits in the order that a second opinion gives them; return whether there was one in time.

        Of its time, the search has `used` some seconds, and showing hits takes a few more; but half of it is left,
        whatever the search took.
        """
        passages = [passage(hit.path, hit.symbol, hit.excerpt) for hit in outcome.hits]
        whole = self._settings.second_ms / 1000
        opinions = second.judge(query.meaning, passages, max(whole / 2, whole - used - _SHOWING_SECONDS))
        outcome.hits = reordered(outcome.hits, opinions)
        judged = sum(opinion is not None for opinion in opinions)
        self.tallies.add("second opinion", "judged", judged)
        self.tallies.add("second opinion", "no time", len(opinions) - judged)
        return judged > 1

    def around(self, context: EditorContext) -> Surroundings:
        """Return what lifts files for this question."""
        together = self._folder.past.together(context.active) if context.active else {}
        return Surroundings(context, self._folder.past.ages, together)

    def _count(self, found: Sequence[Found], outcome: Outcome, sure: float) -> None:
        """Take note of what the gates met."""
        add = self.tallies.add
        add("span", "verified", len(outcome.hits) - len(outcome.moved))
        add("span", "moved", len(outcome.moved))
        add("span", "dropped", len(outcome.gone))
        add("duplicate", "dropped", outcome.duplicates)
        add("budget", "over" if outcome.unchecked else "kept")
        add("confidence", "weak" if outcome.hits and sure < WEAK else "fine")
        for result in found:
            add(f"{result.agent} agent", str(result.state))


def _checked(
    query: Query,
    ranked: Sequence[Ranked],
    wanted: int,
    view: View,
    *,
    embedder: Embedder | None,
    deadline: float,
) -> Outcome:
    """Look closer where that may change the order, and check the first `wanted` against the text as it is now."""
    # Who looks closer and who checks read the same hits.
    looked_at = LOOKED_AT if tells_little(query, ranked) else wanted
    read, cut = cache(view.read), view.cuts([one.row for one in ranked[:looked_at]])
    if embedder is not None and is_static(embedder):
        text_of = texts_as_indexed(view.records, read, cut=cut, deadline=deadline)
        ranked = look_closer(query, ranked, embedder, rarity_in(view.snapshot), text_of)
    check = partial(
        verify,
        ranked,
        view.records,
        read,
        cut=cut,
        holds=lambda excerpt: holds(excerpt, query.exact),
        deadline=deadline,
    )
    outcome, spare = check(wanted), 0
    # Others are shown in the places of copies, as far as there are others.
    while query.intent is Intent.PROSE and (copies := count_copies(outcome.hits)) > spare:
        outcome, spare = check(wanted + copies), copies
    return outcome


def _focused(outcome: Outcome, query: Query, view: View) -> tuple[Hit, ...]:
    places = [(view.records[hit.path].file_id, hit.span) for hit in outcome.hits]
    inside = view.snapshot.symbols_now().within(places)
    moved = set(outcome.moved)
    return tuple(
        # Where the definitions of a changed file stand now is not known here; its hits keep their first line.
        hit if hit.path in moved else focused(hit, query, symbols)
        for hit, symbols in zip(outcome.hits, inside, strict=True)
    )


def _waiting(snapshot: Snapshot) -> list[str]:
    notes = []
    if waiting := snapshot.waiting_chunks:
        notes.append(f"{waiting} new chunks are not yet found by their words, only by meaning and name")
    if not snapshot.has_symbols:
        notes.append("definitions are not yet found by their names: they are being read")
    return notes


def _spoken(files: Iterable[FileRecord]) -> str:
    """Return the language nearly all chunks are in; empty if there is none."""
    ((language, chunks),) = (counted := chunks_by_language(files)).most_common(1) or [("", 0)]
    return language if chunks >= _NEARLY_ALL * counted.total() else ""


def chunks_by_language(files: Iterable[FileRecord]) -> Counter[str]:
    """Return how many chunks of `files` are in each language."""
    found: Counter[str] = Counter()
    for record in files:
        found[record.language] += record.chunks
    return found


def rarity_in(snapshot: Snapshot) -> Callable[[str], float]:
    """Return what weighs a term by how few of the chunks have it; one that was not counted counts as unheard of."""
    statistics = snapshot.view.statistics
    chunks = max(1, statistics.chunks)
    return lambda term: math.log(1 + (chunks + 0.5) / ((statistics.frequency(term) or 0) + 0.5))


def _remarks(query: Query, found: Sequence[Found], outcome: Outcome) -> list[str]:
    remarks = [f"the {result.agent} search failed: {result.failure}" for result in found if result.failure]
    if not outcome.hits and not query.words and not query.exact:
        narrows = not query.text and (query.filters.by_file or query.filters.by_kind)
        remarks.append(
            "filters only narrow a search: say what to look for as well"
            if narrows
            else "there is no word in the question to look for"
        )
    remarks += [note for result in found for note in result.notes]
    if outcome.unchecked:
        remarks.append(
            f"the time was over: {outcome.unchecked} more were found, not checked and so not shown"
        )
    if outcome.moved:
        remarks.append(f"{_hits(outcome.moved)} moved: files changed since they were indexed")
    if outcome.gone:
        remarks.append(f"{_hits(outcome.gone)} dropped: files no longer have them")
    return remarks


def _hits(paths: Sequence[str]) -> str:
    return f"{len(paths)} hit{'' if len(paths) == 1 else 's'}"
