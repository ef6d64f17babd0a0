"""What an index holds and what it costs on disk, part by part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from conexus.store import parts
from conexus.store.manifest import MANIFEST_NAME

if TYPE_CHECKING:
    from pathlib import Path


@frozen
class IndexStats:
    """What an index holds and what it costs; sizes in bytes."""

    files: int
    skipped: int
    chunks: int
    symbols: int
    revision: int
    pending_chunks: int
    """Visible chunks that no structure covers yet."""
    dead_rows: int
    """Rows of superseded files that are still on disk."""
    fragments: int
    bytes_data: int
    bytes_words: int
    bytes_vectors: int
    bytes_ids: int
    bytes_symbols: int
    bytes_tables: int
    """Places and symbols of a huge index, to be mapped."""
    bytes_versions: int
    bytes_manifest: int

    @property
    def bytes_total(self) -> int:
        """Return everything the index takes on disk."""
        return (
            self.bytes_data + self.bytes_words + self.bytes_vectors + self.bytes_ids
            + self.bytes_symbols + self.bytes_tables + self.bytes_versions + self.bytes_manifest
        )  # fmt: skip


def bytes_by_part(directory: Path) -> dict[str, int]:
    """Return the sizes that `IndexStats` has, by the names of its fields."""
    names = ("data", "words", "vectors", "ids", "symbols", "tables", "versions", "manifest")
    found = dict.fromkeys((f"bytes_{name}" for name in names), 0)
    for name, size in parts.sizes(directory).items():
        found[f"bytes_{_part_of(name)}"] += size
    for path in directory.glob(f"{MANIFEST_NAME}*"):
        found["bytes_manifest"] += path.stat().st_size
    for path in directory.glob("tables/*"):
        found["bytes_tables"] += path.stat().st_size
    return found


def _part_of(name: str) -> str:
    if name.startswith(f"{parts.WORDS}/"):
        return "words"
    root, folder, *_rest, file = name.split("/")
    if folder in ("_versions", "_transactions"):
        return "versions"
    if root == "symbols.lance":
        return "symbols"
    if folder != "_indices":
        return "data"
    if file.endswith(".idx"):
        return "vectors"
    return "ids" if file.startswith("page_") else "words"
