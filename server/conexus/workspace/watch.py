"""Tells which paths of a folder may have changed, as far as the system can say.

On Linux every directory is watched by itself, so that ignored ones (`node_modules`) cost none of the user's
inotify watches; elsewhere one watch covers the tree, which costs nothing there. Where the system refuses,
everything is looked at every now and then, and `state` says so.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from conexus.workspace.files import Walk

_log = logging.getLogger(__name__)

# Milliseconds: how often the watcher looks up, which is all an idle engine does, and how long it gathers a burst.
_STEP = 250
_BURST = 400
_POLL_DELAY = 300


class Watcher:
    """Calls `touched` with relative paths that may differ, and "" when everything may.

    Nothing is watched until both `start` was called and `follow` said what there is. `touched` is called from
    the watcher's thread and must not block.
    """

    def __init__(self, root: Path, touched: Callable[[list[str]], None], rescan_seconds: float) -> None:
        self._root = os.fspath(root)
        self._touched = touched
        self._rescan_seconds = rescan_seconds
        self._directories: frozenset[str] = frozenset()
        self._skipped: frozenset[str] = frozenset()
        self._changed = threading.Event()
        self._closed = False
        self._thread: threading.Thread | None = None
        self._refusal = ""

    @property
    def state(self) -> str:
        """Return ``watching``, ``client`` if nobody asked for it, or ``rescanning`` and why."""
        if self._thread is None:
            return "client"
        if self._refusal:
            return f"rescanning every {self._rescan_seconds:g} s: {self._refusal}"
        return "watching"

    def start(self) -> None:
        """Begin to watch. Harmless twice."""
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(target=self._run, name="conexus-watch", daemon=True)
            self._thread.start()

    def follow(self, walk: Walk) -> None:
        """Watch what a walk found from now on."""
        directories = frozenset(walk.directories)
        self._skipped = frozenset(skip.path for skip in walk.skipped)
        if directories != self._directories:
            self._directories = directories
            self._changed.set()

    def close(self) -> None:
        """End the thread."""
        self._closed = True
        self._changed.set()
        if self._thread is not None:
            self._thread.join(2 * _BURST / 1000)

    def _run(self) -> None:
        known: frozenset[str] = frozenset()
        self._changed.wait()
        while not self._closed:
            self._changed.clear()
            directories = self._directories
            try:
                self._watch(directories, directories - known if known else None)
                known = directories
            except (OSError, RuntimeError) as error:
                self._rescan(str(error))

    def _watch(self, directories: frozenset[str], new: frozenset[str] | None) -> None:
        """Report changes until there are other directories to watch; `new` is None where none was watched before."""
        from watchfiles._rust_notify import RustNotify

        single = sys.platform == "linux"
        places = [self._absolute(path) for path in directories] if single else [self._root]
        with RustNotify(places, False, False, _POLL_DELAY, not single, True) as notify:
            self._refusal = ""
            if new is None:
                # What changed after the walk and before this moment, nobody was told of.
                self._touched([""])
            else:
                # What appeared in a new directory before it was watched, and what vanished before.
                self._look_again(new)
            gone = [path for path in directories if not self._is_directory(path)]
            if gone:
                self._touched(gone)
            while True:
                found = notify.watch(_BURST, _STEP, 0, self._changed)
                if not isinstance(found, set):
                    return
                self._report(path for _, path in found)

    def _rescan(self, refusal: str) -> None:
        self._refusal = refusal
        _log.warning("%s cannot be watched, so it is looked at now and then: %s", self._root, refusal)
        while not self._changed.wait(self._rescan_seconds):
            self._touched([""])

    def _report(self, places: Iterable[str]) -> None:
        found = []
        for place in places:
            path = os.path.relpath(place, self._root).replace(os.sep, "/")
            if path == "." or path.startswith("../") or self._is_skipped(path):
                continue
            found.append(path)
            if path not in self._directories and self._is_directory(path):
                # Only a walk knows which of what is in it belongs and is to be watched.
                found.append("")
        if found:
            self._touched(found)

    def _look_again(self, new: Iterable[str]) -> None:
        for path in new:
            try:
                with os.scandir(self._absolute(path)) as listing:
                    found = [f"{path}/{item.name}" if path else item.name for item in listing]
            except OSError:
                continue
            self._report(self._absolute(name) for name in found)

    def _is_skipped(self, path: str) -> bool:
        """Return whether a walk skipped a directory above `path`; a skipped file may have changed for good."""
        above = path.rpartition("/")[0]
        while above:
            if above in self._skipped:
                return True
            above = above.rpartition("/")[0]
        return path in self._skipped and self._is_directory(path)

    def _is_directory(self, path: str) -> bool:
        place = self._absolute(path)
        return os.path.isdir(place) and not os.path.islink(place)  # noqa: PTH112, PTH114 -- odd names

    def _absolute(self, path: str) -> str:
        return os.path.join(self._root, path) if path else self._root  # noqa: PTH118 -- as above
