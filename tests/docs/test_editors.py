"""The configurations in docs/editors.md are what they say they are."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
from attrs import fields

from conexus.lsp import protocol
from conexus.lsp.protocol import COMMANDS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "editors.md").read_text("utf-8")


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


def test_types_of_the_neovim_client_are_those_of_the_protocol() -> None:
    text = (ROOT / "editors" / "neovim" / "lua" / "conexus" / "types.lua").read_text("utf-8")
    wire = {
        "Hit": protocol.Hit,
        "Symbol": protocol.Symbol,
        "Completeness": protocol.Completeness,
        "SearchResult": protocol.SearchResult,
        "SymbolsResult": protocol.SymbolsResult,
        "Folder": protocol.FolderStatus,
        "Status": protocol.StatusResult,
    }
    classes = dict(re.findall(r"---@class conexus\.(\w+)\n((?:---@field .*\n)+)", text))
    assert set(classes) == set(wire)
    for name, lines in classes.items():
        known = {one.name for one in fields(wire[name])}
        assert set(re.findall(r"---@field (\w+)", lines)) <= known, name
