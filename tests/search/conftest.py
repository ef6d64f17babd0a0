from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conexus.engine.engine import Engine
from conexus.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conexus.engine.folder import Folder


@pytest.fixture(scope="module")
def kept(
    tmp_path_factory: pytest.TempPathFactory, written: Callable[[Path, str], Path]
) -> Iterator[Callable[[str], Folder]]:
    """Return a function that indexes files once for all tests of a module that change nothing."""
    home = tmp_path_factory.mktemp("kept")
    folders: dict[str, Folder] = {}
    with Engine(Settings(), home / "data") as engine:

        def make(text: str) -> Folder:
            if text not in folders:
                root = home / f"project{len(folders)}"
                root.mkdir()
                folders[text] = engine.open(written(root, text))
                folders[text].reconcile()
            return folders[text]

        yield make


@pytest.fixture
def indexed(tmp_path: Path, folder_of: Callable[..., Path]) -> Iterator[Callable[[str], Folder]]:
    """Return a function that indexes files given in the fixture format."""
    with Engine(Settings(), tmp_path / "data") as engine:

        def make(text: str, name: str = "project") -> Folder:
            folder = engine.open(folder_of(text, name))
            folder.reconcile()
            return folder

        yield make
