"""The workflow behind ``context``: locate, look around, verify, pack, judge."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from attrs import frozen

from conexus.orchestrate import gates, locate
from conexus.orchestrate.pack import pack
from conexus.orchestrate.routing import Profile, Task, limits_of, task_of
from conexus.orchestrate.steps import Done, Step
from conexus.orchestrate.verify import verify
from conexus.search.query import SearchRequest, plan

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from conexus.orchestrate.evidence import Piece, Statement
    from conexus.orchestrate.gates import Gate
    from conexus.orchestrate.ground import Ground
    from conexus.orchestrate.pack import Pack
    from conexus.orchestrate.steps import Runner


@frozen
class Question:
    """What is asked."""

    text: str
    budget: int
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
    task: Task
    intent: str
    confidence: float
    steps: tuple[Done[Piece] | Done[Statement], ...]
    gates: tuple[Gate, ...]
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
    begun = time.monotonic()
    task = question.task or task_of(question.text)
    limits = limits_of(task, question.profile)
    deadline = begun + limits.seconds
    request = SearchRequest(
        question.text, limits.answers, question.paths, question.exclude_paths, question.languages
    )
    located = runner.run(
        [Step("locate", limits.seconds, partial(locate.answers, ground, request)) for ground in grounds],
        deadline,
        cancelled,
    )
    pieces = sorted((one for done in located for one in done.found), key=lambda one: -one.score)
    checked = verify(pieces, ())
    packed = pack(checked.pieces, checked.statements, question.budget, limits.shares)
    confidence = max((piece.score for piece in packed.pieces), default=0.0)
    judged = gates.judge(
        gates.Finished(
            packed, question.budget, checked, located, time.monotonic() - begun, limits, question.profile,
            confidence, behind,
        )
    )  # fmt: skip
    return Answer(packed, task, str(plan(request).intent), confidence, tuple(located), tuple(judged), ())
