"""Texts that editors have open: they count instead of what is on disk, until they are closed."""

from __future__ import annotations

import itertools
import re
from threading import Lock
from typing import TYPE_CHECKING

from attrs import define, field

from conexus.domain import digest_of
from conexus.workspace.source import Source, of_text

if TYPE_CHECKING:
    from conexus.settings import ScopeSettings
    from conexus.workspace.files import Skipped

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@define(eq=False)
class OpenText:
    """One version of a document in one editor."""

    path: str
    """Relative to the folder."""
    version: int
    text: bytes
    """UTF-8; a lone surrogate is U+FFFD, which takes as many bytes."""
    digest: bytes
    arrival: int
    _source: Source | Skipped | None = field(init=False, default=None)

    def source(self, settings: ScopeSettings) -> Source | Skipped:
        """Return the text as the index sees it; found out once."""
        if self._source is None:
            self._source = of_text(self.path, self.text, settings)
        return self._source


class OpenTexts:
    """The open texts of one folder. Safe to use from several threads.

    When several editors have a file open, the last one that said something about it counts.
    """

    def __init__(self) -> None:
        self._texts: dict[str, dict[object, OpenText]] = {}
        self._arrivals = itertools.count(1)
        self._lock = Lock()

    def put(self, owner: object, path: str, version: int, text: str) -> OpenText:
        """Take the text that `owner` has now, and return it."""
        data = _utf8(text)
        with self._lock:
            held = OpenText(path, version, data, digest_of(data), next(self._arrivals))
            self._texts[path] = {**self._texts.get(path, {}), owner: held}
            return held

    def drop(self, owner: object, path: str) -> bool:
        """Forget the text of `owner`; return whether there was one."""
        with self._lock:
            held = dict(self._texts.get(path, {}))
            if held.pop(owner, None) is None:
                return False
            if held:
                self._texts[path] = held
            else:
                del self._texts[path]
            return True

    def of_owner(self, owner: object) -> list[str]:
        """Return the paths that `owner` has open."""
        with self._lock:
            return [path for path, held in self._texts.items() if owner in held]

    def get(self, path: str) -> OpenText | None:
        """Return the text that counts for `path`, if any editor has it open."""
        held = self._texts.get(path)
        return max(held.values(), key=lambda text: text.arrival) if held else None

    def paths(self) -> list[str]:
        """Return all open paths."""
        with self._lock:
            return list(self._texts)

    def __len__(self) -> int:
        return len(self._texts)


def _utf8(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        return _LONE_SURROGATE.sub("\ufffd", text).encode("utf-8")
