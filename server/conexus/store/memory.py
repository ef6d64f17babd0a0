"""Giving memory back to the system after a bulk of work."""

from __future__ import annotations

import contextlib
import gc
import mmap
import os
import sys
from typing import TYPE_CHECKING
from weakref import WeakSet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STAYING = {
    # Both keep the C library from raising them: a large block goes back to the system when it is freed.
    "MALLOC_MMAP_THRESHOLD_": "131072",
    # But what one question freed is there for the next: half of the pages it touches were new each time.
    "MALLOC_TRIM_THRESHOLD_": "4194304",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}
"""What the environment of a process that stays says when it starts, unless the user says otherwise."""
# New objects after which the garbage collector looks at them: several questions make so many (Python's default: 700).
_YOUNG_OBJECTS = 20_000
_regions: WeakSet[mmap.mmap] = WeakSet()


@contextlib.contextmanager
def without_collecting() -> Iterator[None]:
    """Make many objects that will stay: the garbage collector goes through them neither now nor later."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_on:
            gc.enable()


def collect_seldom() -> None:
    """Let the garbage collector look less often in this process, which answers questions.

    Each makes some thousand objects that go with its answer: by default the collector would look at them three times
    meanwhile, and every few dozen questions at all there is, 10 to 90 ms in which every thread waits.
    """
    gc.set_threshold(_YOUNG_OBJECTS, 20, 20)


def passing_environment() -> dict[str, str]:
    """Return the environment for processes that work and end: memory they keep for reuse makes them faster."""
    return {name: value for name, value in os.environ.items() if STAYING.get(name) != value}


def map_file(path: Path) -> mmap.mmap:
    """Return a file as memory, read where it is touched. Raises OSError, and ValueError if it is empty."""
    with path.open("rb") as file:
        region = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    _regions.add(region)
    return region


def give_back_mapped() -> None:
    """Let the system have what was touched of mapped files; it is there again when it is touched again.

    The system maps 16 pages for each that is touched, and never takes one back before memory is short.
    """
    if hasattr(mmap, "MADV_DONTNEED"):
        for region in list(_regions):
            with contextlib.suppress(OSError, ValueError):
                region.madvise(mmap.MADV_DONTNEED)


def give_back_memory() -> None:
    """Release what Arrow and the C library keep for reuse; a bulk load leaves hundreds of MB there.

    What lives now is left out by the garbage collector from now on: it would go through a record for each
    file again and again, 0.3 s each time, while every thread waits.
    """
    import ctypes

    import pyarrow as pa

    give_back_mapped()
    gc.collect(1)
    gc.freeze()
    pa.default_memory_pool().release_unused()
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # musl has no malloc_trim
            ctypes.CDLL(None).malloc_trim(0)
