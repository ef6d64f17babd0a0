"""Lists of words of rows that were just written: made while they are in memory, and merged when rows are arranged.

Otherwise all words are read and unpacked once more, and put in order by one core at the end of a bulk load, when no
file is left to be read by the others. They are no part of the index: what is missing here is read from the rows.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from conexus.store import postings
from conexus.store.parts import KEPT, WORDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from conexus.store.postings import Documents, Lists

# Saves of a few files are quickly read, and would leave many small lists.
_LEAST_ROWS = 256
_LISTS = ("starts", "low", "counts")
_DOCUMENTS = ("file_ids", "ords", "lengths")


def keep(directory: Path, rows: pa.Table) -> None:
    """Make lists of `rows` of the table of chunks, if they are worth it, and keep them until rows are arranged.

    What cannot be written is not kept.
    """
    if rows.num_rows < _LEAST_ROWS:
        return
    folder = directory / WORDS / KEPT
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        there = len(os.listdir(folder))  # noqa: PTH208 -- only their number is wanted
        for number, (first, end) in enumerate(_pieces(rows["file_id"].to_numpy()), there):
            lists, documents = postings.listed(rows.slice(first, end - first), 0)
            _write(folder / f"{number:06}", lists, documents)


def of_files(directory: Path, file_ids: NDArray[np.integer]) -> Iterator[tuple[Lists, Documents]]:
    """Yield what is kept of `file_ids`, in the order in which it came: lists whose first document is number 0."""
    wanted = np.zeros(1 + int(file_ids.max(initial=0)), np.bool_)
    wanted[file_ids] = True
    for path in sorted((directory / WORDS / KEPT).glob("*")):
        try:
            lists, documents = _read(path)
        except (OSError, ValueError, LookupError):  # Arrow's errors are of the first two kinds
            continue
        # Each file once, and nothing of rows that were written, but not published.
        if documents.file_ids.max() < len(wanted) and wanted[documents.file_ids].all():
            wanted[documents.file_ids] = False
            yield lists, documents


def forget(directory: Path) -> None:
    """Delete what is kept."""
    shutil.rmtree(directory / WORDS / KEPT, ignore_errors=True)


def _pieces(file_ids: NDArray[np.int32]) -> Iterator[tuple[int, int]]:
    """Yield the first row and the end of pieces that hold whole files, a block at most if no file is larger."""
    ends = np.append(np.flatnonzero(np.diff(file_ids)) + 1, len(file_ids))
    first = 0
    while first < len(file_ids):
        fitting = int(np.searchsorted(ends, first + postings.ROWS_AT_ONCE, side="right"))
        end = int(ends[max(fitting - 1, int(np.searchsorted(ends, first, side="right")))])
        if end - first <= postings.BLOCK:
            yield first, end
        first = end


def _write(path: Path, lists: Lists, documents: Documents) -> None:
    columns = {"words": lists.words}
    columns |= {name: pa.array(getattr(lists, name)) for name in _LISTS}
    columns |= {name: pa.array(getattr(documents, name)) for name in _DOCUMENTS}
    table = postings.as_row(columns)
    new = path.with_suffix(".new")
    with new.open("wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    new.replace(path)


def _read(path: Path) -> tuple[Lists, Documents]:
    columns = postings.columns_of(path)
    words = columns.pop("words")
    values = {name: array.to_numpy() for name, array in columns.items()}
    lists = postings.in_one_block(words, np.diff(values["starts"]), values["low"], values["counts"], 0)
    return lists, postings.Documents(*(values[name] for name in _DOCUMENTS))
