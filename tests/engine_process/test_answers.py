"""Similar code, related files, definitions by name, and what a plan explains."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.engine_process.engine_world import World, play

from conexus.engine.wire import (
    Context,
    EditorContext,
    EngineError,
    Grep,
    OpenFolder,
    Related,
    Search,
    Similar,
    Symbols,
)
from conexus.parsing.chunker import parse
from conexus.search.symbols import find
from conexus.store.schema import RowsBuilder, decode
from conexus.store.symbols import SymbolTable, VisibleSymbols

if TYPE_CHECKING:
    from collections.abc import Mapping

FILES = {
    "shop/cart.py": (
        "class ShoppingCart:\n    '''What a customer wants to buy.'''\n\n    def add_item(self, item, count):\n"
        "        self.items[item] = self.items.get(item, 0) + count\n\n    def total_price(self):\n"
        "        return sum(item.price * count for item, count in self.items.items())\n"
    ),
    "shop/basket.py": (
        "class Basket:\n    def put(self, item, amount):\n"
        "        self.items[item] = self.items.get(item, 0) + amount\n"
    ),
    "shop/checkout.py": (
        "from shop.cart import ShoppingCart\n\n\ndef checkout(cart: ShoppingCart):\n    return cart.total_price()\n"
    ),
    "net/socket.py": "def open_socket(host, port):\n    return connect((host, port))\n",
    "tests/test_cart.py": "from shop.cart import ShoppingCart\n\n\ndef test_total():\n    assert ShoppingCart()\n",
    "docs/shop.md": "# Shop\n\nA `ShoppingCart` holds what is bought.\n",
    "notes.md": "# Notes\n\nNothing to see.\n",
}


@pytest.fixture
def shop(world: World) -> World:
    for name, text in FILES.items():
        world.write(name, text)
    return world


def test_similar_code_is_found_without_itself(shop: World) -> None:
    async def scenario() -> None:
        async with shop.editor() as editor:
            path = shop.path("shop/cart.py")
            lines = Similar(path=path, start_line=4, end_line=5, limit=3)
            reply = await editor.client.request("similar", lines)
            assert reply.hits[0].relative == "shop/basket.py"
            assert all(hit.relative != "shop/cart.py" or hit.span.start_line > 5 for hit in reply.hits)
            assert all(0 <= hit.score <= 1 for hit in reply.hits)
            whole = await editor.client.request("similar", Similar(path=path))
            assert "shop/cart.py" not in {hit.relative for hit in whole.hits}
            text = await editor.client.request("similar", Similar(text="connect to a host and port"))
            assert text.hits[0].relative == "net/socket.py"
            # Of an open text, what is typed counts.
            version = editor.type("shop/cart.py", "def dial(host, port):\n    return connect((host, port))\n")
            await editor.settle()
            typed = await editor.client.request("similar", Similar(path=path, start_line=1, end_line=2))
            assert typed.hits[0].relative == "net/socket.py"
            assert (await editor.search("dial host")).hits[0].version == version
            for wrong in (Similar(), Similar(path=shop.path("missing.py")), Similar(path="/elsewhere.py")):
                with pytest.raises(EngineError) as caught:
                    await editor.client.request("similar", wrong)
                assert caught.value.kind == "invalid"

    play(scenario)


def test_related_files_are_tests_users_documents_and_what_changes_together(shop: World) -> None:
    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", *identity, *arguments], cwd=shop.root, check=True, capture_output=True)

    git("init")
    for number in range(3):
        shop.write("net/socket.py", f"{FILES['net/socket.py']}# {number}\n")
        shop.write("shop/cart.py", f"{FILES['shop/cart.py']}# {number}\n")
        git("add", "shop/cart.py", "net/socket.py")
        git("commit", "-m", "both")

    async def scenario() -> None:
        async with shop.editor() as editor:
            asked = Related(shop.path("shop/cart.py"))
            reply = await editor.client.request("related", asked)
            found = {hit.relative: hit for hit in reply.hits}
            assert "shop/cart.py" not in found
            assert "notes.md" not in found
            assert reply.hits[0].relative == "tests/test_cart.py"
            assert found["tests/test_cart.py"].reasons[:2] == ("test", "called like its test")
            assert found["shop/checkout.py"].reasons[:2] == ("code", "uses ShoppingCart")
            assert found["docs/shop.md"].reasons[0] == "documentation"
            assert "changed together in 100% of its commits" in found["net/socket.py"].reasons
            assert "in the same directory" in found["shop/basket.py"].reasons
            back = await editor.client.request("related", Related(shop.path("tests/test_cart.py")))
            assert back.hits[0].relative == "shop/cart.py"
            user = await editor.client.request("related", Related(shop.path("shop/checkout.py")))
            reasons = {hit.relative: hit for hit in user.hits}["shop/cart.py"].reasons
            assert any(said.startswith("defines ") and "ShoppingCart" in said for said in reasons)
            method = await editor.client.request("related", Related(shop.path("shop/cart.py"), line=8))
            assert (
                "uses total_price" in {hit.relative: hit for hit in method.hits}["shop/checkout.py"].reasons
            )
            with pytest.raises(EngineError, match="no open folder"):
                await editor.client.request("related", Related("/elsewhere/a.py"))

    play(scenario)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("ShoppingCart", "ShoppingCart"),
        ("shoppingcart", "ShoppingCart"),
        ("Shop", "ShoppingCart"),
        ("SC", "ShoppingCart"),
        ("shoca", "ShoppingCart"),
        ("totpri", "total_price"),
        ("price", "total_price"),
        ("ShopingCart", "ShoppingCart"),
        ("ShoppingCart.add_item", "add_item"),
        ("cart add", "add_item"),
        ("open_sock", "open_socket"),
    ],
)
def test_definitions_are_found_as_people_type_them(text: str, first: str) -> None:
    table = _table_of(FILES)
    found = find(text, table, 10)
    assert found[0][0].name == first
    assert all(0 < score <= 1 for _, score in found)
    assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)
    assert find(text, table, 1) == found[:1]


@pytest.mark.parametrize(("begins", "others"), [(299, True), (300, False)])
def test_other_matches_count_until_enough_names_begin_so(begins: int, others: bool) -> None:
    many = "".join(f"def get{number:03}():\n    return 1\n\n\n" for number in range(begins))
    table = _table_of({"many.py": many, "other.py": "def widget():\n    return 1\n"})
    found = [entry.name for entry, _ in find("get", table, 1_000)]
    assert found[:begins] == [f"get{number:03}" for number in range(begins)]
    assert ("widget" in found) == others


def test_a_long_name_in_tests_does_not_hide_a_closer_one() -> None:
    wanted = "Send" + "a" * 26
    table = _table_of(
        {"tests/test_a.py": f"def {wanted.lower()}{'b' * 400}(): ...\n", "a.py": f"def s{wanted}(): ...\n"}
    )
    everything = find(wanted, table, 10)
    assert [entry.path for entry, _ in everything] == ["a.py", "tests/test_a.py"]
    assert find(wanted, table, 1) == everything[:1]


@pytest.mark.parametrize("text", ["send", "sendMail", "Mailer.send", "sm"])
def test_the_first_definitions_are_the_same_however_many_are_wanted(text: str) -> None:
    table = _table_of(
        {
            "tests/test_a.py": "".join(f"def send_{number}(): ...\n" for number in range(8)),
            "a.py": "def sendMail(): ...\ndef send_all(): ...\ndef resend(): ...\ndef sned(): ...\n",
            "b.py": "class Mailer:\n    def send(self): ...\n    def showEndOfMail(self): ...\n",
        }
    )
    everything = find(text, table, 1_000)
    for limit in range(1, len(everything) + 1):
        assert find(text, table, limit) == everything[:limit]


def _table_of(files: Mapping[str, str]) -> VisibleSymbols:
    builder = RowsBuilder(1)
    for number, source in enumerate(files.values()):
        parsed = parse(source.encode(), "python")
        count = len(parsed.chunks)
        builder.add(number, parsed, ["w"] * count, [b"0" * 16] * count)
    rows = decode(builder.encode(np.zeros((builder.chunk_count, 1)))[1])
    paths = dict(enumerate(files))
    settled, recent = SymbolTable.of(rows, paths), SymbolTable.of(rows.slice(0, 0), paths)
    return VisibleSymbols(settled, recent, np.ones(len(files), np.bool_))


def test_definitions_have_the_places_of_the_text_now(shop: World) -> None:
    async def scenario() -> None:
        async with shop.editor() as editor:
            name = "shop/cart.py"
            shop.write(name, f"# moved on disk, and nobody said so\n\n{FILES[name]}")
            (moved,) = (await editor.client.request("symbols", Symbols("ShoppingCart", limit=1))).symbols
            assert (moved.line, moved.span.start_line, moved.version) == (3, 3, None)
            version = editor.type(name, f"\n\n\n\n{FILES[name]}")
            (typed,) = (await editor.client.request("symbols", Symbols("ShoppingCart", limit=1))).symbols
            assert (typed.line, typed.version, typed.path) == (5, version, shop.path(name))
            of_file = await editor.client.request("symbols", Symbols("", path=shop.path(name)))
            assert [symbol.name for symbol in of_file.symbols] == ["ShoppingCart", "add_item", "total_price"]
            (shop.root / "net/socket.py").unlink()
            gone = await editor.client.request("symbols", Symbols("open_socket"))
            assert gone.symbols == ()
            assert (await editor.client.request("symbols", Symbols("  "))).symbols == ()

    play(scenario)


def test_definitions_by_meaning_come_after_those_by_name(shop: World) -> None:
    async def scenario() -> None:
        async with shop.editor() as editor:
            asked = Symbols("what a customer wants to buy", semantic=True)
            reply = await editor.client.request("symbols", asked)
            assert "ShoppingCart" in {symbol.name for symbol in reply.symbols}
            plain = await editor.client.request("symbols", Symbols("what a customer wants to buy"))
            assert plain.symbols == ()

    play(scenario)


def test_a_plan_explains_the_answer(shop: World) -> None:
    async def scenario() -> None:
        async with shop.editor() as editor:
            asked = Search("total price of items lang:python -path:tests", explain=True)
            reply = await editor.client.request("search", asked)
            plan = reply.plan
            assert plan["intent"] == "prose"
            assert plan["text"] == "total price of items"
            assert plan["words"] == ["total", "price", "items"]
            assert plan["filters"]["languages"] == ["python"]
            assert plan["filters"]["exclude_paths"] == ["tests"]
            first = plan["agents"]["semantic"]["candidates"][0]
            assert first["rank"] == 1
            assert first["path"].startswith(shop.path(""))
            assert (await editor.search("total price")).plan == {}

    play(scenario)


def test_of_two_folders_the_one_that_a_question_is_about_comes_first(world: World) -> None:
    other = world.root.with_name("warehouse")
    other.mkdir()
    for number in range(40):
        (world.root / f"star_{number}.py").write_text(
            f"def brightness_of_star_{number}(telescope):\n    return telescope.spectrum({number})\n"
        )
        (other / f"payment_{number}.py").write_text(
            f"def refund_payment_{number}(customer):\n    return customer.account.credit({number})\n"
        )
    (world.root / "star_40.py").write_text("def refund(customer):\n    return customer.credit()\n")

    async def scenario() -> None:
        async with world.editor() as editor:
            await editor.client.request("open", OpenFolder(str(other), {}, False))
            await editor.settle(complete=True)
            hits = (await editor.search("refund the payment of a customer", limit=60)).hits
            assert {hit.root for hit in hits} == {str(world.root), str(other)}
            lowered = [hit for hit in hits if any("less of it" in reason for reason in hit.reasons)]
            assert {hit.root for hit in lowered} == {str(world.root)}

    play(scenario)


def test_of_two_folders_that_answer_alike_the_one_that_is_worked_in_comes_first(world: World) -> None:
    body = "def total_price(items):\n    return sum(item.price for item in items)\n"
    other = world.root.with_name("other")
    other.mkdir()
    for root in (world.root, other):
        (root / "price.py").write_text(body)
        (root / "worked_on.py").write_text("nothing = None\n")
    # What says more of the question wins wherever one is.
    (other / "refund.py").write_text("def refund_a_customer(order):\n    return pay_back(order.customer)\n")
    (world.root / "order.py").write_text("def close(order):\n    return order.customer.leave()\n")

    async def scenario() -> None:
        async with world.editor() as editor:
            await editor.client.request("open", OpenFolder(str(other), {}, False))
            await editor.settle(complete=True)
            for root in (world.root, other):
                here = EditorContext(active=str(root / "worked_on.py"))
                hits = (await editor.search("total price of items", context=here)).hits
                alike = [hit for hit in hits if hit.relative == "price.py"]
                assert [hit.root for hit in alike] == [
                    str(root),
                    *({str(world.root), str(other)} - {str(root)}),
                ]
                raised = ["in the active file's folder x1.25" in hit.reasons for hit in alike]
                assert raised == [True, False]
                assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
                best = (await editor.search("refund a customer", context=here)).hits[0]
                assert best.relative == "refund.py"
            asked_alone = Search("total price", context=here, roots=(str(other),))
            (only, *_) = (await editor.client.request("search", asked_alone)).hits
            assert not any("active file's folder" in reason for reason in only.reasons)

    play(scenario)


def test_a_filter_that_names_nothing_is_said_once_for_all_folders(world: World) -> None:
    other = world.root.with_name("other")
    other.mkdir()
    world.write("a.py", "def flamingo():\n    pass\n")
    (other / "b.go").write_text("package b\n\nfunc Flamingo() {}\n")

    async def scenario() -> None:
        async with world.editor() as editor:
            await editor.client.request("open", OpenFolder(str(other), {}, False))
            await editor.settle(complete=True)
            odd = await editor.search("flamingo kind:banana lang:pythn")
            assert [note.partition(";")[0] for note in odd.notes] == [
                "no language is called pythn",
                "no kind of definition is called banana",
            ]
            assert (await editor.search("flamingo lang:go")).notes == ()
            none = await editor.search("flamingo lang:rust")
            assert none.notes == ("no indexed file is in rust; most files are in go (1), python (1)",)
            places = await editor.client.request("grep", Grep("flamingo", languages=("pythn",)))
            assert places.notes == ("no language is called pythn; did you mean python or cython?",)
            evidence = await editor.client.request("context", Context("flamingo", languages=("pythn",)))
            assert places.notes[0] in evidence.notes

    play(scenario)
