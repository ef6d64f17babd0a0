from __future__ import annotations

from engine_world import world

__all__ = ["world"]
