"""What is cited stands in the text now, or it is not shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.orchestrate.conftest import SHOP, Shop

from conexus import settings
from conexus.engine.contexts import Contexts
from conexus.engine.engine import Engine
from conexus.orchestrate import context
from conexus.orchestrate.evidence import Piece, Role, Statement
from conexus.orchestrate.verify import verify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conexus.orchestrate.ground import Ground


@pytest.fixture
def own(tmp_path: Path, folder_of: Callable[..., Path]) -> Iterator[Shop]:
    root = folder_of(SHOP)
    with Engine(settings.Settings(), tmp_path / "data") as engine:
        folder = engine.open(root)
        folder.reconcile()
        contexts = Contexts()
        yield Shop(folder, contexts)
        contexts.close()


def cited(ground: Ground, first: int, last: int) -> Piece:
    text = ground.text("shop/prices.py")
    assert text is not None
    citation = ground.cite(text, first, last)
    return Piece(citation, "discounted_price", "function", Role.ANSWER, 1.0, (), whole=True)


def test_what_stands_is_kept(own: Shop) -> None:
    piece = cited(own.ground(), 4, 6)
    checked = verify([piece], [Statement("x", "calls", "calls", piece.cited)])
    assert checked.pieces[0].cited is piece.cited
    assert (len(checked.statements), checked.moved, checked.dropped) == (1, (), ())


def test_what_moved_is_led_to_its_place(own: Shop) -> None:
    piece = cited(own.ground(), 4, 6)
    path = own.folder.root / "shop/prices.py"
    path.write_text("# One more line.\n# And another.\n" + path.read_text("utf-8"), "utf-8")
    checked = verify([piece], [])
    assert checked.moved == ("shop/prices.py",)
    now = checked.pieces[0].cited
    assert (now.span.start_line, now.span.end_line) == (6, 8)
    assert path.read_bytes()[now.span.start : now.span.end] == piece.cited.source


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.unlink(),
        lambda path: path.write_text("def other():\n    return 1\n", "utf-8"),
        # Twice there, so nobody knows which of them was meant.
        lambda path: path.write_text("#\n" + 2 * path.read_text("utf-8"), "utf-8"),
    ],
    ids=["gone", "other", "twice"],
)
def test_what_does_not_stand_there_any_more_is_dropped(own: Shop, change: Callable[[Path], object]) -> None:
    piece = cited(own.ground(), 4, 6)
    change(own.folder.root / "shop/prices.py")
    checked = verify([piece], [Statement("x", "calls", "calls", piece.cited)])
    assert (checked.pieces, checked.statements, checked.dropped) == ((), (), ("shop/prices.py",))


def test_an_edit_between_search_and_reply_leaves_nothing_false(
    own: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = own.folder.root / "shop/cart.py"
    checking = context.verify

    def edited(*arguments: object) -> object:
        path.write_text(path.read_text("utf-8").replace("limit", "most"), "utf-8")
        return checking(*arguments)

    monkeypatch.setattr(context, "verify", edited)
    found = own.ask("how is the total price of a shopping cart added up")
    now = path.read_bytes()
    assert all(
        now[one.cited.span.start : one.cited.span.end] == one.cited.source
        for one in (*found.pack.pieces, *found.pack.statements)
        if one.cited.path == "shop/cart.py"
    )
    staleness = next(gate for gate in found.gates if gate.name == "staleness")
    assert (staleness.verdict, "evidence dropped" in staleness.detail) == ("warned", True)


def test_unsaved_text_is_what_counts(own: Shop) -> None:
    text = "def discounted_price(item, limit):\n    '''The unsaved price of an item.'''\n    return 42\n"
    own.folder.texts.put("editor", "shop/prices.py", 7, text)
    assert not own.folder.show_texts(["shop/prices.py"])
    found = own.ask("discounted_price")
    shown = [one.cited for one in found.pack.pieces if one.cited.path == "shop/prices.py"]
    assert shown
    assert all(text.encode()[one.span.start : one.span.end] == one.source for one in shown)


def test_a_changed_file_is_understood_as_it_is_now(own: Shop) -> None:
    path = own.folder.root / "shop/prices.py"
    path.write_text("\n\n" + path.read_text("utf-8"), "utf-8")
    text = own.ground().text("shop/prices.py")
    assert text is not None
    assert not text.as_indexed
    assert [(one.name, one.line) for one in text.definitions] == [("discounted_price", 6)]
