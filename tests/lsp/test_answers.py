"""What answers are worth, what lifts them, and places of a text, end to end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from pygls.exceptions import JsonRpcException
from tests.lsp.editor import NEOVIM, Editor, environment
from tests.search.scripted_model import write_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.asyncio(loop_scope="module")

FILES = """\
//- /shop/basket.py
def add_up(prices):
    \"\"\"Add up the prices of all articles, größer als null.\"\"\"
    return sum(prices)
//- /till/cash.py
def add_up(prices):
    \"\"\"Add up the prices of all articles, größer als null.\"\"\"
    return sum(prices)
//- /till/mail.py
def send_invoice(customer, basket):
    return customer.mailbox.deliver(basket)
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def root(tmp_path_factory: pytest.TempPathFactory, written: Callable[[Path, str], Path]) -> Path:
    return written(tmp_path_factory.mktemp("work") / "till", FILES)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def editor(root: Path, editors: Callable[..., Editor]) -> Editor:
    made = editors(NEOVIM)
    await made.start(root)
    await made.settled()
    return made


async def test_an_answer_says_what_it_is_worth(editor: Editor) -> None:
    result = await editor.ask("conexus/search", query="add up the prices")
    assert result["agents"] == {"lexical": "ok", "symbol": "ok", "semantic": "ok"}
    assert (result["partial"], result["weak"], result["refined"]) == (False, False, False)
    assert result["confidence"] > 0.5
    result = await editor.ask("conexus/search", query="swallows fly south")
    assert result["weak"]
    assert result["notes"][0].startswith("weak matches")
    status = await editor.ask("conexus/status")
    assert status["gates"]["confidence"] == {"fine": 1, "weak": 1}
    assert status["gates"]["span"]["verified"] > 0


async def test_a_plan_names_phrases_and_states(editor: Editor) -> None:
    result = await editor.ask("conexus/explain", query='prices "add_up(prices)" /all artic/')
    assert result["plan"]["exact"] == ['"add_up(prices)"', "/all artic/"]
    assert result["plan"]["agents"]["exact"]["state"] == "ok"
    assert {hit["path"] for hit in result["hits"]} == {"shop/basket.py", "till/cash.py"}


async def test_what_is_at_hand_ranks_higher(editor: Editor, root: Path) -> None:
    first = (await editor.search("add up the prices"))[0]["path"]
    other = {"shop/basket.py": "till/cash.py", "till/cash.py": "shop/basket.py"}[first]
    active = (root / other).with_name("mail.py").as_uri()
    hit = (await editor.search("add up the prices", context={"active": active}))[0]
    assert hit["path"] == other
    assert "in the active file's package x1.10" in hit["reasons"]
    editor.open(root / other)
    hits = {hit["path"]: hit for hit in await editor.search("add up the prices")}
    assert "open in the editor x1.06" in hits[other]["reasons"]
    editor.close((root / other).as_uri())
    with pytest.raises(JsonRpcException, match=r"context\.active: untitled:1 is not a file"):
        await editor.search("x", context={"active": "untitled:1"})


async def test_places_of_a_text(editor: Editor, root: Path) -> None:
    result = await editor.ask("conexus/grep", text="größer als")
    assert [match["path"] for match in result["matches"]] == ["shop/basket.py", "till/cash.py"]
    assert result["matches"][0]["range"] == {
        "start": {"line": 1, "character": 42},
        "end": {"line": 1, "character": 54},  # two bytes more than characters: this editor counts bytes
    }
    assert result["complete"]
    uri = editor.open(root / "till/mail.py")
    editor.replace(uri, "customer, basket", "someone, größer")
    result = await editor.ask("conexus/grep", text="GR.{2}ER", regex=True, ignoreCase=True, limit=2)
    assert not result["complete"]
    result = await editor.ask("conexus/grep", text="someone", partialResultToken="g")
    assert result["matches"] == []
    ((match,),) = [part["matches"] for part in editor.client.parts["g"]]
    assert (editor.shown(match), match["version"]) == ("someone", 2)
    editor.close(uri)


async def test_a_second_opinion_follows_the_first(
    tmp_path: Path, root: Path, editors: Callable[..., Editor]
) -> None:
    model, path = write_model(tmp_path, "cross-encoder")
    # Nearly as good as the others, so that another opinion can put it first.
    text = (
        FILES.split("//- /till/cash.py\n")[1]
        .split("//- ", maxsplit=1)[0]
        .replace("sum(prices)", "cold(sum(prices))")
    )
    (root / "till/cold.py").write_text(text, "utf-8")
    made = editors(NEOVIM)
    # An engine of its own, which has the model in its settings.
    made.environment = {
        **environment(tmp_path / "home"),
        "PYTHONPATH": path,
        "CONEXUS_SEARCH_SECOND_MODEL": str(model),
        "CONEXUS_SEARCH_SECOND_MS": "20000",
    }
    await made.start(root)
    await made.settled()
    question = {"query": "add up the prices of all articles -path:mail"}
    # A model is loaded when it is first asked, and until then the first opinion stands.
    result = await made.ask("conexus/search", **question, refine=True)
    assert (result["refined"], result["notes"]) == (
        False,
        ["there is no second opinion yet: its model is being loaded"],
    )
    for _ in range(300):
        if (await made.ask("conexus/search", **question, refine=True))["refined"]:
            break
        await asyncio.sleep(0.1)
    assert not (await made.ask("conexus/search", **question))["refined"]
    result = await made.ask("conexus/search", **question, partialResultToken="r")
    assert (result["hits"], result["refined"]) == ([], True)
    first, second = made.client.parts["r"]
    assert first["hits"][0]["path"] != "till/cold.py"
    assert "refined" not in first
    assert (second["hits"][0]["path"], second["refined"]) == ("till/cold.py", True)
    (root / "till/cold.py").unlink()
