"""The files of an index, LanceDB's and lists of words: made durable, remembered, and checked against what was remembered.

LanceDB never calls fsync and does not notice damaged data files; a zeroed manifest even opens as an empty
table. Sizes and a digest of each file's first and last blocks (where its format keeps its index) catch
lost, cut, zeroed and exchanged files for some 30 µs a file, without loading LanceDB.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from attrs import frozen

from conexus.domain import digest_of
from conexus.store.manifest import Part

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

WORDS = "words"
KEPT = "kept"
"""Where in it there is what `store/kept` has: made anew whenever it is missing."""
ROOTS = ("chunks.lance", "symbols.lance", WORDS)
_BLOCK = 4096
# Transactions are a log for concurrent writers, and the hint is overwritten in place; no reader needs them.
_IGNORED = ("_transactions", "latest_version_hint.json", KEPT)


@frozen
class Changes:
    """What differs between the directory and what was remembered."""

    new: list[Part]
    lost: list[str]


def settle(directory: Path, known: Mapping[str, Part]) -> Changes:
    """Make files that are not in `known` durable and return how the directory differs. Raises OSError."""
    new: list[Part] = []
    present: set[str] = set()
    folders: set[str] = set()
    for name, size in _scan(directory):
        present.add(name)
        if name not in known or known[name].size != size:
            new.append(_read(directory, name, sync=True))
            folders.add(os.path.dirname(name))  # noqa: PTH120 - names are relative strings
    for folder in folders:
        _sync_folder(directory / folder)
    return Changes(new, [name for name in known if name not in present])


def damaged(directory: Path, known: Mapping[str, Part]) -> list[str]:
    """Return the names of files that are gone or are not what was remembered."""
    bad = []
    for name, part in known.items():
        try:
            if _read(directory, name, sync=False) != part:
                bad.append(name)
        except OSError:
            bad.append(name)
    return bad


def sizes(directory: Path) -> dict[str, int]:
    """Return the bytes of every file that is kept here, by name."""
    return dict(_scan(directory, ignored=()))


def _scan(directory: Path, ignored: Sequence[str] = _IGNORED) -> Iterator[tuple[str, int]]:
    pending = [root for root in ROOTS if (directory / root).is_dir()]
    while pending:
        folder = pending.pop()
        with os.scandir(directory / folder) as entries:
            for entry in entries:
                name = f"{folder}/{entry.name}"
                if entry.name in ignored:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    pending.append(name)
                else:
                    yield name, entry.stat().st_size


def _read(directory: Path, name: str, *, sync: bool) -> Part:
    with (directory / name).open("rb") as file:
        if sync and os.name == "posix":
            os.fsync(file.fileno())
        size = os.fstat(file.fileno()).st_size
        head = file.read(_BLOCK)
        file.seek(max(0, size - _BLOCK))
        return Part(name, size, digest_of(head + file.read(_BLOCK)))


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
