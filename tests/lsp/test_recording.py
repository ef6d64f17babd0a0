"""Sessions of the real Neovim and the real VS Code, replayed without their pauses.

They are recorded by tests/editors/record_session.py and tests/editors/vscode/record.mjs.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.lsp.test_faults import Raw

if TYPE_CHECKING:
    from collections.abc import Callable

RECORDINGS = Path(__file__).parent / "recordings"
NEOVIM, VSCODE = "neovim-0.11.jsonl", "vscode-1.139.jsonl"
# What the session found on disk; of the texts it opened, only those that stayed open count here.
ON_DISK = """\
//- /shop/basket.py
def apply_voucher(total, voucher):
    \"\"\"Reduce the total by a voucher, never below zero.\"\"\"
    return max(0, total - voucher.amount)
"""
CANCELLED = -32800

SETTLED = 1_000_000


def said(recording: str, root: Path) -> list[dict[str, Any]]:
    """Return what the editor said by itself, in its order."""
    text = (RECORDINGS / recording).read_text("utf-8").replace("${ROOT}", root.as_posix())
    return [message for message in map(json.loads, text.splitlines()) if "method" in message]


@pytest.mark.parametrize("recording", [NEOVIM, VSCODE])
def test_every_request_of_live_search_is_answered_once(
    recording: str, home: Path, folder_of: Callable[[str], Path]
) -> None:
    # Editors wait for what they asked before they leave; all else comes at once here.
    messages = [message for message in said(recording, folder_of(ON_DISK)) if message["method"] != "shutdown"]
    requests = {message["id"] for message in messages if "id" in message}
    cancelled = {message["params"]["id"] for message in messages if message["method"] == "$/cancelRequest"}
    server = Raw(home)
    answers: dict[int, dict[str, Any]] = {}
    for message in messages:
        server.send(**message)
        if message["method"] == "initialize":
            answers[message["id"]] = server.answer(message["id"])
    while len(answers) < len(requests):
        reply = server.read(60)
        if "method" in reply and "id" in reply:
            server.send(id=reply["id"], result=None)
        elif "id" in reply:
            assert reply["id"] not in answers
            answers[reply["id"]] = reply
    assert answers.keys() == requests
    assert cancelled
    failed = {number: answer["error"]["code"] for number, answer in answers.items() if "error" in answer}
    assert failed.keys() <= cancelled
    assert set(failed.values()) <= {CANCELLED}
    server.end()


def answered(recording: str, home: Path, root: Path) -> dict[str, list[dict[str, Any]]]:
    """Replay a session, waiting for each answer; return the hits of each question."""
    server = Raw(home)
    found = {}
    for message in said(recording, root):
        server.send(**message)
        if message["method"] == "initialized":
            # People start slower than a recording: by their first question the folder has been read.
            server.send(
                id=SETTLED, method="conexus/waitForRevision", params={"complete": True, "timeoutMs": 60_000}
            )
            server.answer(SETTLED)
        if "id" in message:
            answer = server.answer(message["id"])
            if message["method"] == "conexus/search" and answer.get("result"):
                found[message["id"], message["params"]["query"]] = answer["result"]["hits"]
    server.end()
    return {query: hits for (_, query), hits in sorted(found.items())}


def test_what_neovim_asked_is_found(home: Path, folder_of: Callable[[str], Path]) -> None:
    last = answered(NEOVIM, home, folder_of(ON_DISK))
    # Each hit covers its definition as the editor showed it: with CRLF, and after an edit above it.
    place = next(hit for hit in last["parse_barcode"] if hit["path"] == "windows/legacy.c")
    assert (place["range"]["start"], place["version"]) == ({"line": 35, "character": 0}, 0)
    assert place["excerpt"].startswith("static int parse_barcode(const char *digits)\r\n")
    edited = next(hit for hit in last["how is a voucher applied"] if hit["path"] == "shop/basket.py")
    assert edited["range"]["start"] == {"line": 35, "character": 0}
    assert edited["excerpt"].startswith("def apply_voucher")
    assert not any("no_such_directory" in query and hits for query, hits in last.items())


def test_what_vscode_asked_is_found(home: Path, folder_of: Callable[[str], Path]) -> None:
    last = answered(VSCODE, home, folder_of(ON_DISK))
    # Below three lines that were typed, undone and typed again, in text that was never saved.
    typed = next(hit for hit in last["wrap it up as a present"] if hit["path"] == "shop/basket.py")
    assert typed["focus"]["start"] == {"line": 72, "character": 0}
    assert typed["version"] > 1
