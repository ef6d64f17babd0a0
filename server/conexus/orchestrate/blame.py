"""The agent that asks git: which commit wrote an answer last, and for which ticket."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from conexus.orchestrate.evidence import Statement
from conexus.workspace import history

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from conexus.orchestrate.analyse import Subject
    from conexus.workspace.history import Blamed

_SHORT_ID = 10
_MOST_COMMITS = 2


def changes(subjects: Sequence[Subject]) -> Iterator[Statement]:
    """Yield for each subject the commits that wrote most of its lines, the newest first."""
    for subject in subjects:
        past, span, path = subject.ground.past, subject.symbol.span, subject.text.path
        if past is None or past.position is None:
            continue
        unsaved = subject.ground.unsaved(path)
        blamed = history.blame(past.root, path, span.start_line, span.end_line, unsaved)
        yield from _statements(subject, blamed)


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
