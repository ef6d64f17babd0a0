"""The workflow behind ``context``: locate, look around, verify, pack, judge."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from attrs import frozen

from conexus.orchestrate import analyse, blame, expand, gates, locate
from conexus.orchestrate.evidence import Piece, Role, Statement
from conexus.orchestrate.pack import pack
from conexus.orchestrate.routing import limits_of, task_of
from conexus.orchestrate.steps import Outcome, Step
from conexus.orchestrate.verify import verify
from conexus.search.context import EditorContext
from conexus.search.query import SearchRequest, plan
from conexus.workspace.tickets import in_message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from conexus.orchestrate.analyse import Subject
    from conexus.orchestrate.gates import Gate
    from conexus.orchestrate.ground import Ground
    from conexus.orchestrate.pack import Pack
    from conexus.orchestrate.routing import Limits, Profile, Task
    from conexus.orchestrate.steps import Done, Runner

Found = Piece | Statement

_ROOM_TO_SEARCH = 0.05
_MOST_TICKETS = 2
# Of the whole answer's time; the others may take most of it.
_SHARE_OF_TIME = {"documents": 0.5, "settings": 0.5, "analyse": 0.3}


@frozen
class Question:
    """What is asked."""

    text: str
    budget: int
    """Tokens; 0 lets the task decide."""
    task: Task | None
    profile: Profile
    here: tuple[Ground, str, int] | None
    """The folder, path and line that whoever asks is looking at."""
    paths: tuple[str, ...] = ()
    exclude_paths: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()


@frozen
class Answer:
    """Evidence for a question."""

    pack: Pack
    budget: int
    task: Task
    intent: str
    confidence: float
    steps: tuple[Done[Found], ...]
    gates: tuple[Gate, ...]
    branch: str
    notes: tuple[str, ...]


def answer(
    question: Question,
    grounds: Sequence[Ground],
    runner: Runner,
    *,
    behind: int,
    cancelled: Callable[[], bool],
) -> Answer:
    """Return the evidence for `question` in `grounds`. Raises StoppedError.

    `behind` is how many files are known to differ from what is indexed.
    """
    with runner.turn(cancelled):
        return _answer(_Work.of(question, grounds), runner, behind, cancelled)


def _answer(work: _Work, runner: Runner, behind: int, cancelled: Callable[[], bool]) -> Answer:
    begun = time.monotonic()
    question, grounds = work.question, work.grounds
    deadline = begun + work.limits.seconds
    done = runner.run(work.first(), deadline, cancelled)
    pieces = _best([one for step in done for one in step.found if isinstance(one, Piece)])
    subjects = _subjects(pieces, work.limits.subjects)
    done += runner.run(work.then(subjects), deadline, cancelled)
    found = [one for step in done for one in step.found]
    checked = verify(
        _best([one for one in found if isinstance(one, Piece)]),
        [one for one in found if isinstance(one, Statement)],
    )
    budget = question.budget or work.limits.budget
    packed = pack(checked.pieces, checked.statements, budget, work.limits.shares)
    confidence = _confidence(grounds, packed)
    finished = gates.Finished(
        packed, budget, checked, done, time.monotonic() - begun, work.limits, question.profile,
        confidence, behind,
    )  # fmt: skip
    return Answer(
        packed,
        budget,
        work.task,
        str(plan(work.request).intent),
        confidence,
        tuple(done),
        tuple(gates.judge(finished)),
        next((g.past.position.branch for g in grounds if g.past and g.past.position), ""),
        tuple(_notes(grounds, done)),
    )


@frozen
class _Work:
    """The workflow of a task: which steps there are, and what each may take."""

    question: Question
    grounds: Sequence[Ground]
    task: Task
    limits: Limits
    request: SearchRequest

    @classmethod
    def of(cls, question: Question, grounds: Sequence[Ground]) -> _Work:
        task = question.task or task_of(question.text)
        limits = limits_of(task, question.profile)
        request = SearchRequest(
            question.text,
            limits.answers,
            question.paths,
            question.exclude_paths,
            question.languages,
            context=EditorContext(active=question.here[1] if question.here else ""),
        )
        return cls(question, grounds, task, limits, request)

    def first(self) -> list[Step[Found]]:
        """Return the steps that need nothing but the question."""
        found = self._each(partial(locate.answers, request=self.request))
        steps = [Step("locate", self.limits.seconds, found, essential=True)]
        steps += [
            self._step(f"ticket {ticket}", self._each(partial(blame.of_ticket, ticket=ticket)))
            for ticket in in_message(self.question.text)[:_MOST_TICKETS]
        ]
        if self.question.here is not None:
            steps.append(self._step("here", partial(locate.here, *self.question.here)))
        for role in (Role.DOCUMENT, Role.SETTING):
            # With less room, those that name an answer are enough.
            if self.limits.shares[role] > _ROOM_TO_SEARCH and not self.question.languages:
                looked = partial(expand.found, request=self.request, role=role)
                steps.append(self._step(f"{role}s", self._each(looked)))
        return steps

    def then(self, subjects: Sequence[Subject]) -> list[Step[Found]]:
        """Return the steps that look around what was located."""
        if not subjects:
            return []
        steps = [
            self._step("analyse", partial(_taken_apart, subjects)),
            self._step("callees", partial(expand.callees, subjects)),
            self._step("uses", partial(expand.uses, subjects)),
        ]
        if self.limits.past:
            steps.append(self._step("history", partial(blame.changes, subjects)))
        return steps

    def _each(self, agent: Callable[[Ground], Iterator[Found]]) -> Callable[[], Iterator[Found]]:
        return lambda: (one for ground in self.grounds for one in agent(ground))

    def _step(self, name: str, work: Callable[[], Iterator[Found]]) -> Step[Found]:
        return Step(name, self.limits.seconds * _SHARE_OF_TIME.get(name, 0.8), work)


def _best(pieces: Sequence[Piece]) -> list[Piece]:
    order = list(Role)
    return sorted(pieces, key=lambda one: (order.index(one.role), -one.score))


def _subjects(pieces: Sequence[Piece], most: int) -> list[Subject]:
    """Return the definitions that the best pieces show."""
    found: dict[tuple[str, str, int], Subject] = {}
    for piece in pieces:
        if piece.role in {Role.HERE, Role.ANSWER} and (subject := analyse.subject_of(piece)) is not None:
            key = piece.cited.ground.root, piece.cited.path, subject.symbol.span.start
            found.setdefault(key, subject)
        if len(found) == most:
            break
    return list(found.values())


def _taken_apart(subjects: Sequence[Subject]) -> Iterator[Found]:
    return (one for subject in subjects for one in analyse.statements(subject))


def _confidence(grounds: Sequence[Ground], packed: Pack) -> float:
    """Return how sure the search was of what is shown; 0 where nothing of it is."""
    answered = any(piece.role is Role.ANSWER for piece in packed.pieces)
    return max((ground.confidence for ground in grounds), default=0.0) if answered else 0.0


def _notes(grounds: Sequence[Ground], done: Sequence[Done[Found]]) -> Iterator[str]:
    for step in done:
        if step.outcome is Outcome.FAILED:
            yield f"the step {step.name} failed: {step.note}"
        elif step.outcome is Outcome.LATE:
            yield f"the step {step.name} was cut short: {step.note}"
    for ground in grounds:
        if ground.snapshot.waiting_chunks:
            yield f"{ground.root}: {ground.snapshot.waiting_chunks} new chunks are not found by their words yet"
