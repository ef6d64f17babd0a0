"""What can go wrong in the store, as one small tree.

StoreError
├── IndexBusy        another process is writing this index
├── IndexMissing     nothing has been indexed here yet (readers only)
├── IndexDamaged     the files on disk are not what was committed (readers only; a writer repairs)
├── IndexClosed      the index was closed while something still used it
└── IndexUnwritable  the disk is full, read-only or not ours
"""

from __future__ import annotations

import contextlib
import errno
import re
import sqlite3
from typing import TYPE_CHECKING

from conexus.domain import ConexusError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ADVICE = {
    errno.ENOSPC: "the disk is full: free some space, or set `index.directory` to another disk",
    errno.EDQUOT: "your disk quota is used up: free some space, or set `index.directory` elsewhere",
    errno.EROFS: "the file system is read-only: set `index.directory` to a writable place",
    errno.EACCES: "permission denied: check who owns it, or set `index.directory` to a place of yours",
    errno.EPERM: "operation not permitted: check who owns it, or set `index.directory` to a place of yours",
}
_SQLITE = {
    "database or disk is full": errno.ENOSPC,
    "attempt to write a readonly database": errno.EACCES,
    "unable to open database file": errno.EACCES,
}
# LanceDB reports I/O errors as text: "... No space left on device (os error 28)".
_OS_ERROR = re.compile(r"\(os error (\d+)\)")


class StoreError(ConexusError):
    """Anything the store could not do."""


class IndexBusy(StoreError):  # noqa: N818 - the name says what is wrong with the index
    """Another process holds the writer lock of this index."""

    def __init__(self, directory: Path, pid: int | None) -> None:
        self.pid = pid
        holder = f"process {pid}" if pid else "another process"
        super().__init__(f"{directory}: {holder} is writing this index; wait for it, or stop it")


class IndexMissing(StoreError):  # noqa: N818 - the name says what is wrong with the index
    """There is no index to read in this directory."""

    def __init__(self, directory: Path) -> None:
        super().__init__(f"{directory}: no index here yet; run `conexus index` on the folder first")


class IndexDamaged(StoreError):  # noqa: N818 - the name says what is wrong with the index
    """The files on disk are not the ones that were committed."""

    def __init__(self, directory: Path, what: str) -> None:
        self.what = what
        super().__init__(f"{directory}: the index is damaged ({what}); run `conexus index` to rebuild it")


class IndexClosed(StoreError):  # noqa: N818 - the name says what is wrong with the index
    """The index was closed."""

    def __init__(self, directory: Path) -> None:
        super().__init__(f"{directory}: this index was closed; open it again")


class IndexUnwritable(StoreError):  # noqa: N818 - the name says what is wrong with the index
    """The disk refused a write."""

    def __init__(self, directory: Path, code: int) -> None:
        self.errno = code
        super().__init__(f"{directory}: cannot write the index, {_ADVICE[code]}")


@contextlib.contextmanager
def unwritable(directory: Path) -> Iterator[None]:
    """Turn the disk refusing a write, whichever library noticed it, into `IndexUnwritable`."""
    try:
        yield
    except (OSError, RuntimeError, ValueError, sqlite3.Error) as error:
        code = _code_of(error)
        if code not in _ADVICE:
            raise
        raise IndexUnwritable(directory, code) from error


def _code_of(error: Exception) -> int:
    if isinstance(error, OSError) and error.errno:
        return error.errno
    text = str(error)
    if isinstance(error, sqlite3.Error):
        return next((code for known, code in _SQLITE.items() if known in text), 0)
    found = _OS_ERROR.search(text)
    return int(found[1]) if found else 0
