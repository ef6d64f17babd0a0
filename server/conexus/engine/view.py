"""What one question sees of a folder: its index at one moment, and its texts as they are now."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from attrs import define, field

from conexus.search.exact import Texts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from conexus.engine.indexes import Opened
    from conexus.store.manifest import FileRecord
    from conexus.store.places import Row
    from conexus.store.snapshot import Snapshot
    from conexus.workspace.source import Source


@define(eq=False)
class View:
    """A snapshot, and the texts as they are now. The index stays open as long as this is held."""

    opened: Opened
    snapshot: Snapshot
    records: Mapping[str, FileRecord]
    """What the snapshot's rows were made of, by path, open texts included."""
    _read: Callable[[str], tuple[Source | None, int | None]]
    _cut: Callable[[Sequence[tuple[Row, FileRecord]]], list[bytes | None]]
    _peek: Callable[[str], bytes | None]
    _unchanged: Callable[[str, FileRecord], bool]
    versions: dict[str, int] = field(init=False, factory=dict)
    """Of the open texts read so far, by path."""

    @property
    def texts(self) -> Texts:
        """Return how to look at the folder's files."""
        return Texts(self.read, self._peek, self._unchanged)

    def read(self, path: str) -> Source | None:
        """Return the text of `path` as it is now; None if it is gone or does not belong any more."""
        source, version = self._read(path)
        if version is not None:
            self.versions[path] = version
        return source

    def cut(self, row: Row) -> bytes | None:
        """Return the bytes of a chunk, unjudged, if its file surely is what was indexed; see `workspace.source.cut`."""
        return self.cuts([row])(row)

    def cuts(self, rows: Sequence[Row]) -> Callable[[Row], bytes | None]:
        """Return `cut`, for which those of `rows` are read at once, and all others when they are asked for."""
        found = {
            row: record
            for row in rows
            if (record := self.records.get(row.path)) is not None and record.file_id == row.file_id
        }
        known: dict[Row, bytes | None] = dict.fromkeys(rows)
        known.update(zip(found, self._cut(list(found.items())), strict=True))
        others = cache(self.cut)
        return lambda row: known[row] if row in known else others(row)
