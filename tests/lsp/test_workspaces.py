"""Settings, notebooks and odd workspaces, end to end."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from lsprotocol import types
from tests.lsp.editor import NEOVIM, VS_CODE, Editor

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.asyncio(loop_scope="module")

FILES = """\
//- /one.py
def first_lamp(): return 'lamp'
//- /two.py
def second_lamp(): return 'lamp'
//- /gen/three.py
def third_lamp(): return 'lamp'
"""


async def told(editor: Editor, text: str) -> str:
    """Return the first message shown that holds `text`."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        for message in editor.client.messages:
            if text in message.message:
                return message.message
        await asyncio.sleep(0.02)
    raise AssertionError(f"{text} was not shown")


async def found(editor: Editor, query: str, path: str) -> None:
    """Wait until a question finds a file."""
    end = time.monotonic() + 15
    while path not in paths(await editor.search(query)):
        assert time.monotonic() < end, f"{path} is not found"
        await asyncio.sleep(0.05)


def paths(hits: list[dict[str, Any]]) -> set[str]:
    return {hit["path"] for hit in hits}


async def test_a_symbol_is_waited_for_while_the_index_is_made(
    editors: Callable[..., Editor], folder_of: Callable[[str], Path]
) -> None:
    editor = editors(VS_CODE)
    await editor.start(folder_of(FILES))
    # A picker asks once, and would go on showing that there is nothing.
    found = await editor.ask("workspace/symbol", query="second_lamp")
    assert [one.name for one in found][:1] == ["second_lamp"]


async def test_settings_of_initialize_and_of_the_configuration(
    editors: Callable[..., Editor], folder_of: Callable[[str], Path]
) -> None:
    editor = editors(VS_CODE)
    await editor.start(
        folder_of(FILES),
        options={"search": {"limit": 1}, "scope": {"hidden": None}},
        configuration={"conexus": {"scope": {"exclude": ["gen/"]}}},
    )
    await editor.settled()
    assert len(await editor.search("lamp")) == 1
    assert paths(await editor.search("lamp", limit=10)) == {"one.py", "two.py"}
    # Live: the client says that something changed, the server asks what.
    editor.client.set_configuration(
        {"scope": {"exclude": ["two.py"]}, "search": {"limit": 7}}, section="conexus"
    )
    changed = types.DidChangeConfigurationParams(settings=None)
    editor.client.workspace_did_change_configuration(changed)
    end = time.monotonic() + 15
    while paths(await editor.search("lamp")) != {"one.py", "gen/three.py"}:
        assert time.monotonic() < end
        await asyncio.sleep(0.05)
    registered = [one.method for one in editor.client.registered]
    assert "workspace/didChangeConfiguration" in registered


async def test_what_changes_before_the_client_watches_is_found(
    editors: Callable[..., Editor], folder_of: Callable[[str], Path]
) -> None:
    editor, root = editors(VS_CODE), folder_of(FILES)
    editor.client.registers.clear()
    await editor.start(root)
    await editor.settled()
    # The first walk is over, and nobody tells of this file.
    (root / "late.py").write_text("def belated_lamp(): return 'lamp'\n", "utf-8")
    assert "late.py" not in paths(await editor.search("belated_lamp"))
    await editor.ask("conexus/pause")
    editor.client.registers.set()
    while not editor.client.registered:
        await asyncio.sleep(0.01)
    # Nor does anybody wait for it: that the client watches now says of no file that it changed.
    await editor.ask("conexus/status")
    assert not (await editor.ask("conexus/waitForRevision", timeoutMs=5_000))["timedOut"]
    await editor.ask("conexus/resume")
    await found(editor, "belated_lamp", "late.py")


async def test_a_client_that_registers_nothing_is_watched_for(
    editors: Callable[..., Editor], folder_of: Callable[[str], Path]
) -> None:
    editor, root = editors(VS_CODE), folder_of(FILES)
    editor.client.refuses = True
    await editor.start(root)
    await editor.settled()
    (root / "unwatched.py").write_text("def unwatched_lamp(): return 'lamp'\n", "utf-8")
    await found(editor, "unwatched_lamp", "unwatched.py")
    state = await editor.ask("conexus/status")
    assert [folder["watching"] for folder in state["folders"]] == ["watching"]


async def test_settings_that_are_pushed(
    editors: Callable[..., Editor], folder_of: Callable[[str], Path]
) -> None:
    import copy

    import attrs

    capabilities = copy.deepcopy(VS_CODE.capabilities)
    assert capabilities.workspace is not None
    capabilities.workspace.configuration = False
    editor = editors(attrs.evolve(VS_CODE, capabilities=capabilities))
    await editor.start(folder_of(FILES))
    await editor.settled()
    pushed = types.DidChangeConfigurationParams(settings={"conexus": {"search": {"limit": 2}}})
    editor.client.workspace_did_change_configuration(pushed)
    end = time.monotonic() + 10
    while len(await editor.search("lamp")) != 2:
        assert time.monotonic() < end
        await asyncio.sleep(0.05)


async def test_wrong_settings_are_shown_and_do_no_harm(
    editors: Callable[..., Editor], folder_of: Callable[[str], Path]
) -> None:
    editor = editors(NEOVIM)
    options = {
        "search": {"limit": "many", "limitt": 3},
        "lsp": {"semanticSymbols": "often"},
        "model": {"name": "x"},
    }
    await editor.start(folder_of(FILES), options=options)
    await editor.settled()
    assert "is not a whole number from 1 to 1000" in await told(editor, "search.limit = 'many'")
    assert "did you mean search.limit?" in await told(editor, "search.limitt")
    assert "auto, always, never" in await told(editor, "lsp.semantic_symbols = 'often'")
    assert await told(editor, "model.name cannot be set")
    assert await editor.search("lamp")
    shown = [message.message for message in editor.client.messages]
    assert len(shown) == len(set(shown))


async def test_two_folders_each_with_settings_of_its_own(
    editors: Callable[..., Editor], tmp_path: Path, written: Callable[[Path, str], Path]
) -> None:
    first, second = written(tmp_path / "first", FILES), written(tmp_path / "second", FILES)
    editor = editors(VS_CODE)
    editor.client.get_configuration = lambda *, section=None, scope_uri=None: (  # type: ignore[method-assign]
        {"scope": {"exclude": ["gen/"]}} if scope_uri == second.as_uri() else {}
    )
    await editor.start(first, second)
    await editor.settled()
    found = {(hit["folder"], hit["path"]) for hit in await editor.search("lamp", limit=20)}
    assert (first.as_uri(), "gen/three.py") in found
    assert (second.as_uri(), "one.py") in found
    assert (second.as_uri(), "gen/three.py") not in found


async def test_a_single_file_without_a_folder(editors: Callable[..., Editor], tmp_path: Path) -> None:
    editor = editors(NEOVIM)
    await editor.start()
    path = tmp_path / "alone.py"
    path.write_text("x = 1\n", "utf-8")
    uri = editor.open(path)
    editor.replace(uri, "x", "unsaved")
    result = await editor.ask("conexus/search", query="unsaved")
    assert result["hits"] == []
    assert "no folder is open" in result["notes"][0]
    assert (await editor.ask("conexus/status"))["folders"] == []
    assert await editor.ask("workspace/symbol", query="x") in (None, [])
    assert await editor.settled() == {"revision": 0, "timedOut": False}
    assert await editor.stop() == 0


async def test_a_folder_opened_through_a_link(
    editors: Callable[..., Editor], folder_of: Callable[[str], Path], tmp_path: Path
) -> None:
    real, link = folder_of(FILES), tmp_path / "link"
    link.symlink_to(real)
    editor = editors(NEOVIM)
    await editor.start(link)
    uri = editor.open(link / "one.py")
    editor.replace(uri, "first_lamp", "chandelier")
    await editor.settled()
    hit = (await editor.search("chandelier"))[0]
    assert (hit["uri"], hit["folder"], hit["version"]) == (uri, link.as_uri(), 2)
    assert "chandelier" in editor.shown(hit)


async def test_a_file_that_is_not_utf8_is_found_by_whole_lines(
    editors: Callable[..., Editor], folder_of: Callable[[str], Path]
) -> None:
    root = folder_of(FILES)
    text = "# Die Größe der Straße, für später\ndef umlaut_lamp():\n    return 'ä'\n"
    (root / "latin.py").write_bytes(text.encode("latin-1"))
    (root / "marked.py").write_bytes(b"\xef\xbb\xbfdef marked_lamp(): return 1\n")
    editor = editors(VS_CODE)
    await editor.start(root)
    await editor.settled()
    hit = next(hit for hit in await editor.search("umlaut_lamp") if hit["path"] == "latin.py")
    assert hit["range"]["start"]["character"] == 0
    assert hit["range"]["end"]["line"] >= 2
    symbol = (await editor.ask("conexus/symbols", query="marked_lamp"))["symbols"][0]
    assert symbol["range"]["start"] == {"line": 0, "character": 0}


# Notebooks.


def cell(text: str, kind: str = "code") -> dict[str, Any]:
    return {"cell_type": kind, "metadata": {}, "source": text.splitlines(keepends=True)}


def item(path: Path, name: str, text: str, language: str = "python") -> types.TextDocumentItem:
    return types.TextDocumentItem(f"vscode-notebook-cell:{path.as_posix()}#{name}", language, 1, text)


async def test_a_notebook_is_found_cell_by_cell(
    editors: Callable[..., Editor], folder_of: Callable[[str], Path]
) -> None:
    root = folder_of(FILES)
    path = root / "study.ipynb"
    saved = {"cells": [cell("x = 'saved_marker'\n")], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(saved, indent=1), "utf-8")
    editor = editors(VS_CODE)
    result = await editor.start(root)
    assert result.capabilities.notebook_document_sync is not None
    cells = [
        item(path, "a", "# Candles 😀\n\nWax burns.", "markdown"),
        item(path, "b", "import wax\n\ndef trim_the_wick(candle):\n    return candle.cut('😀')"),
    ]
    kinds = [types.NotebookCellKind.Markup, types.NotebookCellKind.Code]
    notebook = types.NotebookDocument(
        path.as_uri(),
        "jupyter-notebook",
        1,
        [types.NotebookCell(kind, one.uri) for kind, one in zip(kinds, cells, strict=True)],
    )
    editor.client.notebook_document_did_open(types.DidOpenNotebookDocumentParams(notebook, cells))
    await editor.settled()
    hit = next(hit for hit in await editor.search("trim_the_wick") if hit["path"] == "study.ipynb")
    # All of this notebook is one place; its cell that defines what is asked for is the one to go to.
    assert (hit["uri"], hit["focus"]["start"]) == (cells[1].uri, {"line": 2, "character": 0})
    assert hit["version"] == 1
    inside = next(hit for hit in await editor.search("burning wax") if hit["path"] == "study.ipynb")
    assert (inside["uri"], inside["focus"]["start"]["line"]) == (cells[0].uri, 2)
    symbol = (await editor.ask("conexus/symbols", query="trim_the_wick"))["symbols"][0]
    assert (symbol["uri"], symbol["version"]) == (cells[1].uri, 1)
    end = len("    return candle.cut('😀')") + 1
    assert symbol["range"] == {"start": {"line": 2, "character": 0}, "end": {"line": 3, "character": end}}
    assert "saved_marker" not in str(await editor.search("saved_marker"))
    # An edit in a cell, and a cell more.
    identifier = types.VersionedNotebookDocumentIdentifier(2, path.as_uri())
    edit = types.TextDocumentContentChangePartial(
        types.Range(types.Position(2, 4), types.Position(2, 17)), "polish_the_holder"
    )
    added = item(path, "c", "def light_the_match(): pass")
    change = types.NotebookDocumentChangeEvent(
        cells=types.NotebookDocumentCellChanges(
            structure=types.NotebookDocumentCellChangeStructure(
                types.NotebookCellArrayChange(
                    0, 0, [types.NotebookCell(types.NotebookCellKind.Code, added.uri)]
                ),
                did_open=[added],
            ),
            text_content=[
                types.NotebookDocumentCellContentChanges(
                    types.VersionedTextDocumentIdentifier(2, cells[1].uri), [edit]
                )
            ],
        )
    )
    editor.client.notebook_document_did_change(types.DidChangeNotebookDocumentParams(identifier, change))
    await editor.settled()
    for query, uri, line in (("polish_the_holder", cells[1].uri, 2), ("light_the_match", added.uri, 0)):
        symbol = (await editor.ask("conexus/symbols", query=query))["symbols"][0]
        assert (symbol["uri"], symbol["range"]["start"]["line"]) == (uri, line)
    closed = types.DidCloseNotebookDocumentParams(
        types.NotebookDocumentIdentifier(path.as_uri()),
        [types.TextDocumentIdentifier(one.uri) for one in (*cells, added)],
    )
    editor.client.notebook_document_did_close(closed)
    await editor.settled()
    assert "trim_the_wick" not in str(await editor.search("trim_the_wick"))
    hit = next(hit for hit in await editor.search("saved_marker") if hit["path"] == "study.ipynb")
    assert (hit["uri"], hit["version"]) == (path.as_uri(), None)
