"""The shipped server, end to end, as VS Code and as Neovim use it."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from tests.lsp.editor import NEOVIM, SHOP, Editor

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.lsp.editor import Preset

pytestmark = pytest.mark.asyncio(loop_scope="module")

FILES = (
    SHOP
    + """\
//- /docs/returns.md
# Returns

Goods may be sent back within thirty days.
"""
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def root(tmp_path_factory: pytest.TempPathFactory, written: Callable[[Path, str], Path]) -> Path:
    return written(tmp_path_factory.mktemp("work") / "a shop #1 für Ä", FILES)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def editor(preset: Preset, root: Path, editors: Callable[..., Editor]) -> Editor:
    made = editors(preset)
    result = await made.start(root)
    assert result.capabilities.position_encoding == preset.encoding
    await made.settled()
    return made


async def eventually(reached: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for what the server tells by itself."""
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end, "waited in vain"
        await asyncio.sleep(0.02)


def names(hits: list[dict[str, Any]]) -> list[str]:
    return [hit["path"].rpartition("/")[2] for hit in hits]


async def test_what_is_on_disk_is_found(editor: Editor, root: Path) -> None:
    hit = (await editor.search("how is a voucher applied"))[0]
    assert hit["uri"] == (root / "shop/basket.py").as_uri()
    assert hit["folder"] == root.as_uri()
    assert hit["path"] == "shop/basket.py"
    assert hit["version"] is None
    lines = (root / "shop/basket.py").read_text("utf-8").splitlines(keepends=True)
    covered = lines[hit["range"]["start"]["line"] : hit["range"]["end"]["line"] + 1]
    assert "def apply_voucher(total, voucher):\n" in covered
    line = lines.index("def apply_voucher(total, voucher):\n")
    assert hit["focus"] == {
        "start": {"line": line, "character": 0},
        "end": {"line": line, "character": len("def apply_voucher(total, voucher):")},
    }


async def test_unsaved_text_is_found_where_the_editor_shows_it(editor: Editor, root: Path) -> None:
    uri = editor.open(root / "shop/mail.py")
    editor.replace(
        uri,
        "def send_invoice",
        "# Grüße 😀\r\ndef print_parcel_label(address):\r\n    '''😀'''; return address.zip\r\n\r\n\r\ndef send_invoice",
    )
    await editor.settled()
    hit = (await editor.search("print_parcel_label"))[0]
    assert (hit["uri"], hit["version"]) == (uri, 2)
    assert "def print_parcel_label" in editor.shown(hit)
    # Edits above it move it.
    editor.replace(uri, "# Grüße", "x = '漢字'\f\u2028\n\n# Grüße")
    await editor.settled()
    hit = (await editor.search("print_parcel_label"))[0]
    assert hit["version"] == 3
    assert "def print_parcel_label" in editor.shown(hit)
    assert editor.shown(hit) == hit["excerpt"]
    assert editor.shown(hit, "focus") == "def print_parcel_label(address):"
    editor.close(uri)
    await editor.settled()
    assert "print_parcel_label" not in str(await editor.search("print_parcel_label"))
    assert names(await editor.search("send_invoice"))[0] == "mail.py"


async def test_a_search_just_after_an_edit_is_right_about_what_it_shows(editor: Editor, root: Path) -> None:
    uri = editor.open(root / "shop/basket.py")
    for number in range(20):
        editor.replace(uri, "class Basket", f"# {'é😀' * number}\nclass Basket")
        for hit in await editor.search("Reduce the total by a voucher", limit=3):
            if hit["uri"] == uri and hit["version"] == editor.versions[uri]:
                assert editor.shown(hit) == hit["excerpt"]
    editor.close(uri)
    await editor.settled()


async def test_a_saved_file_is_found_by_its_new_text(editor: Editor, root: Path) -> None:
    path = root / "shop/mail.py"
    before = path.read_bytes()
    uri = editor.open(path)
    editor.replace(uri, "send_invoice", "dispatch_reminder")
    path.write_text(editor.texts[uri], "utf-8", newline="")
    editor.save(uri)
    editor.close(uri)
    await editor.settled()
    assert "def dispatch_reminder" in (await editor.search("dispatch_reminder"))[0]["excerpt"]
    path.write_bytes(before)
    editor.save(uri)
    await editor.settled()
    assert "def send_invoice" in (await editor.search("send_invoice"))[0]["excerpt"]


async def test_symbols_by_name_and_by_document(editor: Editor, root: Path) -> None:
    found = await editor.ask("conexus/symbols", query="voucher")
    symbol = found["symbols"][0]
    assert (symbol["name"], symbol["kind"]) == ("apply_voucher", "function")
    assert symbol["uri"] == (root / "shop/basket.py").as_uri()
    assert symbol["range"]["start"]["line"] < symbol["range"]["end"]["line"]
    outline = await editor.ask("conexus/symbols", textDocument={"uri": symbol["uri"]})
    assert [one["name"] for one in outline["symbols"]] == ["Basket", "total", "apply_voucher"]


async def test_workspace_symbol(editor: Editor, root: Path) -> None:
    found = await editor.ask("workspace/symbol", query="total")
    assert found[0].name == "total"
    assert found[0].container_name == "Basket"
    assert found[0].location.uri == (root / "shop/basket.py").as_uri()
    assert found[0].kind.name == "Method"
    assert len(found) <= 100


async def test_workspace_symbol_in_parts(editor: Editor, preset: Preset) -> None:
    found = await editor.ask("workspace/symbol", query="voucher", partialResultToken="symbols-1")
    assert not found
    parts = editor.client.parts["symbols-1"]
    # Neovim lists what it gets, so a second part brings what the words mean.
    assert len(parts) == (2 if preset is NEOVIM else 1)
    assert parts[0][0]["name"] == "apply_voucher"
    everything = [(one["location"]["uri"], one["name"]) for part in parts for one in part]
    assert len(everything) == len(set(everything))


async def test_search_in_parts(editor: Editor) -> None:
    result = await editor.ask("conexus/search", query="invoice", partialResultToken=77)
    assert result["hits"] == []
    assert result["completeness"]["complete"]
    assert editor.client.parts[77][0]["hits"][0]["path"] == "shop/mail.py"


async def test_explain_says_how(editor: Editor) -> None:
    result = await editor.ask("conexus/explain", query="lang:markdown sent back")
    assert names(result["hits"]) == ["returns.md"]
    assert result["plan"]


async def test_similar_to_a_text_and_to_a_range(editor: Editor, root: Path) -> None:
    by_text = await editor.ask("conexus/similar", text="def deliver(customer): customer.mailbox.deliver()")
    assert "mail.py" in names(by_text["hits"])
    range_ = {"start": {"line": 8, "character": 0}, "end": {"line": 11, "character": 0}}
    document = {"uri": (root / "shop/basket.py").as_uri()}
    by_range = await editor.ask("conexus/similar", textDocument=document, range=range_)
    assert by_range["hits"]


async def test_related_to_a_document(editor: Editor, root: Path) -> None:
    document = {"uri": (root / "shop/basket.py").as_uri()}
    result = await editor.ask("conexus/related", textDocument=document, position={"line": 3, "character": 8})
    assert "basket.py" not in names(result["hits"])


async def test_filters(editor: Editor, root: Path) -> None:
    only_docs = await editor.search("voucher", paths=["docs/**"], limit=5)
    assert set(names(only_docs)) <= {"returns.md"}
    no_python = await editor.search("voucher", languages=["markdown"])
    assert set(names(no_python)) <= {"returns.md"}
    in_folder = await editor.search("voucher", folders=[root.as_uri()])
    assert names(in_folder)[0] == "basket.py"


async def test_status_tells_of_the_folder(editor: Editor, root: Path) -> None:
    status = await editor.ask("conexus/status")
    folder = status["folders"][0]
    assert folder["folder"] == root.as_uri()
    assert folder["files"] == 3
    assert folder["phase"] == "ready"
    assert status["pid"] != editor.process.pid


@pytest.mark.parametrize("arguments", [None, [], [None], [{}]])
async def test_commands_without_parameters(editor: Editor, arguments: Any) -> None:
    params = {"command": "conexus.server.status", "arguments": arguments}
    assert (await editor.ask("workspace/executeCommand", **params))["folders"]


async def test_every_request_is_a_command_too(editor: Editor) -> None:
    params = {"command": "conexus.server.search", "arguments": [{"query": "invoice", "limit": 1}]}
    assert names((await editor.ask("workspace/executeCommand", **params))["hits"]) == ["mail.py"]


@pytest.mark.parametrize(
    ("method", "params", "said"),
    [
        ("conexus/search", {}, "params.query: required field missing"),
        ("conexus/search", {"query": 5}, "params.query: expected a string"),
        ("conexus/search", {"query": "x", "limit": 0}, "params.limit: expected 1 to 1000"),
        ("conexus/search", {"query": "x", "limit": "3"}, "params.limit: expected a whole number"),
        ("conexus/search", {"query": "x", "limit": True}, "params.limit: expected a whole number"),
        ("conexus/search", {"query": "x", "paths": "src"}, "params.paths: expected a list, not a string"),
        ("conexus/search", {"query": "x", "paths": ["a", 1]}, "params.paths[1]: expected a string"),
        (
            "conexus/search",
            {"query": "x", "folders": ["http://a"]},
            "params.folders[0]: http://a is not a file",
        ),
        ("conexus/search", {"query": "x", "partialResultToken": 1.5}, "params.partialResultToken: expected"),
        ("conexus/related", {"textDocument": {}}, "params.textDocument.uri: required field missing"),
        (
            "conexus/related",
            {"textDocument": {"uri": "untitled:1"}},
            "params.textDocument.uri: untitled:1 is",
        ),
        ("conexus/similar", {}, "params.text: give a text"),
        ("conexus/waitForRevision", {"timeoutMs": "soon"}, "params.timeoutMs: expected a whole number"),
        ("workspace/symbol", {}, "params.query: required field missing"),
        ("workspace/symbol", {"query": None}, "params.query: expected a string, not null"),
        ("workspace/executeCommand", {"command": "no.such"}, "there is no command no.such"),
        (
            "workspace/executeCommand",
            {"command": "conexus.server.search", "arguments": [{"query": 1}]},
            "params.query: expected a string",
        ),
        (
            "workspace/executeCommand",
            {"command": "conexus.server.search", "arguments": ["a", "b"]},
            "expected one object",
        ),
    ],
)
async def test_wrong_parameters_are_answered_with_the_field_that_is_wrong(
    editor: Editor, method: str, params: dict[str, Any], said: str
) -> None:
    with pytest.raises(JsonRpcException) as caught:
        await editor.ask(method, **params)
    assert caught.value.code == -32602
    assert said in caught.value.message
    assert caught.value.data is None


async def test_fields_nobody_knows_and_nulls_are_left_aside(editor: Editor) -> None:
    hits = await editor.search("invoice", limit=None, colour="green", paths=None)
    assert names(hits)[0] == "mail.py"


async def test_a_hundred_requests_at_once_of_which_half_are_cancelled(editor: Editor) -> None:
    # What is cancelled waits for what never comes, so that no answer can be quicker than the cancellation.
    futures = []
    for number in range(50):
        futures.append(editor.request("conexus/search", {"query": f"voucher {number}"}, f"kept-{number}"))
        futures.append(editor.request("conexus/waitForRevision", {"revision": 10**9}, f"left-{number}"))
    for number in range(50):
        editor.client.cancel_request(types.CancelParams(f"left-{number}"))
    outcomes = await asyncio.gather(*map(asyncio.wrap_future, futures), return_exceptions=True)
    assert all(isinstance(outcome, dict) and outcome["hits"] for outcome in outcomes[::2])
    assert {getattr(outcome, "code", 0) for outcome in outcomes[1::2]} == {-32800}


async def test_a_command_can_be_cancelled(editor: Editor) -> None:
    waiting = {"command": "conexus.server.waitForRevision", "arguments": [{"revision": 10**9}]}
    future = editor.request("workspace/executeCommand", waiting, "slow")
    await asyncio.sleep(0.2)
    editor.client.cancel_request(types.CancelParams("slow"))
    with pytest.raises(JsonRpcException) as caught:
        await asyncio.wait_for(asyncio.wrap_future(future), 5)
    assert caught.value.code == -32800


async def test_created_renamed_and_deleted_files(editor: Editor, root: Path) -> None:
    new, newer = root / "shop/stock.py", root / "shop/storage.py"
    new.write_text("def count_pallets(hall):\n    return len(hall.pallets)\n", "utf-8")
    editor.client.workspace_did_create_files(types.CreateFilesParams([types.FileCreate(new.as_uri())]))
    await editor.settled()
    assert names(await editor.search("count_pallets"))[0] == "stock.py"
    rename = types.RenameFilesParams([types.FileRename(new.as_uri(), newer.as_uri())])
    assert await editor.client.workspace_will_rename_files_async(rename) is None
    new.rename(newer)
    editor.client.workspace_did_rename_files(rename)
    await editor.settled()
    assert names(await editor.search("count_pallets"))[0] == "storage.py"
    assert "stock.py" not in names(await editor.search("count_pallets"))
    newer.unlink()
    editor.client.workspace_did_delete_files(types.DeleteFilesParams([types.FileDelete(newer.as_uri())]))
    await editor.settled()
    assert "count_pallets" not in str(await editor.search("count_pallets"))


async def test_files_the_client_watches(editor: Editor, root: Path, preset: Preset) -> None:
    methods = [one.method for one in editor.client.registered]
    watched = "workspace/didChangeWatchedFiles" in methods
    assert watched == (preset is not NEOVIM)
    if not watched:
        return
    path = root / "shop/tax.py"
    path.write_text("def value_added_tax(net):\n    return net * 0.19\n", "utf-8")
    event = types.FileEvent(path.as_uri(), types.FileChangeType.Created)
    editor.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([event]))
    await editor.settled()
    assert names(await editor.search("value_added_tax"))[0] == "tax.py"
    path.unlink()
    event = types.FileEvent(path.as_uri(), types.FileChangeType.Deleted)
    editor.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([event]))
    await editor.settled()


async def test_a_second_editor_sees_what_the_first_has_not_saved(
    editor: Editor, root: Path, editors: Callable[..., Editor]
) -> None:
    other = editors(NEOVIM)
    await other.start(root)
    await other.settled()
    uri = editor.open(root / "docs/returns.md", language="markdown")
    editor.replace(uri, "thirty days", "a fortnight of quixotic dithering")
    await editor.settled()
    found = await other.search("quixotic dithering")
    assert any("quixotic dithering" in hit["excerpt"] for hit in found)
    assert await other.stop() == 0
    editor.close(uri)
    await editor.settled()


async def test_folders_come_and_go(editor: Editor, folder_of: Callable[[str], Path]) -> None:
    second = folder_of("//- /zoo.py\ndef feed_penguins(fish):\n    return fish\n")
    folder = types.WorkspaceFolder(second.as_uri(), "second")

    def changed(added: list[types.WorkspaceFolder], removed: list[types.WorkspaceFolder]) -> None:
        event = types.WorkspaceFoldersChangeEvent(added, removed)
        editor.client.workspace_did_change_workspace_folders(types.DidChangeWorkspaceFoldersParams(event))

    changed([folder], [])
    await editor.settled()
    hits = await editor.search("feed_penguins")
    assert (second.as_uri(), "zoo.py") in [(hit["folder"], hit["path"]) for hit in hits]
    assert len((await editor.ask("conexus/status"))["folders"]) == 2
    changed([], [folder])
    await editor.settled()
    assert "penguins" not in str(await editor.search("feed_penguins"))
    assert names(await editor.search("send_invoice"))[0] == "mail.py"


async def test_documents_that_are_no_files_and_files_elsewhere_do_no_harm(
    editor: Editor, tmp_path: Path
) -> None:
    for uri in ("untitled:Untitled-1", "git:/x.py?HEAD", (tmp_path / "elsewhere.py").as_uri()):
        item = types.TextDocumentItem(uri, "python", 1, "def nowhere_to_be_found(): pass\n")
        editor.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
        editor.client.text_document_did_change(
            types.DidChangeTextDocumentParams(
                types.VersionedTextDocumentIdentifier(2, uri),
                [types.TextDocumentContentChangeWholeDocument("def nowhere_to_be_found(): ...\n")],
            )
        )
    await editor.settled()
    assert "nowhere_to_be_found" not in str(await editor.search("nowhere_to_be_found"))


async def test_an_engine_that_was_killed_is_not_noticed(editor: Editor, root: Path) -> None:
    uri = editor.open(root / "shop/mail.py")
    editor.replace(uri, "send_invoice", "send_telegram")
    await editor.settled()
    os.kill((await editor.ask("conexus/status"))["pid"], signal.SIGKILL)
    await editor.settled()
    hit = (await editor.search("send_telegram"))[0]
    assert (hit["uri"], hit["version"]) == (uri, 2)
    editor.close(uri)
    await editor.settled()


async def test_the_outline_is_offered_only_when_asked_for(
    root: Path, editors: Callable[..., Editor], preset: Preset
) -> None:
    quiet, asked = editors(preset), editors(preset)
    assert (await quiet.start(root)).capabilities.document_symbol_provider is None
    options = {"lsp": {"documentSymbols": True}}
    assert (await asked.start(root, options=options)).capabilities.document_symbol_provider
    await asked.settled()
    document = {"uri": (root / "shop/basket.py").as_uri()}
    basket, voucher = await asked.ask("textDocument/documentSymbol", textDocument=document)
    assert (basket.name, voucher.name) == ("Basket", "apply_voucher")
    assert [child.name for child in basket.children] == ["total"]
    assert basket.range.start <= basket.selection_range.start
    assert await asked.ask("textDocument/documentSymbol", textDocument={"uri": "untitled:1"}) in (None, [])


async def test_progress_has_a_beginning_and_an_end(editor: Editor) -> None:
    await eventually(lambda: all(bar[-1]["kind"] == "end" for bar in editor.client.bars.values() if bar))
    bars = [bar for bar in editor.client.bars.values() if bar]
    assert bars
    for bar in bars:
        kinds = [value["kind"] for value in bar]
        assert kinds[0] == "begin"
        assert kinds[-1] == "end"
        assert set(kinds[1:-1]) <= {"report"}
        assert bar[0]["cancellable"]
    assert {"folder", "phase", "percent", "skipped"} <= set(editor.client.states[-1])


async def test_a_progress_bar_can_be_cancelled(editor: Editor, root: Path) -> None:
    await editor.ask("conexus/pause")
    assert (await editor.ask("conexus/status"))["folders"][0]["phase"] == "paused"
    await editor.ask("conexus/resume")
    assert (await editor.ask("conexus/reindex", fresh=True))["revision"] >= 0
    await editor.settled()
    assert names(await editor.search("send_invoice"))[0] == "mail.py"


async def test_an_orderly_end_returns_zero(editor: Editor) -> None:
    assert await editor.stop() == 0
