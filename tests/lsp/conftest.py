from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from tests.lsp.editor import NEOVIM, VS_CODE, Editor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where engine, log and settings of a module's servers live."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module", params=[VS_CODE, NEOVIM], ids=["vscode", "neovim"])
def preset(request: pytest.FixtureRequest) -> object:
    return request.param


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def editors(home: Path) -> AsyncIterator[Callable[..., Editor]]:
    """Return a function that makes editors; all are ended with the module."""
    made: list[Editor] = []

    def make(preset: object = VS_CODE) -> Editor:
        editor = Editor(preset, home)  # type: ignore[arg-type]
        made.append(editor)
        return editor

    yield make
    for editor in made:
        if editor.client._server is not None and editor.process.returncode is None:
            await editor.stop()
