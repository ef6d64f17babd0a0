"""Where in the editor an answer lies: the text its bytes were counted in, as lines and columns there."""

from __future__ import annotations

import asyncio
from pathlib import Path
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

    async def read(self, found: Iterable[wire.WireHit | wire.WireSymbol]) -> None:
        """Read the files on disk that hits of a reply lie in. Blocks nobody."""
        paths = {one.path for one in found if one.version is None}
        if paths:
            self._files = await asyncio.to_thread(lambda: {path: _file(path) for path in paths})

    def locate(self, path: str, version: int | None, span: Span) -> tuple[str, Range]:
        """Return the URI as the editor spells it, and the range of `span` there.

        Where the text is not known any more, or is not UTF-8 on disk, the range covers whole lines.
        """
        buffers = self._session.buffers
        uri = buffers.uri(path) or convert.uri_of(path)
        if version is None:
            source = self._files.get(path)
        else:
            sent = buffers.sent(path, version)
            source = sent.source if sent else None
        if source is None:
            return uri, Range(Position(span.start_line - 1, 0), Position(span.end_line, 0))
        range_ = source.range(span, self._session.connection.encoding)
        in_cell = None if version is None else self._session.notebooks.locate(path, version, range_)
        return in_cell or (uri, range_)


def _file(path: str) -> Source | None:
    try:
        data = Path(path).read_bytes().removeprefix(_MARK)
        data.decode()
    except (OSError, ValueError):
        return None
    return Source(data)
