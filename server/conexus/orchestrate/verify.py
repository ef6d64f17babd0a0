"""The agent that trusts nobody: what is cited must stand in the text as it is at this moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, evolve, field, frozen

from conexus.domain import Span

if TYPE_CHECKING:
    from collections.abc import Iterable

    from conexus.orchestrate.evidence import Citation, Piece, Statement


@frozen
class Verified:
    """What stood the check."""

    pieces: tuple[Piece, ...]
    statements: tuple[Statement, ...]
    moved: tuple[str, ...]
    """Paths whose citations stand at other lines by now, and were led there."""
    dropped: tuple[str, ...]
    """Paths whose citations do not stand there any more: nothing of them is shown."""


def verify(pieces: Iterable[Piece], statements: Iterable[Statement]) -> Verified:
    """Return what of `pieces` and `statements` is in its file now, byte for byte, at the lines it says."""
    check = _Check()
    standing = [evolve(one, cited=now) for one in pieces if (now := check.now(one.cited)) is not None]
    proven = [evolve(one, cited=now) for one in statements if (now := check.now(one.cited)) is not None]
    return Verified(tuple(standing), tuple(proven), tuple(check.moved), tuple(check.dropped))


@define
class _Check:
    """Looks at every file once more."""

    moved: dict[str, None] = field(factory=dict)
    dropped: dict[str, None] = field(factory=dict)
    _sources: dict[tuple[str, str], bytes | None] = field(factory=dict)

    def now(self, cited: Citation) -> Citation | None:
        source = self._source(cited)
        if source is None or not cited.source:
            self.dropped[cited.path] = None
            return None
        span = cited.span
        text = cited.ground.text(cited.path)
        unchanged = text is not None and text.source is source
        same = source[span.start : span.end] == cited.source
        if same and (unchanged or source.count(b"\n", 0, span.start) + 1 == span.start_line):
            return cited
        at = _only_place(source, cited.source)
        if at is None:
            self.dropped[cited.path] = None
            return None
        self.moved[cited.path] = None
        line = source.count(b"\n", 0, at) + 1
        height = span.end_line - span.start_line
        return evolve(cited, span=Span(at, at + len(cited.source), line, line + height))

    def _source(self, cited: Citation) -> bytes | None:
        key = cited.ground.root, cited.path
        if key not in self._sources:
            self._sources[key] = cited.ground.now(cited.path)
        return self._sources[key]


def _only_place(source: bytes, cited: bytes) -> int | None:
    """Return where `cited` stands as whole lines, if it does so exactly once."""
    at = source.find(cited)
    if at < 0 or source.find(cited, at + 1) >= 0:
        return None
    end = at + len(cited)
    begins = at == 0 or source[at - 1 : at] == b"\n"
    ends = end == len(source) or source[end : end + 1] in {b"\n", b"\r"}
    return at if begins and ends else None
