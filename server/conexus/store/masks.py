"""Which file versions are visible, as one boolean for each file id, and how many chunks they have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

    from conexus.store.manifest import Committed, FileRecord


@frozen(eq=False)
class Masks:
    """What the committed files say by file id, and totals; replaced as a whole."""

    live: NDArray[np.bool_]
    pending: NDArray[np.bool_]
    """Visible, but in no structure yet."""
    chunks: int
    pending_chunks: int

    @classmethod
    def of(cls, records: Iterable[FileRecord], committed: Committed) -> Masks:
        """Return the masks of an index that holds these records."""
        import numpy as np

        return cls(np.zeros(0, np.bool_), np.zeros(0, np.bool_), 0, 0).changed((), records, committed)

    def changed(self, gone: Iterable[FileRecord], new: Iterable[FileRecord], committed: Committed) -> Masks:
        """Return masks without the `gone` records and then with the `new` ones, in time that grows with those."""
        import numpy as np

        live, pending = np.zeros((2, committed.next_file_id), np.bool_)
        live[: len(self.live)], pending[: len(self.pending)] = self.live, self.pending
        chunks, waiting = self.chunks, self.pending_chunks
        for record in gone:
            chunks -= record.chunks
            waiting -= record.chunks * bool(pending[record.file_id])
            live[record.file_id] = pending[record.file_id] = False
        for record in new:
            late = record.revision > committed.indexed_revision
            chunks += record.chunks
            waiting += record.chunks * late
            live[record.file_id], pending[record.file_id] = True, late
        return Masks(live, pending, chunks, waiting)
