"""Questions for the orchestrator and its answers, in the words of the wire."""

from __future__ import annotations

import contextlib
import os
import time
from collections import Counter
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from attrs import define, evolve, field

from conexus.domain import CancelledError
from conexus.engine import wire
from conexus.engine.answers import about_filters, completeness
from conexus.orchestrate.context import Question, answer
from conexus.orchestrate.ground import Ground, Looked
from conexus.orchestrate.routing import Profile, Task
from conexus.orchestrate.steps import Runner, StoppedError
from conexus.search.query import SearchRequest, plan
from conexus.store.errors import IndexMissing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from enum import StrEnum

    from conexus.engine.folder import Folder
    from conexus.engine.live import LiveFolder
    from conexus.engine.view import View
    from conexus.orchestrate.context import Answer
    from conexus.orchestrate.evidence import Citation, Piece, Statement

LEAST_BUDGET, MOST_BUDGET = 100, 100_000
_Choice = TypeVar("_Choice", bound="StrEnum")


@define(eq=False)
class Contexts:
    """Answers questions for evidence, and counts what the gates say. Safe to use from several threads."""

    runner: Runner = field(factory=Runner)
    _counts: Counter[tuple[str, str]] = field(factory=Counter)
    _lock: Lock = field(factory=Lock)

    def close(self) -> None:
        """End the threads."""
        self.runner.close()

    def counts(self) -> dict[str, dict[str, int]]:
        """Return gate → outcome → how many answers had it."""
        found: dict[str, dict[str, int]] = {}
        with self._lock:
            for (name, verdict), count in sorted(self._counts.items()):
                found.setdefault(name, {})[verdict] = count
        return found

    def ask(
        self,
        folders: Sequence[tuple[str, LiveFolder]],
        places: Sequence[tuple[str, LiveFolder, str]],
        params: wire.Context,
        cancelled: Callable[[], bool],
    ) -> wire.ContextReply:
        """Return the evidence for a question in all `folders`; `places` is where whoever asks stands.

        Raises EngineError for a question that cannot be asked, CancelledError.
        """
        seen = [(called, live.folder) for called, live in folders]
        where = [(called, path) for called, _, path in places]
        return self.ask_folders(seen, where, params, completeness(folders), cancelled)

    def ask_folders(
        self,
        folders: Sequence[tuple[str, Folder]],
        places: Sequence[tuple[str, str]],
        params: wire.Context,
        covered: wire.Completeness,
        cancelled: Callable[[], bool],
    ) -> wire.ContextReply:
        """Return the evidence for a question in `folders`, of which `covered` is indexed. Raises as `ask`."""
        begun = time.perf_counter()
        views: dict[str, tuple[View, Ground]] = {}
        for called, folder in folders:
            with contextlib.suppress(IndexMissing):  # completeness says that nothing is indexed yet
                view = folder.view()
                views[called] = view, ground_of(called, folder, view, cancelled)
        here = next(
            ((views[called][1], path, params.line) for called, path in places if called in views), None
        )
        grounds = [ground for _, ground in views.values()]
        found = self.answer(_question(params, here), grounds, behind=covered.pending, cancelled=cancelled)
        filters = plan(SearchRequest(params.text, languages=params.languages)).filters
        known = bool(found.pack.pieces) or not covered.complete
        remarks = about_filters(filters, [folder for _, folder in folders], found=known)
        reply = _reply(found, params, views, covered, 1000 * (time.perf_counter() - begun))
        return evolve(reply, notes=(*reply.notes, *remarks))

    def answer(
        self, question: Question, grounds: Sequence[Ground], *, behind: int, cancelled: Callable[[], bool]
    ) -> Answer:
        """Return the evidence for `question`, and count the outcome of its gates. Raises CancelledError."""
        try:
            found = answer(question, grounds, self.runner, behind=behind, cancelled=cancelled)
        except StoppedError as error:
            raise CancelledError(str(error)) from None
        with self._lock:
            self._counts.update((f"context {gate.name}", str(gate.verdict)) for gate in found.gates)
        return found


def ground_of(called: str, folder: Folder, view: View, cancelled: Callable[[], bool]) -> Ground:
    """Return what agents work on in `folder`, as `view` sees it."""

    def search(request: SearchRequest) -> Looked:
        reply = folder.search(request, cancelled)
        return Looked(reply.hits, reply.query, reply.found, reply.confidence)

    def unsaved(path: str) -> bytes | None:
        held = folder.texts.get(path)
        return held.text if held else None

    # Not waited for: what git has that is not known yet is there for the next question.
    folder.past.catch_up(0.0)
    return Ground(
        called, view.snapshot, view.records, view.read, folder.is_unchanged, search, folder.past, unsaved
    )


def _question(params: wire.Context, here: tuple[Ground, str, int] | None) -> Question:
    if not params.text.strip() and here is None:
        raise wire.EngineError("the question is empty; say what is looked for", kind="invalid")
    if params.budget and not LEAST_BUDGET <= params.budget <= MOST_BUDGET:
        raise wire.EngineError(
            f"a budget of {params.budget} tokens is not {LEAST_BUDGET} to {MOST_BUDGET}", kind="invalid"
        )
    return Question(
        params.text,
        params.budget,
        _choice(Task, params.task) if params.task else None,
        _choice(Profile, params.profile),
        here,
        params.paths,
        params.exclude_paths,
        params.languages,
    )


def _choice(kind: type[_Choice], name: str) -> _Choice:
    try:
        return kind(name)
    except ValueError:
        known = ", ".join(kind)
        raise wire.EngineError(
            f"{name} is no {kind.__name__.lower()}: choose one of {known}", "invalid"
        ) from None


def _reply(
    found: Answer,
    params: wire.Context,
    views: dict[str, tuple[View, Ground]],
    covered: wire.Completeness,
    milliseconds: float,
) -> wire.ContextReply:
    return wire.ContextReply(
        text=found.pack.text,
        tokens=found.pack.tokens,
        budget=found.budget,
        task=str(found.task),
        profile=params.profile,
        intent=found.intent,
        confidence=found.confidence,
        evidence=tuple(_evidence(piece, views) for piece in found.pack.pieces),
        statements=tuple(_statement(one, views) for one in found.pack.statements),
        steps=tuple(
            wire.WireStep(one.name, str(one.outcome), len(one.found), round(1000 * one.seconds, 3), one.note)
            for one in found.steps
        ),
        gates=tuple(wire.WireGate(gate.name, str(gate.verdict), gate.detail) for gate in found.gates),
        branch=found.branch,
        revision=max((view.snapshot.revision for view, _ in views.values()), default=0),
        completeness=covered,
        notes=found.notes,
        milliseconds=milliseconds,
    )


def _evidence(piece: Piece, views: dict[str, tuple[View, Ground]]) -> wire.WireEvidence:
    cited = piece.cited
    view, _ = views[cited.ground.root]
    return wire.WireEvidence(
        path=_absolute(cited),
        root=cited.ground.root,
        relative=cited.path,
        span=cited.span,
        digest=cited.digest.hex(),
        excerpt=cited.source.decode("utf-8", "replace"),
        symbol=piece.symbol,
        kind=piece.kind,
        language=view.records[cited.path].language,
        role=str(piece.role),
        whole=piece.whole,
        score=piece.score,
        reasons=piece.reasons,
        version=view.versions.get(cited.path),
    )


def _statement(one: Statement, views: dict[str, tuple[View, Ground]]) -> wire.WireStatement:
    cited = one.cited
    view, _ = views[cited.ground.root]
    return wire.WireStatement(
        about=one.about,
        kind=one.kind,
        text=one.text,
        path=_absolute(cited),
        root=cited.ground.root,
        relative=cited.path,
        span=cited.span,
        digest=cited.digest.hex(),
        commit=one.commit,
        version=view.versions.get(cited.path),
    )


def _absolute(cited: Citation) -> str:
    return os.path.join(cited.ground.root, cited.path)  # noqa: PTH118 -- Path normalises odd names
