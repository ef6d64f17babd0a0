"""The VS Code client's manifest, its page and the server say the same."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.editors import vscode_settings

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "editors" / "vscode"
PAGE = (ROOT / "docs" / "vscode.md").read_text("utf-8")
MANIFEST: dict[str, Any] = json.loads((CLIENT / "package.json").read_text("utf-8"))
WORDS: dict[str, str] = json.loads((CLIENT / "package.nls.json").read_text("utf-8"))


def test_settings_are_the_servers() -> None:
    # After a change: python tests/editors/vscode_settings.py
    written = (MANIFEST["contributes"]["configuration"], WORDS)
    manifest, words = map(json.loads, vscode_settings.written())
    assert written == (manifest["contributes"]["configuration"], words)


def test_every_word_is_there_and_used() -> None:
    used = set(re.findall(r"%([\w.]+)%", (CLIENT / "package.json").read_text("utf-8")))
    assert used == set(WORDS)


def test_commands_of_the_palette_are_documented() -> None:
    hidden = {
        entry["command"]
        for entry in MANIFEST["contributes"]["menus"]["commandPalette"]
        if entry["when"] == "false"
    }
    shown = {
        WORDS[command["title"].strip("%")]
        for command in MANIFEST["contributes"]["commands"]
        if command["command"] not in hidden
    }
    assert set(re.findall(r"^\| Conexus: ([^|]+?) +\|", PAGE, re.MULTILINE)) == shown


def test_every_search_and_every_act_is_a_command() -> None:
    titles = {WORDS[command["title"].strip("%")] for command in MANIFEST["contributes"]["commands"]}
    searches = {"Search", "Search for Selection (Similar Code)", "Search in Folder…", "Related to This File"}
    acts = {"Reindex", "Pause Indexing", "Resume Indexing", "Copy Context for Agent", "Restart Server"}
    shows = {"Search Symbols", "Show Status", "Show Logs"}
    assert searches | acts | shows <= titles


def test_every_setting_is_described_and_limited() -> None:
    for name, rule in MANIFEST["contributes"]["configuration"]["properties"].items():
        text = rule.get("markdownDescription") or rule["description"]
        assert WORDS[text.strip("%")], name
        assert isinstance(rule["default"], (str, bool, int, float, list)), name
        assert rule["type"] in {"string", "boolean", "array"} or {"minimum", "maximum"} <= set(rule), name


def test_every_command_is_in_one_category() -> None:
    assert {command["category"] for command in MANIFEST["contributes"]["commands"]} == {"Conexus"}


def test_settings_that_say_what_runs_are_restricted() -> None:
    restricted = MANIFEST["capabilities"]["untrustedWorkspaces"]
    assert restricted["supported"] == "limited"
    assert "conexus.server.path" in restricted["restrictedConfigurations"]
    assert MANIFEST["extensionKind"] == ["workspace"]
    assert MANIFEST["engines"]["vscode"] == "^1.96.0"


def test_strings_of_every_language_are_complete() -> None:
    source = "\n".join(path.read_text("utf-8") for path in sorted((CLIENT / "src").rglob("*.ts")))
    asked = set(re.findall(r"(?:l10n\.t|\bt)\(\s*'((?:[^'\\]|\\.)*)'", source))
    assert len(asked) > 80
    for bundle in (CLIENT / "l10n").glob("bundle.l10n.*.json"):
        assert set(json.loads(bundle.read_text("utf-8"))) == asked, bundle.name
    for words in CLIENT.glob("package.nls.*.json"):
        said = json.loads(words.read_text("utf-8"))
        # The server's settings are described in the language of docs/settings.md.
        own = {name for name in WORDS if not name.startswith("setting.")}
        assert own <= set(said) <= set(WORDS), words.name


def test_pictures_are_there_and_small() -> None:
    shown = set(re.findall(r"\]\((assets/[\w.-]+)\)", PAGE))
    assert {Path(name).suffix for name in shown} == {".png", ".gif"}
    for name in shown:
        size = (ROOT / "docs" / name).stat().st_size
        assert size < (1_000_000 if name.endswith(".gif") else 150_000), name
