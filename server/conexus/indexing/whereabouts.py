"""How far a worker has come: a number in memory that it counts up and its parent looks at.

A message for each file would wake the parent as often, 24 µs each. The number is there also when the worker
is not any more: it says which file was its last.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import tempfile
from pathlib import Path

from attrs import frozen

_BYTES = 8


@frozen(eq=False)
class Whereabouts:
    """The count, as one of two processes has it."""

    path: Path
    """The file through which the other process comes by it."""
    _number: memoryview

    @classmethod
    def create(cls) -> Whereabouts:
        """Return a count of 0. Raises OSError where no temporary file can be made."""
        descriptor, name = tempfile.mkstemp(prefix="conexus-")
        try:
            # Memory of a file that the disk has no room for would kill who writes to it.
            os.write(descriptor, bytes(_BYTES))
            return cls(Path(name), _mapped(descriptor))
        except OSError:
            Path(name).unlink()
            raise
        finally:
            os.close(descriptor)

    @classmethod
    def share(cls, path: Path) -> Whereabouts:
        """Return the count that another process created at `path`, where nothing is left. Raises OSError."""
        with path.open("r+b") as file:
            shared = cls(path, _mapped(file.fileno()))
        remove(path)
        return shared

    @property
    def count(self) -> int:
        """Return how many steps were taken."""
        count: int = self._number[0]
        return count

    def step(self) -> None:
        """Count one more; for one of the processes only."""
        self._number[0] += 1


def remove(path: Path) -> None:
    """Remove the file at `path`, not the count. Where a file in use cannot be removed, whoever lets go last can."""
    with contextlib.suppress(OSError):
        path.unlink()


def _mapped(descriptor: int) -> memoryview:
    return memoryview(mmap.mmap(descriptor, _BYTES)).cast("Q")
