"""Writes the server's settings into the VS Code client's manifest: ``python tests/editors/vscode_settings.py``."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from conexus import settings

CLIENT = Path(__file__).parents[2] / "editors" / "vscode"
TABLE = Path(__file__).parents[2] / "docs" / "settings.md"
OURS = ("conexus.server.path", "conexus.trace.server")
"""Settings of the client itself: they stay as they are."""
UNSEEN = ("mcp.",)
"""Sections that are nothing to an editor."""
_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}


def camel(name: str) -> str:
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), name)


def descriptions() -> dict[str, str]:
    """Return setting → what docs/settings.md says it is."""
    rows = re.findall(r"^\| `([a-z]+\.\w+)` .*\| ([^|]+) \|$", TABLE.read_text("utf-8"), re.MULTILINE)
    return dict(rows)


def properties() -> dict[str, dict[str, Any]]:
    """Return the server's settings as VS Code wants them declared."""
    shown = {key: rule for key, rule in settings.rules().items() if not key.startswith(UNSEEN)}
    return {f"conexus.{camel(key)}": declared(rule) for key, rule in shown.items()}


def declared(rule: settings.Rule) -> dict[str, Any]:
    said: dict[str, Any] = {"type": _TYPES.get(rule.type, "array")}
    if said["type"] == "array":
        said["items"] = {"type": "string"}
    if rule.choices:
        said["enum"] = list(rule.choices)
    if rule.low is not None:
        said |= {"minimum": rule.low, "maximum": rule.high}
    # What a repository may not say, its workspace settings may not say either.
    scope = "machine" if rule.user_only else "window" if rule.key.startswith("lsp.") else "resource"
    default = list(rule.default) if said["type"] == "array" else rule.default
    return {**said, "default": default, "scope": scope, "markdownDescription": f"%setting.{camel(rule.key)}%"}


def texts() -> dict[str, str]:
    said = descriptions()
    return {f"setting.{camel(key)}": said[key] for key in settings.rules() if not key.startswith(UNSEEN)}


def written() -> tuple[str, str]:
    """Return package.json and package.nls.json with the settings of the server in them."""
    manifest = json.loads((CLIENT / "package.json").read_text("utf-8"))
    configuration = manifest["contributes"]["configuration"]
    kept = {name: configuration["properties"][name] for name in OURS}
    configuration["properties"] = {**kept, **properties()}
    words = json.loads((CLIENT / "package.nls.json").read_text("utf-8"))
    own = {f"setting.{name.removeprefix('conexus.')}" for name in OURS}
    words = {key: text for key, text in words.items() if not key.startswith("setting.") or key in own}
    return dumped(manifest), dumped({**words, **texts()})


def dumped(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for name, text in zip(("package.json", "package.nls.json"), written(), strict=True):
        (CLIENT / name).write_text(text, "utf-8")
    sys.exit(0)
