"""docs/architecture.md names what exists."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "server" / "conexus"
PAGE = (ROOT / "docs" / "architecture.md").read_text("utf-8")


def named_modules() -> set[str]:
    """Return the modules of the table: `a/b`, `c` in one row are a/b and a/c."""
    found = set()
    for row in re.findall(r"^\| (`[^|]*) \|", PAGE, re.MULTILINE):
        directory = ""
        for name in re.findall(r"`([^`]+)`", row):
            directory = name.rpartition("/")[0] if "/" in name else directory
            found.add(name if "/" in name or not directory else f"{directory}/{name}")
    return found


def existing_modules() -> set[str]:
    files = (path.relative_to(PACKAGE).with_suffix("").as_posix() for path in PACKAGE.rglob("*.py"))
    # cli/ is one row: each file in it is a command or what commands share.
    return {"cli/" if name.startswith("cli/") else name for name in files if not name.endswith("__")}


def test_every_module_is_on_the_map() -> None:
    assert existing_modules() - named_modules() == set()


def test_the_map_names_nothing_that_does_not_exist() -> None:
    assert named_modules() - existing_modules() == set()


def test_the_contract_is_the_drawing() -> None:
    drawn = re.search(r"^cli > .*$", PAGE, re.MULTILINE)
    assert drawn
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(contract for contract in contracts if contract["type"] == "layers")
    assert layers["exhaustive"]
    assert [layer for layer in layers["layers"] if layer != "__main__"] == drawn[0].split(" > ")
