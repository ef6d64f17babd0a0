"""Sessions recorded from real editors (see sessions/record.lua), replayed to the shipped server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.lsp.test_faults import Raw

from conexus.lsp import positions
from conexus.lsp.convert import path_of

if TYPE_CHECKING:
    from collections.abc import Callable

SESSIONS = Path(__file__).parent / "sessions"
KITCHEN = """\
//- /pyproject.toml
[project]
name = "kitchen"
//- /src/kettle.py
class Kettle:
    \"\"\"Heats water.\"\"\"

    def boil(self):
        \"\"\"Bring the water to the boil.\"\"\"
        self.temperature = 100
//- /src/tea.py
def brew_tea(kettle, leaves):
    \"\"\"Pour boiling water over the leaves and wait.\"\"\"
    kettle.boil()
    return leaves
"""
# What Neovim wrote to the disk where the session says `didSave`.
SAVED = """\
class Kettle:
    \"\"\"Heats water.\"\"\"

    def boil(self):
        \"\"\"Bring the water to the boil.\"\"\"
        self.temperature = 100

        def whistle_when_ready(pot):
            \"\"\"Tönt 😀.\"\"\"
            return pot.whistle()
"""


def replayed(server: Raw, name: str, root: Path, saved: dict[str, str]) -> list[tuple[str, Any, Any]]:
    """Send what the editor sent, in its order, and return method, parameters and answer of each request."""
    answers = []
    text = (SESSIONS / name).read_text("utf-8").replace("${ROOT}", root.as_posix())
    for line in text.splitlines():
        message = json.loads(line)["msg"]
        if "method" not in message:
            continue  # Answers to the server are given where it asks.
        if message["method"] == "textDocument/didSave":
            uri = message["params"]["textDocument"]["uri"]
            Path(str(path_of(uri))).write_text(saved[uri.rpartition("/")[2]], "utf-8", newline="")
        server.send(**message)
        if "id" in message:
            answers.append((message["method"], message.get("params"), server.answer(message["id"])["result"]))
    return answers


def test_a_session_of_neovim(home: Path, folder_of: Callable[[str], Path]) -> None:
    root = folder_of(KITCHEN)
    server = Raw(home)
    answers = replayed(server, "neovim.jsonl", root, {"kettle.py": SAVED})
    assert server.process.wait(20) == 0
    server.kill()
    searches = [answer for method, _, answer in answers if method == "conexus/search"]
    whistle, zanzibar, closed = (answer["hits"] for answer in searches)
    # Typed, undone, substituted: the text Neovim shows is the text that was searched.
    assert whistle[0]["version"] is not None
    lines = positions.split(SAVED)
    range_ = whistle[0]["range"]
    assert whistle[0]["excerpt"].startswith(lines[range_["start"]["line"]])
    assert "def whistle_when_ready(pot):" in whistle[0]["excerpt"]
    symbols = next(answer for method, _, answer in answers if method == "workspace/symbol")
    start = symbols[0]["location"]["range"]["start"]
    assert lines[start["line"]][start["character"] :].startswith("def whistle_when_ready")
    assert any("zanzibar" in hit["excerpt"] for hit in zanzibar)
    assert not any("zanzibar" in hit["excerpt"] for hit in closed)
