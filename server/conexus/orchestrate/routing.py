"""What a question is about → which agents work on it, how long, and how much of the reply each may fill. Pure."""

from __future__ import annotations

import re
from enum import StrEnum

from attrs import evolve, frozen

from conexus.orchestrate.evidence import Role
from conexus.search.confidence import WEAK


class Task(StrEnum):
    """What the answer is for."""

    CODE = "code"
    DEBUG = "debug"
    ARCHITECTURE = "architecture"
    SECURITY = "security"
    DOCS = "docs"


class Profile(StrEnum):
    """How strict the gates are."""

    STRICT = "strict"
    DEFAULT = "default"
    RELAXED = "relaxed"


@frozen
class Limits:
    """What the gates of a workflow hold it to."""

    seconds: float
    """For the whole answer."""
    answers: int
    """How many hits of the search are looked at."""
    subjects: int
    """For how many of them callers, callees, tests and the past are looked up."""
    budget: int
    """Tokens, where the question does not say."""
    least_confidence: float
    """Below it the confidence gate warns; a strict profile fails."""
    shares: dict[Role, float]
    """How much of the token budget pieces of a role may fill; the answers take what is left."""
    past: bool
    """Whether git is asked who wrote the answers."""


_SHARES = {
    Task.CODE: {Role.CALLEE: 0.10, Role.CALLER: 0.08, Role.TEST: 0.06, Role.DOCUMENT: 0.04, Role.SETTING: 0.03},
    Task.DEBUG: {Role.CALLEE: 0.10, Role.CALLER: 0.12, Role.TEST: 0.08, Role.DOCUMENT: 0.02, Role.SETTING: 0.04},
    Task.ARCHITECTURE: {Role.CALLEE: 0.06, Role.CALLER: 0.10, Role.TEST: 0.0, Role.DOCUMENT: 0.12, Role.SETTING: 0.06},
    Task.SECURITY: {Role.CALLEE: 0.08, Role.CALLER: 0.14, Role.TEST: 0.04, Role.DOCUMENT: 0.02, Role.SETTING: 0.08},
    Task.DOCS: {Role.CALLEE: 0.04, Role.CALLER: 0.04, Role.TEST: 0.06, Role.DOCUMENT: 0.30, Role.SETTING: 0.04},
}  # fmt: skip
# Seconds for the whole answer, definitions that are looked around, and tokens where the question names no budget.
_SIZES = {
    Task.CODE: (1.0, 3, 4_000),
    Task.DEBUG: (1.2, 3, 6_000),
    Task.ARCHITECTURE: (1.2, 4, 8_000),
    Task.SECURITY: (1.2, 4, 6_000),
    Task.DOCS: (1.0, 2, 4_000),
}
# A strict answer must be at least so sure: half of the questions of `bench quality` are.
_SURE = 0.5
_PAST = {Task.DEBUG, Task.SECURITY}
# The first that a question matches is its task.
_SIGNS = (
    (Task.SECURITY, re.compile(
        r"\b(?:vulnerab\w*|secur\w*|inject\w*|saniti[sz]\w*|xss|csrf|ssrf|exploit\w*|privilege\w*|untrusted"
        r"|attack\w*|cve)\b", re.IGNORECASE)),
    (Task.DEBUG, re.compile(
        r"\b(?:bugs?|debug\w*|crash\w*|fail(?:s|ed|ing|ure)?|broken|wrong|hang(?:s|ing)?|deadlock\w*|leak\w*|regress\w*"
        r"|traceback|stack ?trace|why (?:does|is|do|are|did)\b.*\bnot|segfault\w*|panics?)\b", re.IGNORECASE)),
    (Task.DOCS, re.compile(
        r"\b(?:docs?|documentation|documented|readme|changelog|manual|tutorial|user guide)\b", re.IGNORECASE)),
    (Task.ARCHITECTURE, re.compile(
        r"\b(?:architectur\w*|overview|design(?:ed)?|structured?|layers?|layout|organi[sz]ed|components?|modules?"
        r"|high.level|data flow|entry points?)\b", re.IGNORECASE)),
)  # fmt: skip


def task_of(text: str) -> Task:
    """Return what a question is for, by its words; reading code if they do not tell."""
    return next((task for task, sign in _SIGNS if sign.search(text)), Task.CODE)


def limits_of(task: Task, profile: Profile) -> Limits:
    """Return what a workflow is held to."""
    seconds, subjects, budget = _SIZES[task]
    usual = Limits(
        seconds=seconds,
        answers=16,
        subjects=subjects,
        budget=budget,
        least_confidence=WEAK,
        shares=_SHARES[task],
        past=task in _PAST,
    )
    if profile is Profile.STRICT:
        return evolve(
            usual, seconds=0.4 * seconds, subjects=subjects - 1, budget=budget // 2, least_confidence=_SURE
        )
    if profile is Profile.RELAXED:
        return evolve(
            usual,
            seconds=3 * seconds,
            answers=40,
            subjects=2 * subjects,
            budget=2 * budget,
            least_confidence=0.0,
            past=True,
        )
    return usual
