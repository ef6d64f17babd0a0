from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conexus.engine.engine import Engine
from conexus.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def engine(data: Path) -> Iterator[Engine]:
    with Engine(Settings(), data) as opened:
        yield opened
