"""What agents work on: one folder's snapshot, its texts as they are now, its search and its past."""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from attrs import define, field, frozen

from conexus.domain import Span, Symbol
from conexus.orchestrate.evidence import Citation
from conexus.parsing.chunker import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from conexus.indexing.past import Past
    from conexus.search.gates import Hit
    from conexus.search.query import Query, SearchRequest
    from conexus.search.retrieve import Found
    from conexus.store.manifest import FileRecord
    from conexus.store.snapshot import Snapshot
    from conexus.workspace.source import Source


@frozen
class Looked:
    """What a search came back with."""

    hits: Sequence[Hit]
    query: Query
    found: Sequence[Found]
    """Every agent's candidates."""
    confidence: float
    """In [0, 1]: how sure the search is of its hits."""


@define(eq=False)
class Text:
    """One file as one question sees it. Safe to use from several threads."""

    path: str
    source: bytes
    language: str
    _define: Callable[[], tuple[Symbol, ...]]
    parseable: bool
    """Whether its grammar was not known to fail or hang on it."""
    as_indexed: bool
    """Whether chunks of the index stand where it says."""

    @cached_property
    def definitions(self) -> tuple[Symbol, ...]:
        """What it defines, in order, where it stands in `source`."""
        return self._define()

    @cached_property
    def starts(self) -> list[int]:
        """The offset of every line."""
        ends = np.flatnonzero(np.frombuffer(self.source, np.uint8) == ord("\n"))
        return [0, *(ends + 1).tolist()]

    @property
    def lines(self) -> int:
        """Return how many lines there are; an end of line at the end begins none."""
        return len(self.starts) - self.source.endswith(b"\n") if self.source else 0

    def line_at(self, offset: int) -> int:
        """Return the 1-based line that holds the byte at `offset`."""
        return bisect_right(self.starts, offset)

    def span(self, first: int, last: int) -> Span:
        """Return lines `first` to `last` without empty ones around them, and without the end of the last."""
        last = max(1, min(last, self.lines))
        first = max(1, min(first, last))
        while first < last and not self._line(last).strip():
            last -= 1
        while first < last and not self._line(first).strip():
            first += 1
        start = self.starts[first - 1]
        return Span(start, start + len(self.source[start : self._end(last)].rstrip(b"\r\n")), first, last)

    def _line(self, number: int) -> bytes:
        return self.source[self.starts[number - 1] : self._end(number)]

    def _end(self, number: int) -> int:
        return self.starts[number] if number < len(self.starts) else len(self.source)

    def around(self, line: int) -> list[Symbol]:
        """Return the definitions that hold `line`, innermost first."""
        held = [one for one in self.definitions if one.span.start_line <= line <= one.span.end_line]
        return sorted(held, key=lambda one: one.span.end - one.span.start)


@define(eq=False)
class Ground:
    """One folder, for one question. Safe to use from several threads."""

    root: str
    """The folder as whoever asks calls it."""
    snapshot: Snapshot
    records: Mapping[str, FileRecord]
    read: Callable[[str], Source | None]
    """Reads the text of a path as it is at that moment, unsaved changes included."""
    unchanged: Callable[[str, FileRecord], bool]
    """Says cheaply whether a path surely has the text that its record is of."""
    search: Callable[[SearchRequest], Looked]
    past: Past | None = None
    unsaved: Callable[[str], bytes | None] = lambda _: None
    """Returns the text of a path that an editor has open, as it is there."""
    confidence: float = 0.0
    """In [0, 1]: how sure the search for the question was; noted by who searched."""
    _texts: dict[str, Text | None] = field(init=False, factory=dict)
    _lock: Lock = field(init=False, factory=Lock)

    def text(self, path: str) -> Text | None:
        """Return `path` as this question sees it: read once; None if it is gone or not indexed."""
        with self._lock:
            if path in self._texts:
                return self._texts[path]
        text = self._load(path)
        with self._lock:
            return self._texts.setdefault(path, text)

    def now(self, path: str) -> bytes | None:
        """Return the text of `path` as it is at this moment; read again only where it may be another."""
        text, record = self.text(path), self.records.get(path)
        if text is not None and record is not None and text.as_indexed and self.unchanged(path, record):
            return text.source
        source = self.read(path)
        return source.source if source else None

    def cite(self, text: Text, first: int, last: int) -> Citation:
        """Return lines `first` to `last` of a text, to be proven by."""
        span = text.span(first, last)
        return Citation(self, text.path, span, text.source[span.start : span.end])

    def _load(self, path: str) -> Text | None:
        record, now = self.records.get(path), self.read(path)
        if record is None or now is None:
            return None
        as_indexed = now.digest == record.digest

        def defined() -> tuple[Symbol, ...]:
            if as_indexed:
                entries = self.snapshot.symbols().of_file(record.file_id)
                return tuple(Symbol(e.name, e.kind, e.container, e.line, e.span) for e in entries)
            # What a grammar hung on is not given to it here, where nobody could end it.
            return parse(now.source, "text" if record.note else record.language).symbols

        return Text(path, now.source, record.language, defined, not record.note, as_indexed)
