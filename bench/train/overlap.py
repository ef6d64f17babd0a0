"""Copies of benchmark repositories, found by their lines: packages carry each other's code under other names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.train.packages import is_wanted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LONG_LINE = 30
_FEWEST_LINES = 4
_SHARE = 0.5


def lines_below(root: Path) -> set[int]:
    """Return the hashes of all long lines of source below `root`; empty when it does not exist."""
    found: set[int] = set()
    for file in sorted(root.rglob("*")) if root.exists() else []:
        if is_wanted(f"{file.relative_to(root)}") and file.is_file():
            found.update(long_lines(file.read_text(encoding="utf-8", errors="ignore")))
    return found


def is_copy(code: str, lines: set[int]) -> bool:
    """Tell whether at least half of the long lines of `code`, and not just a few, are among `lines`."""
    own = list(long_lines(code))
    return len(own) >= _FEWEST_LINES and sum(line in lines for line in own) >= _SHARE * len(own)


def long_lines(text: str) -> Iterator[int]:
    """Yield the hash of each line of `text` that is long enough to be known again, whatever its indent."""
    for line in text.split("\n"):
        plain = " ".join(line.split())
        if len(plain) >= _LONG_LINE:
            yield hash(plain)
