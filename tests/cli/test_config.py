"""``conexus config``."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING

from conexus import settings
from conexus.cli.exits import Exit

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Run


def test_the_settings_in_force_are_valid_settings(run: Run, project: Path) -> None:
    (project / "conexus.toml").write_text('[scope]\nexclude = ["a b", "ü"]\n', "utf-8")
    ran = run("config", project, "--set", "search.limit=3")
    assert ran.code == Exit.OK
    assert tomllib.loads(ran.out)["scope"]["exclude"] == ["a b", "ü"]
    assert "limit = 3  # from --set search.limit; default 10" in ran.out
    assert f"# from {project / 'conexus.toml'}; default []" in ran.out
    assert 'device = "auto"  # default' in ran.out


def test_as_json_every_setting_has_value_default_origin_and_allowed(
    run: Run, project: Path, home: Path
) -> None:
    record = json.loads(run("config", project, "--json").out)
    assert set(record["settings"]) == set(settings.rules())
    assert record["settings"]["search.limit"] == {
        "value": 10,
        "default": 10,
        "origin": "default",
        "allowed": "a whole number from 1 to 1000",
    }
    assert record["data_directory"] == str(home / "data")


def test_what_is_wrong_is_said_on_stderr(run: Run, project: Path) -> None:
    (project / "conexus.toml").write_text("[search]\nlimit = 'many'\n", "utf-8")
    ran = run("config", project)
    assert ran.code == Exit.OK
    assert "search.limit = 'many' is not a whole number from 1 to 1000. Using 10." in ran.err
    assert "many" not in ran.out
