"""LanceDB begins at once, and whoever asked works meanwhile."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from conexus.store import tables
from conexus.store.tables import ADDRESS, Tables

if TYPE_CHECKING:
    from pathlib import Path

DIMENSIONS = 8


def test_who_asked_goes_on_when_lancedb_has_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lancedb.arrow import AsyncRecordBatchReader

    went_on = threading.Event()
    find = AsyncRecordBatchReader.__anext__

    async def find_later(reader: AsyncRecordBatchReader) -> Any:
        assert await asyncio.to_thread(went_on.wait, 10), "who asked waits until all is found"
        return await find(reader)

    monkeypatch.setattr(AsyncRecordBatchReader, "__anext__", find_later)
    monkeypatch.setattr(tables, "_START_SECONDS", 60)
    opened = Tables.open(tmp_path, DIMENSIONS, create=True)
    try:
        asked = opened.nearest(np.ones(DIMENSIONS, np.float32), 3, [ADDRESS])
        went_on.set()
        rows, _ = asked.result()
        assert rows.num_rows == 0
    finally:
        went_on.set()
        opened.close()


def test_what_cannot_begin_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_START_SECONDS", 60)
    opened = Tables.open(tmp_path, DIMENSIONS, create=True)
    try:
        with pytest.raises((OSError, RuntimeError, ValueError), match="no_such_column"):
            opened.rows(tables.CHUNKS, columns=["no_such_column"])
    finally:
        opened.close()
