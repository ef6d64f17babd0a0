"""What must be read again: the manifest against what a walk found. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from conexus.store.manifest import FileRecord, SkipRecord
    from conexus.workspace.files import Entry


# A file written in the same clock tick as it was read keeps its time stamp when it is written again, so
# a stamp this close to the reading proves nothing (git calls such entries racy). File systems that keep
# whole seconds only (FAT, old HFS+) need a longer wait than those that keep fractions.
_TICK_NS = 20_000_000
_COARSE_TICK_NS = 2_000_000_000


@frozen
class Plan:
    """Paths to read and compare by digest, paths to forget, and how many need nothing."""

    read: tuple[Entry, ...]
    removed: tuple[str, ...]
    unchanged: int

    @property
    def empty(self) -> bool:
        """Return whether the index already says what the folder says."""
        return not self.read and not self.removed


def plan(files: Mapping[str, FileRecord], skips: Mapping[str, SkipRecord], entries: Iterable[Entry]) -> Plan:
    """Return what to do so that the manifest (`files`, and `skips` for their content) matches `entries`."""
    known = Comparison(files, skips)
    return known.plan([e for e in entries if not known.settles(e.path, e.size, e.mtime_ns)])


class Comparison:
    """The manifest (`files`, and `skips` for their content) while a walk shows what there is.

    What did not change leaves one byte behind that was there before, and no object: folders have
    a hundred thousand files, of which a start finds three changed.
    """

    def __init__(self, files: Mapping[str, FileRecord], skips: Mapping[str, SkipRecord]) -> None:
        self._files = files
        self._skips = skips
        self._unchanged = 0
        self._seen = bytearray(max((record.file_id for record in files.values()), default=-1) + 1)
        """By file id."""
        self._seen_skips: set[str] = set()

    def settles(self, path: str, size: int, mtime_ns: int) -> bool:
        """Return whether the file at `path` surely is what the manifest says of it.

        Size and time stamp only ever prove that nothing changed; whether something did, the digest decides.
        """
        record = self._files.get(path)
        if record is not None:
            self._seen[record.file_id] = 1
            same = record.size == size and record.mtime_ns == mtime_ns and _is_proof(record)
        elif (skip := self._skips.get(path)) is not None:
            self._seen_skips.add(skip.path)
            same = skip.size == size and skip.mtime_ns == mtime_ns
        else:
            return False
        self._unchanged += same
        return same

    def plan(self, read: Iterable[Entry], unseen: Iterable[str] = ()) -> Plan:
        """Return what to do, when `read` are the files that were not settled.

        What lies in the directories `unseen` could not be looked at, so nothing is known to be gone from them.
        """
        doubtful = tuple(f"{directory}/" for directory in unseen)
        gone = [path for path, record in self._files.items() if not self._seen[record.file_id]]
        gone += [path for path in self._skips if path not in self._seen_skips]
        removed = tuple(path for path in gone if not path.startswith(doubtful))
        return Plan(tuple(read), removed, self._unchanged)


def _is_proof(record: FileRecord) -> bool:
    """Return whether a file with this record's stamp was not written after it was read."""
    tick = _TICK_NS if record.mtime_ns % 1_000_000_000 else _COARSE_TICK_NS
    return record.mtime_ns < record.indexed_at_ns - tick
