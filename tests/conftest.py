"""What all areas share: files written as text, each under a ``//- /path`` line, and the processes' surroundings."""

from __future__ import annotations

import logging
import os
import re
import textwrap
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
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


@pytest.fixture
def in_every_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that runs a text at the start of each Python process from now on."""

    def run(text: str) -> None:
        site = tmp_path / "site"
        site.mkdir()
        (site / "sitecustomize.py").write_text(textwrap.dedent(text))
        known = filter(None, [os.environ.get("PYTHONPATH")])
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), *known]))

    return run


@pytest.fixture
def log_to_restore(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Take back what a test configures of the log."""
    monkeypatch.setattr(logging, "raiseExceptions", logging.raiseExceptions)
    yield
    logger = logging.getLogger("conexus")
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()
    logger.propagate = True
