"""What travels between the indexer and its workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import field, frozen

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from conexus.embedding.words import Passage
    from conexus.settings import ScopeSettings
    from conexus.store.schema import RowsBuilder
    from conexus.workspace.files import Entry, Skipped


@frozen
class Item:
    """One file to turn into rows."""

    entry: Entry
    file_id: int
    digest: bytes = b""
    """Digest the index already holds for this path; the same digest means only the stamp moved."""
    lines_only: str = ""
    """Why this file may not be parsed by its grammar again (it hung or crashed one), if so."""
    text: bytes | None = None
    """An editor's text (UTF-8) to index instead of the file's."""


@frozen
class Job:
    """Files handled together, and vectors that need not be computed again."""

    items: tuple[Item, ...]
    known: dict[bytes, bytes] = field(factory=dict)
    """Passage digest → float16 vector as bytes."""


@frozen
class Setup:
    """What a worker needs once."""

    root: str
    scope: ScopeSettings
    model: str
    """The static model's name or path, or empty when vectors are made elsewhere."""
    dimensions: int
    background: bool = True
    """Whether typing and searching go before this work."""


@frozen
class FileRows:
    """A file that was read and cut: what the manifest will say of it."""

    item: Item
    digest: bytes
    size: int
    mtime_ns: int
    language: str
    encoding: str
    chunks: int
    redactions: int
    read_at_ns: int
    """Clock before it was read."""
    note: str


@frozen
class Made:
    """What a worker made of a job."""

    files: tuple[FileRows, ...]
    touched: tuple[tuple[Item, int], ...]
    """Files whose content is what the index holds, and the clock before they were read, in ns."""
    skipped: tuple[tuple[Item, Skipped], ...]
    chunk_rows: bytes
    symbol_rows: bytes
    frequencies: NDArray[np.int32] | None
    """Chunks each word of the vocabulary occurs in."""
    embedded: int
    reused: int
    unfinished: Unfinished | None = None


def nothing_made() -> Made:
    """Return the `Made` of a job without files."""
    return Made((), (), (), b"", b"", None, 0, 0)


@frozen
class Unfinished:
    """Rows that still lack their vectors, because another process runs the model."""

    builder: RowsBuilder
    passages: tuple[Passage, ...]
    digests: tuple[bytes, ...]
    known: dict[bytes, bytes]
