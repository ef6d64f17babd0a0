"""What the editor shows of files, handed on to the engine: soon, in order, and not for every keystroke."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from attrs import frozen

from conexus.engine import wire
from conexus.lsp.positions import Source

if TYPE_CHECKING:
    from collections.abc import Callable

# Edits within this many seconds become one text. A large text waits longer: joining and sending it costs time.
_DELAY = 0.005
_SECONDS_PER_BYTE = 50e-9


@frozen(eq=False)
class Sent:
    """A text as the engine got it."""

    uri: str
    version: int
    source: Source


class Shown:
    """One file the editor shows: how to get its text now, and the texts sent last."""

    def __init__(self, uri: str, language: str, now: Callable[[], tuple[int, str]]) -> None:
        self.uri = uri
        self.language = language
        self.now = now
        """Returns version and text."""
        self.sent: list[Sent] = []
        self.timer: asyncio.TimerHandle | None = None


class Buffers:
    """The files the editor shows, by path."""

    def __init__(self) -> None:
        self._shown: dict[str, Shown] = {}
        self._edited: dict[str, None] = {}
        self._tell: Callable[[str, Any], None] | None = None

    def __len__(self) -> int:
        return len(self._shown)

    @property
    def open(self) -> tuple[str, ...]:
        """Return the files the editor shows."""
        return tuple(self._shown)

    @property
    def edited(self) -> tuple[str, ...]:
        """Return the files that were edited in this session, the last one first; closed ones too."""
        return tuple(reversed(self._edited))

    def connect(self, tell: Callable[[str, Any], None] | None) -> None:
        """Tell everything from now on, and first what is shown; None stops it."""
        self._tell = tell
        for path in self._shown:
            self._send(path)

    def show(self, path: str, shown: Shown) -> None:
        """Begin to show a file."""
        self.hide(path)
        self._shown[path] = shown
        self._send(path)

    def change(self, path: str) -> None:
        """Note that the text of a file changed; costs nothing that depends on its size."""
        self._edited.pop(path, None)
        self._edited[path] = None
        shown = self._shown.get(path)
        if shown is None or shown.timer is not None:
            return
        size = len(shown.sent[-1].source.data) if shown.sent else 0
        loop = asyncio.get_running_loop()
        shown.timer = loop.call_later(_DELAY + size * _SECONDS_PER_BYTE, self._send, path)

    def hide(self, path: str) -> None:
        """Let a file go: what is on disk counts again."""
        shown = self._shown.pop(path, None)
        if shown is None:
            return
        if shown.timer is not None:
            shown.timer.cancel()
        if self._tell is not None:
            self._tell("bufferClosed", wire.BufferClosed(path))

    def flush(self) -> None:
        """Send all texts that changed, so that what is asked next is answered from them."""
        for path, shown in self._shown.items():
            if shown.timer is not None:
                self._send(path)

    def sent(self, path: str, version: int) -> Sent | None:
        """Return the text the engine has under this version, if it is among the last two."""
        shown = self._shown.get(path)
        texts = shown.sent if shown else []
        return next((sent for sent in reversed(texts) if sent.version == version), None)

    def uri(self, path: str) -> str | None:
        """Return how the editor spells the URI of a file it shows."""
        shown = self._shown.get(path)
        return shown.uri if shown else None

    def _send(self, path: str) -> None:
        shown = self._shown[path]
        if shown.timer is not None:
            shown.timer.cancel()
            shown.timer = None
        version, text = shown.now()
        shown.sent = [*shown.sent[-1:], Sent(shown.uri, version, Source(text.encode()))]
        if self._tell is not None:
            self._tell("buffer", wire.Buffer(path, shown.language, version, text))
