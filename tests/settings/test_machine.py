"""What the machine says of itself."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from conexus.machine import cores, on_battery

if TYPE_CHECKING:
    from pathlib import Path


def supplies(place: Path, **said: dict[str, str]) -> Path:
    for name, files in said.items():
        (place / name).mkdir()
        for file, text in files.items():
            (place / name / file).write_text(f"{text}\n")
    return place


BATTERY = {"type": "Battery", "status": "Discharging"}
MAINS = {"type": "Mains", "online": "0"}
ASKED = """
import os
from conexus.machine import cores
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
print(cores())
"""


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"BAT0": BATTERY, "AC": MAINS}, True),
        ({"BAT0": BATTERY}, True),
        ({"BAT0": BATTERY, "AC": {**MAINS, "online": "1"}}, False),
        ({"BAT0": BATTERY, "ucsi": {"type": "USB", "online": "1"}}, False),
        ({"BAT0": {**BATTERY, "status": "Full"}, "AC": MAINS}, False),
        ({"BAT0": {**BATTERY, "status": "Full"}, "BAT1": BATTERY}, True),
        ({"hidpp_battery_0": {**BATTERY, "scope": "Device"}}, False),
        ({"AC": {}}, False),
        ({}, False),
    ],
)
def test_a_battery_that_is_emptied_is_one_that_feeds_the_machine(
    tmp_path: Path, said, expected: bool
) -> None:
    assert on_battery(supplies(tmp_path, **said)) is expected


def test_where_no_one_says_it_is_no_battery(tmp_path: Path) -> None:
    assert on_battery(tmp_path / "absent") is False


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux pins a process to cores like this")
def test_cores_are_those_this_process_may_use() -> None:
    said = subprocess.run([sys.executable, "-c", ASKED], capture_output=True, text=True, check=True).stdout
    assert int(said) == 1
    assert cores() >= 1
