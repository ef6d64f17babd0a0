"""Evidence and history for editors: by request and by command, of unsaved text, in the editor's positions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from pygls.exceptions import JsonRpcException
from tests.lsp.editor import SHOP, VS_CODE, Editor
from tests.workspace.test_history import git

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def root(tmp_path_factory: pytest.TempPathFactory, written: Callable[[Path, str], Path]) -> Path:
    root = written(tmp_path_factory.mktemp("work") / "shop", SHOP)
    git(root, "init", "-qb", "main")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "Begin (#4)")
    return root


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def editor(root: Path, editors: Callable[..., Editor]) -> Editor:
    made = editors(VS_CODE)
    await made.start(root)
    await made.settled()
    return made


async def test_evidence_lies_where_the_editor_has_it(editor: Editor, root: Path) -> None:
    path = root / "shop/basket.py"
    uri = editor.open(path)
    editor.replace(
        uri, "def apply_voucher(total, voucher):", "# 😀 ünsaved\ndef apply_voucher(total, coupon):"
    )
    await editor.settled()
    reply = await editor.ask(
        "conexus/context", query="how is a voucher applied", profile="relaxed", budget=1_500
    )
    mine = [one for one in reply["evidence"] if one["uri"] == uri]
    assert mine
    for one in mine:
        assert one["version"] == 2
        assert editor.shown(one) == one["excerpt"]
    assert "def apply_voucher(total, coupon):" in reply["text"]
    assert reply["tokens"] <= reply["budget"] == 1_500
    facts = [one for one in reply["statements"] if one["uri"] == uri]
    assert {"signature", "calls"} <= {one["kind"] for one in facts}
    assert all(one["about"] for one in facts)
    assert {step["name"] for step in reply["steps"]} >= {"locate", "analyse", "callees", "uses"}
    editor.close(uri)
    await editor.settled()


async def test_the_definition_at_the_cursor_comes_first(editor: Editor, root: Path) -> None:
    where = {"uri": (root / "shop/mail.py").as_uri()}
    reply = await editor.ask(
        "conexus/context", query="what is this for", textDocument=where, position={"line": 1, "character": 4}
    )
    assert (reply["evidence"][0]["role"], reply["evidence"][0]["symbol"]) == ("here", "send_invoice")


async def test_context_is_a_command_too(editor: Editor) -> None:
    params = {"command": "conexus.server.context", "arguments": [{"query": "send the invoice"}]}
    reply = await editor.ask("workspace/executeCommand", **params)
    assert reply["evidence"][0]["path"] == "shop/mail.py"
    counted = (await editor.ask("conexus/status"))["gates"]
    assert counted["context evidence"]["passed"] >= 1


@pytest.mark.parametrize(
    ("params", "complaint"),
    [
        ({}, "params.query: required field missing"),
        ({"query": "x", "budget": 5}, "a budget of 5 tokens is not 100 to 100000"),
        ({"query": "x", "task": "art"}, "art is no task"),
        ({"query": "x", "paths": "src"}, "params.paths: expected a list"),
    ],
)
async def test_what_cannot_be_asked_is_refused(
    editor: Editor, params: dict[str, object], complaint: str
) -> None:
    with pytest.raises(JsonRpcException, match=complaint):
        await editor.ask("conexus/context", **params)


async def test_history_of_lines_and_of_a_ticket(editor: Editor, root: Path) -> None:
    where = {"uri": (root / "shop/mail.py").as_uri()}
    lines = {"start": {"line": 0, "character": 0}, "end": {"line": 2, "character": 0}}
    reply = await editor.ask("conexus/history", textDocument=where, range=lines)
    assert reply["branch"] == "main"
    assert [one["subject"] for one in reply["commits"]] == ["Begin (#4)"]
    assert [one["range"] for one in reply["blame"]] == [lines]
    ticket = await editor.ask("conexus/related", ticket="#4")
    assert {hit["path"] for hit in ticket["hits"]} == {"shop/basket.py", "shop/mail.py"}
    assert ticket["commits"][0]["tickets"] == ["#4"]
    with pytest.raises(JsonRpcException, match="give a document, or a ticket"):
        await editor.ask("conexus/related")


async def test_without_a_folder_nothing_is_found(editors: Callable[..., Editor]) -> None:
    lonely = editors(VS_CODE)
    await lonely.start()
    reply = await lonely.ask("conexus/context", query="anything")
    assert (reply["evidence"], reply["text"]) == ([], "")
    assert "no folder is open" in reply["notes"][0]
