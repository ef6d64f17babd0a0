"""Where indexes stand: one directory a folder, in it one a fingerprint, and which of them answers."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import asdict, frozen

from conexus.domain import digest_of
from conexus.store.commits import COMMITS_NAME
from conexus.store.errors import unwritable
from conexus.store.schema import Fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterator

_SAFE = re.compile(r"[^A-Za-z0-9._-]+")
_POINTER = "folder.json"
_SECOND = "-second"  # an index that is built anew stands beside the one that answers until it is complete


@frozen
class Standing:
    """One index on the shelf."""

    root: Path
    directory: Path
    model: str
    """Name under which the model that made its vectors is loaded."""
    fingerprint: Fingerprint
    dimensions: int

    @property
    def identity(self) -> str:
        """Return what the model must still be for its vectors to be searched with it."""
        return self.fingerprint.model


class Shelf:
    """The data directory of one user."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._seen: dict[Path, tuple[tuple[int, ...], Standing | None]] = {}
        """By folder, what its pointer said last, and how the file could be told from another one."""

    @property
    def vectors(self) -> Path:
        """Return where vectors of slow models are kept for all folders."""
        return self.directory / "vectors.db"

    def commits(self, root: Path) -> Path:
        """Return where the commits of a folder's repository are remembered, whatever its index is made of."""
        return self._home(root) / COMMITS_NAME

    def place(self, root: Path, fingerprint: Fingerprint, beside: Path | None = None) -> Path:
        """Return the directory for the index of `root` with this fingerprint, another one than `beside`."""
        usual = self._home(root) / fingerprint.key
        return usual.with_name(f"{usual.name}{_SECOND}") if usual == beside else usual

    def answering(self, root: Path) -> Standing | None:
        """Return the index that answers for `root`, or None before the first was published."""
        home = self._home(root)
        try:
            status = (home / _POINTER).stat()
        except OSError:
            return None
        # It is replaced and never written to, so what has the same number is the same file.
        state = (status.st_ino, status.st_mtime_ns, status.st_size)
        known = self._seen.get(root)
        if known is None or known[0] != state or known[1] is None or not known[1].directory.is_dir():
            known = self._seen[root] = (state, _read(home))
        return known[1]

    def publish(self, standing: Standing) -> None:
        """Let `standing` answer for its root from now on. Raises IndexUnwritable."""
        # Not written again, so that an index on a full disk can be opened.
        if self.answering(standing.root) == standing:
            return
        home = self._home(standing.root)
        content = {
            "root": os.fsencode(standing.root).hex(),
            "model": standing.model,
            "dimensions": standing.dimensions,
            "fingerprint": asdict(standing.fingerprint),
            "second": standing.directory.name.endswith(_SECOND),
        }
        new = home / f"{_POINTER}.{os.getpid()}"
        with unwritable(home):
            home.mkdir(parents=True, exist_ok=True)
            new.write_text(json.dumps(content), "utf-8")
            new.replace(home / _POINTER)

    def others(self, root: Path, fingerprint: Fingerprint) -> Iterator[Standing]:
        """Yield indexes of other folders with this fingerprint: their vectors can be reused."""
        own = self._home(root)
        homes = sorted(self._indexes.iterdir()) if self._indexes.is_dir() else []
        for home in homes:
            standing = _read(home) if home != own else None
            if standing is not None and standing.fingerprint == fingerprint:
                yield standing

    def discard(self, standing: Standing) -> None:
        """Delete an index that no longer answers."""
        shutil.rmtree(standing.directory, ignore_errors=True)

    @property
    def _indexes(self) -> Path:
        return self.directory / "indexes"

    def _home(self, root: Path) -> Path:
        # The name is for people, the digest makes it unique.
        name = _SAFE.sub("_", root.name)[:40] or "root"
        return self._indexes / f"{name}-{digest_of(os.fsencode(root)).hex()[:12]}"


def _read(home: Path) -> Standing | None:
    """Return what a home points at; a damaged pointer is as good as none, the index is only a cache."""
    try:
        content = json.loads((home / _POINTER).read_text("utf-8"))
        root = Path(os.fsdecode(bytes.fromhex(content["root"])))
        fingerprint = Fingerprint(**content["fingerprint"])
        directory = home / f"{fingerprint.key}{_SECOND if content.get('second') else ''}"
        standing = Standing(root, directory, str(content["model"]), fingerprint, int(content["dimensions"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return standing if standing.directory.is_dir() else None
