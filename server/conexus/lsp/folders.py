"""The folders of the workspace, and paths as the editor and as the engine know them.

An editor may open a folder through a link (``/tmp`` on macOS is one). The engine knows each folder by its real
path, so that two spellings are one index; an answer names files the way the editor does.
"""

from __future__ import annotations

import os


class Folders:
    """Open folders: path as the editor spells it → real path."""

    def __init__(self) -> None:
        self._real: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._real)

    @property
    def roots(self) -> list[str]:
        """The real paths, in the order they were opened."""
        return list(dict.fromkeys(self._real.values()))

    def add(self, path: str) -> str:
        """Open a folder and return its real path."""
        # realpath resolves what exists and keeps the rest, so a folder that is gone is still a name.
        self._real[path] = os.path.realpath(path)
        return self._real[path]

    def remove(self, path: str) -> str | None:
        """Close a folder; return its real path unless another spelling of it is still open."""
        real = self._real.pop(path, None)
        return None if real in self._real.values() else real

    def to_engine(self, path: str) -> str:
        """Return the real path of something in an open folder."""
        return self._moved(path, [(spelled, real) for spelled, real in self._real.items() if spelled != real])

    def to_editor(self, path: str) -> str:
        """Return how the editor spells a path."""
        return self._moved(path, [(real, spelled) for spelled, real in self._real.items() if spelled != real])

    def _moved(self, path: str, moves: list[tuple[str, str]]) -> str:
        for old, new in sorted(moves, key=lambda move: -len(move[0])):
            if path == old or path.startswith(old.rstrip(os.sep) + os.sep):
                return new + path[len(old) :]
        return path
