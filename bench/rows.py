"""Indexes of the first chunks of a folder, so that a figure is for a stated number of real rows."""

from __future__ import annotations

import time
from itertools import islice
from typing import TYPE_CHECKING

from attrs import frozen

from conexus.embedding.embedder import load
from conexus.embedding.vocabulary import embedded_vocabulary
from conexus.engine.indexes import fingerprint
from conexus.indexing.indexer import setup_of
from conexus.indexing.jobs import Item, Job
from conexus.indexing.worker import Worker
from conexus.settings import Settings
from conexus.store.index import Index
from conexus.store.manifest import FileRecord
from conexus.workspace.files import Scope

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from conexus.indexing.jobs import FileRows, Made

_JOB_FILES = 16


@frozen
class Batch:
    """Files that are parsed and embedded, and not yet in an index."""

    made: Made
    chunks: int

    @property
    def files(self) -> list[FileRecord]:
        """Return what the manifest will say of them."""
        return [_record(rows) for rows in self.made.files]


def empty_index(directory: Path) -> Index:
    """Return a new index for the embedded model."""
    embedder = load("static")
    words = embedded_vocabulary().terms
    return Index.open(directory, fingerprint(embedder), embedder.dimensions, writable=True, vocabulary=words)


def batches(root: Path, index: Index, chunks: int, *, job_files: int = _JOB_FILES) -> Iterator[Batch]:
    """Yield the rows of the first files of `root` until there are at least `chunks`."""
    settings = Settings()
    worker = Worker(setup_of(root, settings, load("static")))
    entries = iter(Scope(root, settings.scope).walk().entries)
    total = 0
    while group := tuple(islice(entries, job_files)):
        items = tuple(map(Item, group, index.allocate(len(group))))
        made = worker.make(Job(items), lambda: None)
        batch = Batch(made, sum(rows.chunks for rows in made.files))
        if batch.chunks:
            yield batch
        total += batch.chunks
        if total >= chunks:
            return


def commit(index: Index, group: Sequence[Batch]) -> float:
    """Publish `group` as one commit; return the seconds until it was durable."""
    chunks, symbols = [b.made.chunk_rows for b in group], [b.made.symbol_rows for b in group]
    counts = sum(b.made.frequencies for b in group)
    files = [record for batch in group for record in batch.files]
    begun = time.perf_counter()
    index.commit(chunks=chunks, symbols=symbols, files=files, frequencies=counts)
    return time.perf_counter() - begun


def _record(rows: FileRows) -> FileRecord:
    return FileRecord(
        path=rows.item.entry.path, file_id=rows.item.file_id, digest=rows.digest, size=rows.size,
        mtime_ns=rows.mtime_ns, language=rows.language, encoding=rows.encoding, chunks=rows.chunks,
        indexed_at_ns=rows.read_at_ns, note=rows.note,
    )  # fmt: skip
