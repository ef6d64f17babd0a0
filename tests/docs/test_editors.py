"""The configurations in docs/editors.md are what they say they are."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from conexus.lsp.protocol import COMMANDS

PAGE = (Path(__file__).parents[2] / "docs" / "editors.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("text", blocks("json"))
def test_json_is_json(text: str) -> None:
    assert json.loads(text)


@pytest.mark.parametrize("text", blocks("toml"))
def test_toml_names_only_servers_that_it_or_helix_defines(text: str) -> None:
    settings = tomllib.loads(text)
    assert settings["language-server"]["conexus"] == {"command": "conexus", "args": ["lsp"]}
    for language in settings["language"]:
        named = [one["name"] for one in language["language-servers"] if isinstance(one, dict)]
        assert named == ["conexus"]


def test_every_language_of_the_page_is_checked() -> None:
    # Lisp is run or read by Emacs (tests/editors/test_eglot.py), Vim script by Neovim (test_neovim.py).
    assert set(re.findall(r"^```(\w+)$", PAGE, re.MULTILINE)) == {"json", "toml", "elisp", "vim"}


def test_commands_exist() -> None:
    named = re.findall(r"conexus\.server\.\w+", PAGE)
    assert named
    assert set(named) <= set(COMMANDS)
