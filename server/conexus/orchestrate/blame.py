"""The agents that ask git: which commit wrote an answer last, and which code was written for a ticket."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from conexus.orchestrate.evidence import Piece, Role, Statement
from conexus.orchestrate.locate import around_line
from conexus.workspace import history

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from conexus.domain import Span
    from conexus.orchestrate.analyse import Subject
    from conexus.orchestrate.ground import Ground
    from conexus.workspace.history import Blamed

_SHORT_ID = 10
_MOST_COMMITS = 2
# Files of a ticket that are shown, the most changed first.
_MOST_FILES = 3
_LONGEST = 60
_SURE = 0.9


def changes(subjects: Sequence[Subject]) -> Iterator[Statement]:
    """Yield for each subject the commits that wrote most of its lines, the newest first."""
    for subject in subjects:
        past, span, path = subject.ground.past, subject.symbol.span, subject.text.path
        if past is None or past.position is None:
            continue
        unsaved = subject.ground.unsaved(path)
        blamed = history.blame(past.root, path, span.start_line, span.end_line, unsaved)
        yield from _statements(subject, blamed)


def of_ticket(ground: Ground, ticket: str) -> Iterator[Piece]:
    """Yield the definitions that the commits of a ticket wrote most of, one for each file."""
    if ground.past is None or ground.past.position is None:
        return
    commits = ground.past.store().of_ticket(ticket)
    counts = Counter(path for paths in commits.values() for path in paths)
    shown = 0
    for path, _ in counts.most_common():
        text = ground.text(path) if shown < _MOST_FILES else None
        if text is None:
            continue
        own = {record.id for record, paths in commits.items() if path in paths}
        run = longest_run(ground.past.root, path, text.lines, ground.unsaved(path), own)
        if run is None:
            continue
        inside = [one for one in text.definitions if _touches(one.span, run.start_line, run.end_line)]
        one = max(
            inside, key=lambda symbol: _touches(symbol.span, run.start_line, run.end_line), default=None
        )
        span = one.span if one else text.span(run.start_line, run.end_line)
        if span.end_line - span.start_line >= _LONGEST:
            first = max(span.start_line, run.start_line)
            span = text.span(first, min(run.end_line, first + _LONGEST))
        yield Piece(
            ground.cite(text, span.start_line, span.end_line),
            one.qualified if one else "",
            one.kind if one else "text",
            Role.ANSWER,
            _SURE,
            (f"changed for {ticket}",),
            whole=one is not None and one.span == span,
            briefer=around_line(ground, text, span, run.start_line),
        )
        shown += 1


def _touches(span: Span, first: int, last: int) -> int:
    """Return how many lines of `first` to `last` lie in a span."""
    return max(0, min(span.end_line, last) - max(span.start_line, first) + 1)


def longest_run(
    root: Path, path: str, lines: int, unsaved: bytes | None, commits: Collection[str]
) -> Blamed | None:
    """Return the longest run of lines that one of `commits` wrote last; None if none of them is left."""
    blamed = history.blame(root, path, 1, max(1, lines), unsaved)
    runs = [one for one in blamed if one.commit in commits]
    return max(runs, key=lambda one: one.end_line - one.start_line, default=None)


def _statements(subject: Subject, blamed: Sequence[Blamed]) -> Iterator[Statement]:
    past = subject.ground.past
    assert past is not None
    lines = Counter[str]()
    for run in blamed:
        lines[run.commit] += run.end_line - run.start_line + 1
    records = past.store().by_ids([commit for commit in lines if commit])
    tickets = past.store().tickets_of(list(records))
    for record in sorted(records.values(), key=lambda one: -one.time)[:_MOST_COMMITS]:
        run = max((b for b in blamed if b.commit == record.id), key=lambda b: b.end_line - b.start_line)
        day = time.strftime("%Y-%m-%d", time.gmtime(record.time))
        named = "".join(f" {ticket}" for ticket in tickets.get(record.id, ()) if ticket not in record.subject)
        count = lines[record.id]
        text = (
            f"has {count} line{'s' * (count != 1)} of {record.id[:_SHORT_ID]} ({day}, {record.author}): "
            f"{record.subject}{named}"
        )
        cited = subject.ground.cite(subject.text, run.start_line, run.end_line)
        yield Statement(subject.symbol.qualified, "changed", text, cited, record.id)
