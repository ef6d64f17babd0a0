"""Vectors of single rows, read where LanceDB wrote them: ten times quicker than asking it for them.

It takes 24 µs of CPU for each row it fetches and hands each read to another thread, so comparing a few hundred
candidates exactly cost as much as finding them among a million. Its files are made to be read in place: a fragment
never changes, and the file of a fragment keeps each column as pages of values of one size, which its end lists.
Formats: table.proto (a version's manifest) and file2.proto (data files) of Lance 2.2. What is not exactly as
expected here is left to LanceDB.
"""

from __future__ import annotations

import os
import struct
import threading
from bisect import bisect_right
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import define, field, frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_MAGIC = b"LANC"
_MAJOR = 2
# Unless one question needs more. Fragments that saves leave are merged before there are many.
_MOST_OPEN = 128
_HALF = 2  # bytes of a float16
# A deletion file of a fragment only hides rows; any other feature changes what addresses or files mean.
_KNOWN_FEATURES = 1
# Vectors are stored L2-normalised, in float16; what is not is not a vector.
_LONGEST_ERROR = 0.01

_Message = dict[int, list[Any]]
"""Field number → its values in order: int, or bytes."""


class Unreadable(Exception):  # noqa: N818 -- not an error: LanceDB can do it
    """The files are not as they are expected here; whoever asks gets the same from LanceDB, slower."""


@frozen
class _Page:
    first: int
    """Row of the fragment it begins with."""
    offset: int


@frozen
class _DataFile:
    descriptor: int
    pages: tuple[_Page, ...]
    starts: tuple[int, ...]
    rows: int

    def offset(self, row: int, size: int) -> int:
        """Return where in the file the values of a row of the fragment begin, `size` bytes each."""
        if row >= self.rows:
            raise Unreadable(f"row {row} of {self.rows}")
        page = self.pages[bisect_right(self.starts, row) - 1]
        return page.offset + (row - page.first) * size


@define(eq=False)
class Originals:
    """The vectors of one table by address; safe to use from several threads."""

    directory: Path
    """Of the table."""
    column: str
    dimensions: int
    _places: dict[int, tuple[str, int]] = field(init=False, factory=dict)
    """Fragment → name of its data file and number of the column there; numbers are never given twice."""
    _open: dict[int, _DataFile] = field(init=False, factory=dict)
    _guard: threading.Lock = field(init=False, factory=threading.Lock)

    def similarities(self, addresses: NDArray[np.uint64], vector: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the cosine similarity of `vector` (L2-normalised, float32[d]) to each row; 0 for an empty vector.

        `addresses` are `tables.ADDRESS` of rows. Raises Unreadable.
        """
        stored = self.at(addresses).astype(np.float32)
        lengths = np.sqrt(np.einsum("ij,ij->i", stored, stored))
        if not (np.isclose(lengths, 1.0, atol=_LONGEST_ERROR) | (lengths == 0)).all():
            raise Unreadable("these are no vectors")
        found: NDArray[np.float32] = (stored @ vector) / np.maximum(lengths, 1e-9)
        return found

    def at(self, addresses: NDArray[np.uint64]) -> NDArray[np.float16]:
        """Return the vectors of these rows, float16[n, d]. Raises Unreadable."""
        size = _HALF * self.dimensions
        vectors = np.empty((len(addresses), self.dimensions), "<f2")
        fragments, rows = (addresses >> 32).tolist(), (addresses & 0xFFFFFFFF).tolist()
        with self._guard:  # nobody may close a file that is being read
            try:
                files = self._files(set(fragments))
                places = [
                    (files[fragment].descriptor, files[fragment].offset(row, size))
                    for fragment, row in zip(fragments, rows, strict=True)
                ]
                _read_into(vectors, places)
            except (OSError, LookupError, ValueError, TypeError, OverflowError, struct.error) as error:
                raise Unreadable(str(error)) from error
        return vectors

    def close(self) -> None:
        """Close all files; they are opened again when asked for."""
        with self._guard:
            self._close()

    def _close(self) -> None:
        for file in self._open.values():
            os.close(file.descriptor)
        self._open.clear()

    def _files(self, fragments: set[int]) -> Mapping[int, _DataFile]:
        if not fragments <= self._places.keys():
            # Fragments come with each save, and with an arrangement that replaces all others.
            self._close()
            self._places = dict(self._fragments())
            if not fragments <= self._places.keys():
                raise Unreadable(f"of {fragments}, not all are fragments of the newest version")
        if len(self._open.keys() | fragments) > _MOST_OPEN:
            self._close()
        for fragment in fragments - self._open.keys():
            name, column = self._places[fragment]
            self._open[fragment] = self._opened(self.directory / "data" / name, column)
        return self._open

    def _fragments(self) -> Iterator[tuple[int, tuple[str, int]]]:
        """Yield each fragment of the newest version."""
        versions = self.directory / "_versions"
        # Versions count down, so that the newest is listed first.
        newest = min(path.name for path in versions.glob("*.manifest"))
        manifest = _manifest((versions / newest).read_bytes())
        if _number(manifest, 9) & ~_KNOWN_FEATURES:
            raise Unreadable("the table has features that are not known here")
        wanted = self._column_id(manifest)
        for fragment in map(_parsed, manifest.get(2, ())):
            for file in map(_parsed, fragment[2]):
                fields = _numbers(file[2][0])
                if wanted in fields and 7 not in file:  # a file that lies elsewhere says where
                    column = _numbers(file[3][0])[fields.index(wanted)]
                    yield _number(fragment, 1), (file[1][0].decode(), column)

    def _column_id(self, manifest: _Message) -> int:
        kind = f"fixed_size_list:halffloat:{self.dimensions}".encode()
        for column in map(_parsed, manifest[1]):
            if column[2][0] == self.column.encode() and column[5][0] == kind:
                return _number(column, 3)
        raise Unreadable(f"there is no column {self.column} of vectors")

    def _opened(self, path: Path, column: int) -> _DataFile:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            pages = _pages(descriptor, column, _HALF * self.dimensions)
        except BaseException:
            os.close(descriptor)
            raise
        *starts, rows = np.cumsum([0, *(length for _, length in pages)]).tolist()
        placed = tuple(_Page(first, offset) for first, (offset, _) in zip(starts, pages, strict=True))
        return _DataFile(descriptor, placed, tuple(starts), rows)


def _read_into(vectors: NDArray[np.float16], places: Sequence[tuple[int, int]]) -> None:
    """Fill each vector from its (descriptor, offset).

    Not mapped: pages that were mapped count as memory of this process. And not by `os.pread`, which lets go of the
    interpreter for each of some hundred reads of a microsecond, and may wait 5 ms each time to get it back.
    What the system has not in memory is asked of the disk all at once: one after the other, reads of 0.1 ms add up.
    """
    system, size, first = _system(), vectors.strides[0], vectors.ctypes.data
    missing = list(range(len(places)))
    if system.read_cached is not None:
        missing = list(_not_cached(system.read_cached, vectors, places))
        for number in missing:
            os.posix_fadvise(places[number][0], places[number][1], size, os.POSIX_FADV_WILLNEED)
    for number in missing:
        descriptor, offset = places[number]
        if system.read(descriptor, first + number * size, size, offset) != size:
            raise Unreadable("a file is shorter than it should be")


def _not_cached(
    read: Callable[[int, int, int, int, int], int],
    vectors: NDArray[np.float16],
    places: Sequence[tuple[int, int]],
) -> Iterator[int]:
    """Fill the vectors that the system has in memory, and yield the numbers of the others."""
    size = vectors.strides[0]
    parts = np.empty((len(places), 2), np.uintp)  # of C's struct iovec: where to, how many bytes
    parts[:, 0] = vectors.ctypes.data + size * np.arange(len(places), dtype=np.uintp)
    parts[:, 1] = size
    at, step = parts.ctypes.data, parts.strides[0]
    for number, (descriptor, offset) in enumerate(places):
        if read(descriptor, at, 1, offset, os.RWF_NOWAIT) != size:
            yield number
        at += step


@frozen
class _System:
    """Functions of the C library, called without letting go of the interpreter."""

    read: Callable[[int, int, int, int], int]
    read_cached: Callable[[int, int, int, int, int], int] | None
    """Where there is `preadv2`, which can read only what is in memory: Linux."""


@lru_cache(maxsize=1)
def _system() -> _System:
    import ctypes

    whole, size = ctypes.c_int, ctypes.c_size_t
    try:
        library = ctypes.PyDLL(None)
        read = library.pread
    except (AttributeError, TypeError) as error:  # Windows has none
        raise Unreadable(str(error)) from error
    read.argtypes = (whole, ctypes.c_void_p, size, ctypes.c_int64)
    read.restype = ctypes.c_ssize_t
    cached = getattr(library, "preadv2", None) if hasattr(os, "RWF_NOWAIT") else None
    if cached is not None:
        cached.argtypes = (whole, ctypes.c_void_p, whole, ctypes.c_int64, whole)
        cached.restype = ctypes.c_ssize_t
    return _System(read, cached)


def _manifest(data: bytes) -> _Message:
    position, major, _, magic = struct.unpack("<QHH4s", data[-16:])
    if magic != _MAGIC:
        raise Unreadable(f"a manifest ends with {magic!r} of {major}")
    (size,) = struct.unpack_from("<I", data, position)
    return _parsed(data[position + 4 : position + 4 + size])


def _pages(descriptor: int, column: int, size: int) -> list[tuple[int, int]]:
    """Return (offset, rows) of each page of a column whose values have `size` bytes and nothing between them."""
    end = os.fstat(descriptor).st_size
    _, columns, _, _, count, major, _, magic = struct.unpack("<QQQIIHH4s", os.pread(descriptor, 40, end - 40))
    if magic != _MAGIC or major != _MAJOR or column >= count:
        raise Unreadable(f"a data file ends with {magic!r} of {major}, with {count} columns")
    offset, length = struct.unpack("<QQ", os.pread(descriptor, 16, columns + 16 * column))
    pages = []
    for page in map(_parsed, _parsed(os.pread(descriptor, length, offset))[2]):
        offsets, sizes, rows = _numbers(page[1][0]), _numbers(page[2][0]), _number(page, 3)
        if len(offsets) != 1 or sizes != [rows * size]:
            raise Unreadable("a page is compressed")
        pages.append((offsets[0], rows))
    return pages


def _parsed(message: bytes) -> _Message:
    """Return the fields of a message of protocol buffers."""
    found: _Message = {}
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(message, at)
            found.setdefault(key >> 3, []).append(value)
            continue
        if kind == 2:
            length, at = _varint(message, at)
        elif kind in {1, 5}:
            length = 8 if kind == 1 else 4
        else:
            raise Unreadable(f"a field of kind {kind}")
        found.setdefault(key >> 3, []).append(message[at : at + length])
        at += length
    return found


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _number(message: _Message, field_number: int) -> int:
    """Return a field that is left out where it is 0."""
    value: int = message.get(field_number, [0])[0]
    return value


def _numbers(packed: bytes) -> Sequence[int]:
    found, at = [], 0
    while at < len(packed):
        value, at = _varint(packed, at)
        found.append(value)
    return found
