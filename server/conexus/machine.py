"""How much of the machine is ours to use: the cores this process may run on, and whether it lives on a battery."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_SUPPLIES = Path("/sys/class/power_supply")


def cores() -> int:
    """Return on how many cores this process may run, which may be fewer than there are (taskset, containers)."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # only Linux says
        return os.cpu_count() or 1


def on_battery(supplies: Path = _SUPPLIES) -> bool:
    """Return whether a battery is being emptied and nothing else feeds the machine; False where no one can say.

    Only Linux says so in files; asking other systems would take longer than it saves.
    """
    said = []
    with suppress(OSError):
        said = [{name: _said(supply / name) for name in _FILES} for supply in supplies.iterdir()]
    # A mouse has a battery too, whose scope is its device.
    batteries = [one for one in said if one["type"] == "Battery" and one["scope"] != "Device"]
    plugged = any(one["online"] == "1" for one in said if one["type"] != "Battery")
    return not plugged and any(one["status"] == "Discharging" for one in batteries)


_FILES = ("type", "scope", "online", "status")


def _said(place: Path) -> str:
    try:
        return place.read_text("ascii").strip()
    except (OSError, ValueError):
        return ""
