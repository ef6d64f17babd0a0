"""Phrases and regular expressions in the text as it is now: what grep finds, in the files of the index.

Expressions are RE2's: matched in time linear in the text whatever they are, outside of the interpreter's lock,
and without looking around or back. The index only says where not to look: where each file that matches must have
a word, files without it are passed over unless they changed since they were indexed.
"""

from __future__ import annotations

import time
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from conexus.domain import Span
from conexus.embedding.terms import stems
from conexus.embedding.words import passage, words
from conexus.parsing.chunker import parse
from conexus.search.query import Exact, literals
from conexus.store.places import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from conexus.store.manifest import FileRecord
    from conexus.store.snapshot import Snapshot
    from conexus.workspace.source import Source

# A word in more chunks than this spares little, and listing them costs as much as looking.
_MOST_LISTED = 2_000
_WORDS_TRIED = 3
_MOST_IN_FILE = 1_000
_MOST_CHUNKS = 5_000
_LONGEST_LINE = 1_000
# Bytes of memory for an expression; one that needs more is refused by RE2.
_MEMORY = 4 << 20
_OF_LINES = b"(?m)"


@frozen
class Texts:
    """How to look at a folder's files as they are now, open texts included. Paths are relative."""

    read: Callable[[str], Source | None]
    """The text that counts; None if it is gone or does not belong any more."""
    peek: Callable[[str], bytes | None]
    """Its bytes as they lie there, to see cheaply whether reading it is worth while."""
    unchanged: Callable[[str, FileRecord], bool]
    """Whether it surely has the text of that record."""


@frozen
class Place:
    """One match."""

    path: str
    span: Span
    """Of the match, in the text as it is now."""
    column: int
    """1-based, in characters, of the match in its first line."""
    text: str
    """The first line of the match without its end; of a very long one, the part around the match."""


@frozen
class Grepped:
    """Matches by path and place, and how far the search came."""

    places: tuple[Place, ...]
    complete: bool
    """Whether all files were looked at and all matches taken."""
    files: int
    """Files looked through."""
    notes: tuple[str, ...]
    """Why it is not complete, or what was looked for instead; sentences for people."""


@frozen
class Holding:
    """Chunks that have all that is asked for."""

    rows: tuple[Row, ...]
    """Those whose definition is called so first, then by matches; `Row.score` is their number."""
    complete: bool
    notes: tuple[str, ...]


def grep(
    wanted: Exact,
    snapshot: Snapshot,
    records: Mapping[str, FileRecord],
    texts: Texts,
    allowed: NDArray[np.bool_] | None,
    *,
    limit: int,
    deadline: float,
    cancelled: Callable[[], bool] = lambda: False,
) -> Grepped:
    """Return the first `limit` places that match, in order of path and place.

    `allowed` (bool, by file id) narrows the search, `deadline` is a time of `time.monotonic`. Raises nothing
    for what an expression may be: one that RE2 does not understand is looked for as plain text, and a note says so.
    """
    look = _Look([wanted], texts, deadline, cancelled)
    places: list[Place] = []
    for file in look.through(_in_order(snapshot, records, [wanted], texts, allowed)):
        places += islice(file.places(), limit + 1 - len(places))
        if len(places) > limit:
            look.stop(f"there are more matches than {limit}")
            break
    return Grepped(tuple(places[:limit]), look.complete, look.files, tuple(look.notes))


def holding(
    wanted: Sequence[Exact],
    snapshot: Snapshot,
    records: Mapping[str, FileRecord],
    texts: Texts,
    allowed: NDArray[np.bool_] | None,
    *,
    deadline: float,
    cancelled: Callable[[], bool] = lambda: False,
) -> Holding:
    """Return the chunks in which each of `wanted` matches, as `grep` finds them.

    A chunk of a file that changed since it was indexed is cut from the text as it is now; its `ord` is negative.
    """
    look = _Look(wanted, texts, deadline, cancelled)
    counted: list[tuple[Row, int]] = []
    for file in look.through(_in_order(snapshot, records, wanted, texts, allowed)):
        counted += file.chunks(snapshot)
        if len(counted) >= _MOST_CHUNKS:
            look.stop(f"only the first {len(counted)} places were looked at")
            break

    def order(item: tuple[Row, int]) -> tuple[bool, int, str, int]:
        row, count = item
        named = any(look.names(row.symbol.rpartition(".")[2]))
        return (not named, -count, row.path, row.span.start)

    rows = tuple(row._replace(score=float(count)) for row, count in sorted(counted, key=order))
    return Holding(rows, look.complete, tuple(look.notes))


def holds(text: str, wanted: Sequence[Exact]) -> bool:
    """Return whether each of `wanted` matches somewhere in `text`."""
    if not wanted:
        return True
    source = _utf8(text)
    return all(_compiled(one).expression.search(source) is not None for one in wanted)


def fault(wanted: Exact) -> str:
    """Return why `wanted` is looked for as plain text instead, in a sentence for people; empty if it is not."""
    return _compiled(wanted).note


@frozen
class _Compiled:
    expression: Any
    note: str = ""


@lru_cache(maxsize=64)
def _compiled(wanted: Exact) -> _Compiled:
    import re2

    case_sensitive = "i" not in wanted.flags
    if not wanted.is_regex:
        options = _options(literal=True, case_sensitive=case_sensitive)
        return _Compiled(re2.compile(_utf8(wanted.text), options))
    # As with grep, ^ and $ are the ends of lines, and unless a pattern names a line end it stays within a line.
    lines = "s" in wanted.flags or "\\n" in wanted.text
    options = _options(case_sensitive=case_sensitive, dot_nl="s" in wanted.flags, never_nl=not lines)
    try:
        return _Compiled(re2.compile(_OF_LINES + _utf8(wanted.text), options))
    except re2.error as error:
        plain = _compiled(Exact(wanted.text, flags=wanted.flags))
        reason = error.args[0].decode("utf-8", "replace") if error.args else "not understood"
        reason = reason.replace(_OF_LINES.decode(), "", 1)
        return _Compiled(
            plain.expression, f"{wanted.shown} is no expression of RE2 ({reason}) and was looked for as text"
        )


def _options(**values: bool) -> Any:
    import re2

    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = _MEMORY
    for name, value in values.items():
        setattr(options, name, value)
    return options


def _utf8(text: str) -> bytes:
    # What is no character is in no source either.
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace").encode()


def _in_order(
    snapshot: Snapshot,
    records: Mapping[str, FileRecord],
    wanted: Sequence[Exact],
    texts: Texts,
    allowed: NDArray[np.bool_] | None,
) -> Iterator[FileRecord]:
    """Yield the files that may have matches, by path."""
    sure = _files_of_words(snapshot, wanted, allowed)
    for path in sorted(records):
        record = records[path]
        if allowed is not None and not (record.file_id < len(allowed) and allowed[record.file_id]):
            continue
        if sure is None or record.file_id in sure or not texts.unchanged(path, record):
            yield record


def _files_of_words(
    snapshot: Snapshot, wanted: Sequence[Exact], allowed: NDArray[np.bool_] | None
) -> set[int] | None:
    """Return the files that have words without which nothing matches; None if no word spares much."""
    if snapshot.waiting_chunks:
        return None
    telling = sorted({word for one in wanted for word in whole_words(one)}, key=len, reverse=True)
    found: set[int] | None = None
    for word in telling[:_WORDS_TRIED]:
        rows = snapshot.matching(stems([word]), _MOST_LISTED, allowed)
        if len(rows) < _MOST_LISTED:
            files = {row.file_id for row in rows}
            found = files if found is None else found & files
    return found


def whole_words(wanted: Exact) -> list[str]:
    """Return words, as the index has them, of every text that matches.

    Words at the ends of a literal may be parts of longer ones. Where case does not matter nothing is sure: the
    index splits words at it, and so does it letters beyond ASCII that it folds.
    """
    if "i" in wanted.flags or (wanted.is_regex and "(?" in wanted.text):
        return []
    found: list[str] = []
    for literal in literals(wanted):
        if literal.isascii():
            said = words(literal)
            last = len(said) - literal[-1:].isalnum()
            found += said[int(literal[:1].isalnum()) : last]
    return found


@define
class _Look:
    """Looks through files one by one, as long as there is time."""

    wanted: Sequence[Exact]
    texts: Texts
    deadline: float
    cancelled: Callable[[], bool]
    files: int = 0
    complete: bool = True
    notes: list[str] = field(factory=list)
    _asks_for_masks: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        self._asks_for_masks = any("*" in literal for one in self.wanted for literal in literals(one))
        self.notes += [note for one in self.wanted if (note := _compiled(one).note)]

    def stop(self, reason: str) -> None:
        """Take note that the rest is not looked at."""
        self.complete = False
        self.notes.append(f"not all places were searched for {self._shown()}: {reason}")

    def through(self, records: Iterable[FileRecord]) -> Iterator[_File]:
        """Yield the files in which each of the wanted texts is."""
        for record in records:
            if self.cancelled() or time.monotonic() >= self.deadline:
                self.stop(f"the time was over after {self.files} files")
                return
            self.files += 1
            if self._may_match(record) and (source := self.texts.read(record.path)) is not None:
                spans = [self._spans(one, source.source) for one in self.wanted]
                if all(spans):
                    yield _File(record, source, spans)

    def names(self, symbol: str) -> Iterator[bool]:
        """Yield for each of the wanted texts whether it is in the name of a definition."""
        return (_compiled(one).expression.search(_utf8(symbol)) is not None for one in self.wanted)

    def _may_match(self, record: FileRecord) -> bool:
        """Return whether a file is worth reading.

        Bytes in another encoding than ours say nothing, and none say where a secret is masked.
        """
        raw = self.texts.peek(record.path)
        if raw is None or record.encoding != "utf-8" or self._asks_for_masks:
            return raw is not None
        return all(_compiled(one).expression.search(raw) is not None for one in self.wanted)

    def _spans(self, wanted: Exact, source: bytes) -> list[tuple[int, int]]:
        matches = (match.span() for match in _compiled(wanted).expression.finditer(source))
        found = list(islice((span for span in matches if span[0] < span[1]), _MOST_IN_FILE))
        if len(found) == _MOST_IN_FILE:
            self.stop(f"a file has more than {_MOST_IN_FILE - 1} matches")
        return found

    def _shown(self) -> str:
        return ", ".join(one.shown for one in self.wanted)


@define
class _File:
    """A file with matches: for each wanted text, the byte ranges where it is."""

    record: FileRecord
    source: Source
    spans: list[list[tuple[int, int]]]

    def places(self) -> Iterator[Place]:
        """Yield the matches in order."""
        text, line, counted = self.source.source, 1, 0
        for start, end in sorted(span for spans in self.spans for span in spans):
            line += text.count(b"\n", counted, start)
            counted = start
            last = line + text.count(b"\n", start, end - 1)
            begin = text.rfind(b"\n", 0, start) + 1
            column = len(text[begin:start].decode("utf-8", "replace")) + 1
            yield Place(self.record.path, Span(start, end, line, last), column, _line(text, begin, start))

    def chunks(self, snapshot: Snapshot) -> list[tuple[Row, int]]:
        """Return the chunks in which each of the wanted texts is, with the number of matches."""
        counts = [self._counted(spans, snapshot) for spans in self.spans]
        shared = [key for key in counts[0] if all(key in others for others in counts[1:])]
        return [(counts[0][key][0], sum(found[key][1] for found in counts)) for key in shared]

    def _counted(self, spans: list[tuple[int, int]], snapshot: Snapshot) -> dict[int, tuple[Row, int]]:
        found: dict[int, tuple[Row, int]] = {}
        for row, (_, end) in zip(self._covering(spans, snapshot), spans, strict=True):
            if row is not None and end <= row.span.end:
                found[row.ord] = (row, found.get(row.ord, (row, 0))[1] + 1)
        return found

    def _covering(self, spans: list[tuple[int, int]], snapshot: Snapshot) -> list[Row | None]:
        if self.source.digest == self.record.digest:
            return snapshot.covering([(self.record.file_id, start) for start, _ in spans])
        rows = _cut_now(self.record, self.source.source)
        return [
            next((row for row in rows if row.span.start <= start < row.span.end), None) for start, _ in spans
        ]


def _cut_now(record: FileRecord, source: bytes) -> list[Row]:
    """Return the chunks of a text that is newer than the index; `ord` counts down from -1."""
    # What a grammar hung on is not given to it here, where nobody could end it.
    language = "text" if record.note else record.language
    rows = []
    for number, chunk in enumerate(parse(source, language).chunks):
        content = source[chunk.span.start : chunk.span.end].decode("utf-8", "replace")
        digest = passage(record.path, chunk.symbol, content).digest
        rows.append(
            Row(record.file_id, record.path, -1 - number, chunk.span, chunk.symbol, chunk.kind, digest)
        )
    return rows


def _line(text: bytes, begin: int, start: int) -> str:
    end = text.find(b"\n", start)
    line = text[begin : end if end >= 0 else len(text)].rstrip(b"\r")
    if len(line) > _LONGEST_LINE:
        first = max(0, start - begin - _LONGEST_LINE // 4)
        line = line[first : first + _LONGEST_LINE]
    return line.decode("utf-8", "replace")
