"""Checks on a finished answer: what each of them found is part of the reply, and counted."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from attrs import frozen

from conexus.orchestrate.routing import Profile
from conexus.orchestrate.steps import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from conexus.orchestrate.pack import Pack
    from conexus.orchestrate.routing import Limits
    from conexus.orchestrate.steps import Done
    from conexus.orchestrate.verify import Verified


class Verdict(StrEnum):
    """What a gate says."""

    PASSED = "passed"
    WARNED = "warned"
    FAILED = "failed"


@frozen
class Gate:
    """One check and its outcome."""

    name: str
    verdict: Verdict
    detail: str


@frozen
class Finished:
    """What the gates look at."""

    pack: Pack
    budget: int
    verified: Verified
    steps: Sequence[Done[Any]]
    seconds: float
    limits: Limits
    profile: Profile
    confidence: float
    behind: int
    """Files known to differ from what is indexed."""


def judge(done: Finished) -> list[Gate]:
    """Return the outcome of every gate."""
    strict = done.profile is Profile.STRICT
    worse = Verdict.FAILED if strict else Verdict.WARNED
    return [
        _evidence(done),
        _gate(
            "tokens", done.pack.tokens <= done.budget, f"{done.pack.tokens} of {done.budget}", Verdict.FAILED
        ),
        _duplicates(done),
        _staleness(done, worse),
        _gate(
            "time",
            done.seconds <= done.limits.seconds,
            f"{1000 * done.seconds:.0f} of {1000 * done.limits.seconds:.0f} ms",
            worse,
        ),
        _steps(done, worse),
        _gate(
            "confidence",
            done.confidence >= done.limits.least_confidence,
            f"{done.confidence:.2f}, wanted {done.limits.least_confidence:.2f}",
            worse,
        ),
    ]


def _gate(name: str, passed: bool, detail: str, otherwise: Verdict) -> Gate:
    return Gate(name, Verdict.PASSED if passed else otherwise, detail)


def _evidence(done: Finished) -> Gate:
    shown = len(done.pack.pieces) + len(done.pack.statements)
    dropped = len(done.verified.dropped)
    detail = f"{shown} of {shown} verified" + (f", {dropped} files' dropped" if dropped else "")
    return _gate("evidence", shown > 0, detail if shown else "nothing was found", Verdict.WARNED)


def _duplicates(done: Finished) -> Gate:
    twice = [line for line, count in Counter(_lines(done.pack)).items() if count > 1]
    return _gate("duplicates", not twice, f"{len(twice)} lines twice", Verdict.FAILED)


def _lines(pack: Pack) -> Iterator[tuple[str, str]]:
    """Yield every line of the pack that is a file's, as (file, line)."""
    heading = ""
    for line in pack.text.split("\n"):
        if line.startswith("## "):
            heading = line
        elif line[:1].isdigit():
            yield heading, line


def _staleness(done: Finished, worse: Verdict) -> Gate:
    stale = [
        f"{len(done.verified.moved)} files changed meanwhile" if done.verified.moved else "",
        f"{len(done.verified.dropped)} files' evidence dropped" if done.verified.dropped else "",
        f"{done.behind} files not indexed yet" if done.behind else "",
    ]
    detail = ", ".join(filter(None, stale))
    return _gate("staleness", not detail, detail or "everything is as indexed", worse)


def _steps(done: Finished, worse: Verdict) -> Gate:
    short = [
        f"{step.name} {step.outcome}" for step in done.steps if step.outcome in {Outcome.LATE, Outcome.FAILED}
    ]
    return _gate("steps", not short, ", ".join(short) or f"{len(done.steps)} steps", worse)
