"""One fixture format for all: files written as text, each under a ``//- /path`` line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_HEADING = re.compile(r"^//- /(.+)\n", re.MULTILINE)


def write_files(root: Path, text: str) -> Path:
    """Write the files that `text` describes below `root` and return it."""
    _, *parts = _HEADING.split(text)
    for name, content in zip(parts[::2], parts[1::2], strict=True):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8", newline="")
    return root


@pytest.fixture(scope="session")
def written() -> Callable[[Path, str], Path]:
    """Return `write_files`, for fixtures that outlive a test."""
    return write_files


@pytest.fixture
def folder_of(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that makes a folder from the fixture format."""

    def make(text: str, name: str = "project") -> Path:
        root = tmp_path / name
        root.mkdir(exist_ok=True)
        return write_files(root, text)

    return make
