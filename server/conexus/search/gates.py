"""Checks on a reply: every hit is cut from the text as it is now, or it is not shown."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from conexus.embedding.words import passage
from conexus.parsing.chunker import parse
from conexus.workspace.source import redact

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

    def keep(self, limit: int) -> None:
        """Forget all hits but the first `limit`."""
        del self.hits[limit:]
        shown = {hit.path for hit in self.hits}
        self.moved = [path for path in self.moved if path in shown]


def verify(
    ranked: Sequence[Ranked],
    files: Mapping[str, FileRecord],
    read: Callable[[str], Source | None],
    limit: int,
    *,
    cut: Callable[[Row], bytes | None] = lambda _: None,
    holds: Callable[[str], bool] = lambda _: True,
    deadline: float = math.inf,
) -> Outcome:
    """Return the first `limit` of `ranked` that stand as hits, each checked against the text `read` gives for its path now.

    A file that changed is cut again: a chunk that still stands somewhere in it moves there, any other
    is dropped, so that no hit ever shows a wrong place. `cut` gives the bytes of a chunk where its file surely is the
    one that was indexed, which spares reading and judging all of it: they have to be what was embedded, by its
    digest. `holds` says of an excerpt whether it has what the
    question says it must have as it stands. After `deadline` (of `time.monotonic`) one hit is still checked,
    and the others are not shown.
    """
    outcome = Outcome()
    texts = _Texts(files, read, cut)
    shown: set[tuple[str, int, int]] = set()
    for position, answer in enumerate(ranked):
        if len(outcome.hits) == limit:
            break
        if outcome.hits and time.monotonic() >= deadline:
            outcome.unchecked = len(ranked) - position
            break
        row = answer.row
        standing = texts.standing(row)
        if standing is None:
            outcome.gone.append(row.path)
            continue
        place = (row.path, standing.span.start, standing.span.end)
        if place in shown:
            outcome.duplicates += 1
            continue
        shown.add(place)
        if not holds(standing.excerpt):
            outcome.gone.append(row.path)
            continue
        if standing.moved:
            outcome.moved.append(row.path)
        outcome.hits.append(_hit(answer, standing))
    return outcome


@frozen
class _Standing:
    """A chunk as it stands in the text of now."""

    span: Span
    excerpt: str
    language: str
    moved: bool = False
    """Whether its file is another one than was indexed."""


@define
class _Texts:
    """The files of one reply, each read once, if it must be read at all."""

    files: Mapping[str, FileRecord]
    read: Callable[[str], Source | None]
    cut: Callable[[Row], bytes | None]
    _known: dict[str, _Text | None] = field(init=False, factory=dict)

    def standing(self, row: Row) -> _Standing | None:
        """Return a chunk as it stands now, None if it does not stand in its file any more."""
        record = self.files.get(row.path)
        if row.path not in self._known:
            if record is not None and (here := self._as_indexed(row, record)) is not None:
                return here
            self._known[row.path] = _Text.of(row.path, record, self.read(row.path))
        text = self._known[row.path]
        return text.standing(row) if text is not None else None

    def _as_indexed(self, row: Row, record: FileRecord) -> _Standing | None:
        """Return a chunk that surely stands where it was indexed, byte for byte what was embedded."""
        raw = self.cut(row)
        if raw is None:
            return None
        excerpt = raw.decode("utf-8", "replace")
        # What was embedded was judged with its whole file; but the rules for secrets may be newer than the index.
        if passage(row.path, row.symbol, excerpt).digest != row.digest or redact(raw)[1]:
            return None
        return _Standing(row.span, excerpt, record.language)


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

    def standing(self, row: Row) -> _Standing | None:
        span = row.span if self.moved is None else self.moved.get(row.digest)
        if span is None or span.end > len(self.source):
            return None
        return _Standing(span, _decode(self.source, span), self.language, bool(self.moved))


def _chunks(path: str, language: str, source: bytes) -> dict[bytes, Span]:
    return {
        passage(path, chunk.symbol, _decode(source, chunk.span)).digest: chunk.span
        for chunk in parse(source, language).chunks
    }


def _hit(answer: Ranked, standing: _Standing) -> Hit:
    row = answer.row
    return Hit(
        path=row.path,
        span=standing.span,
        line=standing.span.start_line,
        excerpt=standing.excerpt,
        symbol=row.symbol,
        kind=row.kind,
        language=standing.language,
        score=answer.score,
        reasons=answer.reasons,
    )


def _decode(source: bytes, span: Span) -> str:
    return source[span.start : span.end].decode("utf-8", "replace")
