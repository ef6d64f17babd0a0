"""What agents work on: one folder's snapshot, its texts as they are now, its search and its past."""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING

from attrs import define, field

from conexus.domain import Span, Symbol
from conexus.orchestrate.evidence import Citation
from conexus.parsing.chunker import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from conexus.indexing.past import Past
    from conexus.search.gates import Hit
    from conexus.search.query import SearchRequest
    from conexus.store.manifest import FileRecord
    from conexus.store.snapshot import Snapshot
    from conexus.workspace.source import Source


@define(eq=False)
class Text:
    """One file as one question sees it. Safe to use from several threads."""

    path: str
    source: bytes
    language: str
    definitions: tuple[Symbol, ...]
    """In order, where they stand in `source`."""
    parseable: bool
    """Whether its grammar was not known to fail or hang on it."""

    @cached_property
    def starts(self) -> list[int]:
        """The offset of every line."""
        found, at = [0], self.source.find(b"\n")
        while at >= 0:
            found.append(at + 1)
            at = self.source.find(b"\n", at + 1)
        return found

    @property
    def lines(self) -> int:
        """Return how many lines there are; an end of line at the end begins none."""
        return len(self.starts) - self.source.endswith(b"\n") if self.source else 0

    def line_at(self, offset: int) -> int:
        """Return the 1-based line that holds the byte at `offset`."""
        return bisect_right(self.starts, offset)

    def span(self, first: int, last: int) -> Span:
        """Return lines `first` to `last`, as far as there are any, without the end of the last."""
        last = max(1, min(last, self.lines))
        first = max(1, min(first, last))
        end = self.starts[last] if last < len(self.starts) else len(self.source)
        while end > self.starts[first - 1] and self.source[end - 1] in b"\r\n":
            end -= 1
        return Span(self.starts[first - 1], end, first, last)

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
    search: Callable[[SearchRequest], Sequence[Hit]]
    past: Past | None = None
    unsaved: Callable[[str], bytes | None] = lambda _: None
    """Returns the text of a path that an editor has open, as it is there."""
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

    def cite(self, text: Text, first: int, last: int) -> Citation:
        """Return lines `first` to `last` of a text, to be proven by."""
        span = text.span(first, last)
        return Citation(self, text.path, span, text.source[span.start : span.end])

    def _load(self, path: str) -> Text | None:
        record, now = self.records.get(path), self.read(path)
        if record is None or now is None:
            return None
        if now.digest == record.digest:
            entries = self.snapshot.symbols().of_file(record.file_id)
            found = tuple(Symbol(e.name, e.kind, e.container, e.line, e.span) for e in entries)
        else:
            # What a grammar hung on is not given to it here, where nobody could end it.
            found = parse(now.source, "text" if record.note else record.language).symbols
        return Text(path, now.source, record.language, found, not record.note)
