"""A folder in step: what is told of it while it is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.engine_process.engine_world import eventually

from conexus.engine import live as live_module
from conexus.engine.latencies import Latencies
from conexus.engine.live import LiveFolder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conexus.engine.engine import Engine
    from conexus.engine.wire import FolderStatus


@pytest.fixture
def told() -> list[FolderStatus]:
    return []


@pytest.fixture
def live(
    engine: Engine, tmp_path: Path, told: list[FolderStatus], monkeypatch: pytest.MonkeyPatch
) -> Iterator[LiveFolder]:
    # So long that what is touched right after an announcement is looked at before the next.
    monkeypatch.setattr(live_module, "_ANNOUNCE_SECONDS", 1.0)
    root = tmp_path / "folder"
    root.mkdir()
    (root / "otter.py").write_text("def otter():\n    return 'otter'\n")
    opened = LiveFolder(engine.open(root), {}, problems=(), latencies=Latencies(), announce=told.append)
    yield opened
    opened.close()


def test_who_was_answered_from_less_than_all_is_told_when_all_is_there(
    live: LiveFolder, told: list[FolderStatus]
) -> None:
    assert live.wait(0, complete=True, seconds=30, cancelled=lambda: False)
    assert eventually(lambda: told and told[-1].percent == 100)
    live.introduce()
    before = len(told)
    assert eventually(lambda: len(told) > before)
    # Touched, not changed: what is told afterwards is what was told before.
    while live.completeness().complete:
        live.touch(["otter.py"])
    before = len(told)
    assert eventually(lambda: len(told) > before)
    assert told[-1].percent == 100
