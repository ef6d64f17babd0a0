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


def plan(
    files: Mapping[str, FileRecord],
    skips: Mapping[str, SkipRecord],
    entries: Iterable[Entry],
    unseen: Iterable[str] = (),
) -> Plan:
    """Return what to do so that the manifest (`files`, and `skips` for their content) matches `entries`.

    What lies in the directories `unseen` could not be looked at, so nothing is known to be gone from them.
    Size and time stamp only ever prove that nothing changed; whether something did, the digest decides.
    """
    read: list[Entry] = []
    seen: set[str] = set()
    unchanged = 0
    for entry in entries:
        seen.add(entry.path)
        if _surely_unchanged(files.get(entry.path), entry) or _still_skipped(skips.get(entry.path), entry):
            unchanged += 1
        else:
            read.append(entry)
    doubtful = tuple(f"{directory}/" for directory in unseen)
    removed = tuple(
        path
        for known in (files, skips)
        for path in known
        if path not in seen and not path.startswith(doubtful)
    )
    return Plan(tuple(read), removed, unchanged)


def _surely_unchanged(record: FileRecord | None, entry: Entry) -> bool:
    if record is None or record.size != entry.size or record.mtime_ns != entry.mtime_ns:
        return False
    tick = _TICK_NS if entry.mtime_ns % 1_000_000_000 else _COARSE_TICK_NS
    return entry.mtime_ns < record.indexed_at_ns - tick


def _still_skipped(record: SkipRecord | None, entry: Entry) -> bool:
    return record is not None and record.size == entry.size and record.mtime_ns == entry.mtime_ns
