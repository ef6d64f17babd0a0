"""Where in the editor an answer lies: the text its bytes were counted in, as lines and columns there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lsprotocol.types import Position, Range

from conexus.lsp import convert
from conexus.lsp.positions import Source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from conexus.domain import Span
    from conexus.engine import wire
    from conexus.lsp.session import Session

_MARK = b"\xef\xbb\xbf"


class Places:
    """Finds places of one reply, whose `found` paths it reads ahead."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._files: dict[str, Source | None] = {}

    async def read(self, found: Iterable[wire.Located]) -> None:
        """Read the files on disk that hits of a reply lie in. Blocks nobody."""
        paths = {one.path for one in found if one.version is None}
        if paths:
            self._files = await asyncio.to_thread(lambda: {path: _file(path) for path in paths})

    def locate(self, path: str, version: int | None, span: Span, line: int) -> tuple[str, Range, Range]:
        """Return the URI as the editor spells it, the range of `span` there, and that of its 1-based `line`.

        Where the text is not known any more, or is not UTF-8 on disk, both cover whole lines.
        """
        buffers = self._session.buffers
        uri = buffers.uri(path) or convert.uri_of(path)
        if version is None:
            source = self._files.get(path)
        else:
            sent = buffers.sent(path, version)
            source = sent.source if sent else None
        if source is None:
            return uri, _lines(span.start_line, span.end_line), _lines(line, line)
        encoding = self._session.connection.encoding
        range_, focus = source.range(span, encoding), source.line(span, line, encoding)
        in_cell = None if version is None else self._session.notebooks.locate(path, version, range_, focus)
        return in_cell or (uri, range_, focus)


def _lines(first: int, last: int) -> Range:
    return Range(Position(first - 1, 0), Position(last, 0))


def _file(path: str) -> Source | None:
    try:
        # As it is called, and not as Path would call it, which takes as long as reading.
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123
            data = file.read().removeprefix(_MARK)
        if not data.isascii():
            data.decode()
    except (OSError, ValueError):
        return None
    return Source(data)
