"""Settings as editors send them: any spelling in, the sections of ``conexus.settings`` out."""

from __future__ import annotations

import re
from typing import Any

SECTION = "conexus"

Sections = dict[str, Any]
"""Section → name → value; what is wrong with them, `conexus.settings.load` says."""


def read(raw: Any) -> Sections:
    """Return what an editor sent, as ``{section: {name: value}}`` or below a key ``conexus``.

    A name may be written in camelCase. Anything that is no object sets nothing.
    """
    if isinstance(raw, dict) and isinstance(raw.get(SECTION), dict):
        raw = raw[SECTION]
    if not isinstance(raw, dict):
        return {}
    return {
        section: {_snake(name): value for name, value in entries.items()}
        if isinstance(entries, dict)
        else entries
        for section, entries in raw.items()
        if entries is not None
    }


def over(first: Sections, second: Sections) -> Sections:
    """Return the settings of `first`, and those of `second` where it says nothing."""
    merged = dict(second)
    for section, entries in first.items():
        below = merged.get(section)
        both = isinstance(below, dict) and isinstance(entries, dict)
        merged[section] = (
            {**below, **{name: value for name, value in entries.items() if value is not None}}  # type: ignore[dict-item]
            if both
            else entries
        )
    return merged


def _snake(name: str) -> str:
    return re.sub(r"([A-Z])", lambda found: f"_{found[1].lower()}", name)
