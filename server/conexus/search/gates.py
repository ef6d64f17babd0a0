"""Checks on a reply: every hit is cut from the text as it is now, or it is not shown."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from conexus.embedding.words import passage
from conexus.parsing.chunker import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from conexus.domain import Span
    from conexus.search.rank import Ranked
    from conexus.store.manifest import FileRecord
    from conexus.store.places import Row
    from conexus.workspace.source import Source


@frozen
class Hit:
    """An answer: a span of a file as it is now."""

    path: str
    span: Span
    line: int
    """The 1-based line in it to look at first."""
    excerpt: str
    symbol: str
    kind: str
    language: str
    score: float
    """In [0, 1]; compares hits of one question, also of several folders."""
    reasons: tuple[str, ...]


@define
class Outcome:
    """Hits that passed, and what the gates met."""

    hits: list[Hit] = field(factory=list)
    moved: list[str] = field(factory=list)
    """Paths that changed since they were indexed; their hits show the place as it is now."""
    gone: list[str] = field(factory=list)
    """Paths whose hit no longer exists in the file."""
    duplicates: int = 0
    """Hits left out because another one shows the same lines."""
    unchecked: int = 0
    """Candidates that there was no time to check; none of them is shown."""


def verify(
    ranked: Sequence[Ranked],
    files: Mapping[str, FileRecord],
    read: Callable[[str], Source | None],
    limit: int,
    *,
    holds: Callable[[str], bool] = lambda _: True,
    deadline: float = math.inf,
) -> Outcome:
    """Return the first `limit` of `ranked` that stand as hits, each checked against the text `read` gives for its path now.

    A file that changed is cut again: a chunk that still stands somewhere in it moves there, any other
    is dropped, so that no hit ever shows a wrong place. `holds` says of an excerpt whether it has what the
    question says it must have as it stands. After `deadline` (of `time.monotonic`) one hit is still checked,
    and the others are not shown.
    """
    outcome = Outcome()
    texts: dict[str, _Text | None] = {}
    shown: set[tuple[str, int, int]] = set()
    for position, answer in enumerate(ranked):
        if len(outcome.hits) == limit:
            break
        if outcome.hits and time.monotonic() >= deadline:
            outcome.unchecked = len(ranked) - position
            break
        path = answer.row.path
        if path not in texts:
            texts[path] = _Text.of(path, files.get(path), read(path))
        text = texts[path]
        span = text.span_of(answer.row) if text else None
        if text is None or span is None:
            outcome.gone.append(path)
            continue
        if (path, span.start, span.end) in shown:
            outcome.duplicates += 1
            continue
        shown.add((path, span.start, span.end))
        hit = _hit(answer, text, span)
        if not holds(hit.excerpt):
            outcome.gone.append(path)
            continue
        if text.moved:
            outcome.moved.append(path)
        outcome.hits.append(hit)
    return outcome


@define
class _Text:
    """A file as it is now, and where its chunks stand if that is not what was indexed."""

    source: bytes
    language: str
    moved: dict[bytes, Span] | None

    @classmethod
    def of(cls, path: str, record: FileRecord | None, now: Source | None) -> _Text | None:
        if record is None or now is None:
            return None
        if now.digest == record.digest:
            return cls(now.source, record.language, None)
        # What a grammar hung on is not given to it here, where nobody could end it.
        language = "text" if record.note else record.language
        return cls(now.source, record.language, _chunks(path, language, now.source))

    def span_of(self, row: Row) -> Span | None:
        if self.moved is not None:
            return self.moved.get(row.digest)
        return row.span if row.span.end <= len(self.source) else None


def _chunks(path: str, language: str, source: bytes) -> dict[bytes, Span]:
    return {
        passage(path, chunk.symbol, _decode(source, chunk.span)).digest: chunk.span
        for chunk in parse(source, language).chunks
    }


def _hit(answer: Ranked, text: _Text, span: Span) -> Hit:
    row = answer.row
    return Hit(
        path=row.path,
        span=span,
        line=span.start_line,
        excerpt=_decode(text.source, span),
        symbol=row.symbol,
        kind=row.kind,
        language=text.language,
        score=answer.score,
        reasons=answer.reasons,
    )


def _decode(source: bytes, span: Span) -> str:
    return source[span.start : span.end].decode("utf-8", "replace")
