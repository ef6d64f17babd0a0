"""Places and symbols of a huge index as files to be mapped: written when rows are arranged, opened in no time.

Reading and sorting them takes 6 s of CPU and some hundred MB at a million chunks. Files are written by whoever
arranges rows; an engine that maps them holds only what questions touch, and the system can take that back. What is
in a file stays true whatever happens to rows later (see `places`); its name says which arrangement it is all of.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import pyarrow as pa
from attrs import frozen

from conexus.store.memory import map_file

if TYPE_CHECKING:
    from pathlib import Path

HUGE_CHUNKS = 300_000
"""Above this many chunks there are such files; below, reading is quick and would cost a fifth more on disk."""
FOLDER = "tables"


@frozen
class Mapped:
    """Tables as `PlaceTable` and `SymbolTable` keep them."""

    places: pa.Table
    symbols: pa.Table
    names: pa.Table


def name_of(arrangement: tuple[int, int]) -> str:
    """Return what files of an arrangement (revision, how often rows were moved) are called."""
    return "-".join(map(str, arrangement))


def write(directory: Path, name: str, tables: Mapped) -> None:
    """Write the files of the index in `directory`; each is there as a whole or not at all. Raises OSError."""
    (directory / FOLDER).mkdir(exist_ok=True)
    for part, table in (("places", tables.places), ("symbols", tables.symbols), ("names", tables.names)):
        _write(_path(directory, part, name), table)


def find(directory: Path, name: str) -> Mapped | None:
    """Return the tables of this arrangement, mapped; None unless all of them are there and whole."""
    try:
        return Mapped(*(_opened(_path(directory, part, name)) for part in ("places", "symbols", "names")))
    except (OSError, ValueError):  # Arrow's errors are of both kinds
        return None


def forget(directory: Path, but: str = "") -> None:
    """Delete the files of other arrangements than `but`; those that a system holds because they are in use stay."""
    kept = {_path(directory, part, but) for part in ("places", "symbols", "names")}
    for path in (directory / FOLDER).glob("*"):
        if path not in kept:
            with contextlib.suppress(OSError):
                path.unlink()


def _path(directory: Path, part: str, name: str) -> Path:
    return directory / FOLDER / f"{part}-{name}.arrow"


def _write(path: Path, table: pa.Table) -> None:
    new = path.with_name(f"{path.name}.{os.getpid()}")
    with new.open("wb") as file:
        with pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def _opened(path: Path) -> pa.Table:
    return pa.ipc.open_file(pa.py_buffer(map_file(path))).read_all()
