from __future__ import annotations

from tests.engine_process.engine_world import world

__all__ = ["world"]
