"""Evidence, history and tickets from the engine process, unsaved text included."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.engine_process.engine_world import World, play
from tests.workspace.test_history import git

from conexus.domain import digest_of
from conexus.engine.wire import Context, EngineError, History, Related, Touched

if TYPE_CHECKING:
    from tests.engine_process.engine_world import Editor

    from conexus.engine.wire import ContextReply

CART = (
    "class ShoppingCart:\n    '''What a customer wants to buy.'''\n\n    def add_item(self, item, count):\n"
    "        self.items[item] = self.items.get(item, 0) + count\n\n    def total_price(self):\n"
    "        return sum(item.price * count for item, count in self.items.items())\n"
)
CHECKOUT = (
    "from shop.cart import ShoppingCart\n\n\ndef pay(cart: ShoppingCart):\n    return cart.total_price()\n"
)


def save(world: World, message: str) -> str:
    git(world.root, "add", "-A")
    git(world.root, "commit", "-qm", message)
    return git(world.root, "rev-parse", "HEAD")


@pytest.fixture
def shop(world: World) -> World:
    world.write("shop/cart.py", CART)
    world.write("net/socket.py", "def open_socket(host, port):\n    return connect((host, port))\n")
    git(world.root, "init", "-qb", "main")
    save(world, "Begin")
    world.write("shop/checkout.py", CHECKOUT)
    save(world, "ABC-12: a cart is paid for")
    return world


async def context(editor: Editor, text: str, **options: object) -> ContextReply:
    return await editor.client.request("context", Context(text, **options))  # type: ignore[arg-type]


def test_evidence_is_of_the_text_as_it_is_typed(shop: World) -> None:
    async def scenario() -> None:
        async with shop.editor() as editor:
            typed = CART.replace("def total_price(self)", "def total_of_the_cart(self, currency)")
            version = editor.type("shop/cart.py", typed)
            await editor.settle()
            reply = await context(editor, "the total of the shopping cart", profile="relaxed")
            mine = [one for one in reply.evidence if one.relative == "shop/cart.py"]
            assert mine
            for one in mine:
                held = typed.encode()[one.span.start : one.span.end]
                assert (one.excerpt, one.digest, one.version) == (
                    held.decode(),
                    digest_of(held).hex(),
                    version,
                )
            assert "total_of_the_cart" in reply.text
            assert "def total_price" not in reply.text
            facts = [
                one for one in reply.statements if one.relative == "shop/cart.py" and one.kind != "tested"
            ]
            assert facts
            assert all(
                digest_of(typed.encode()[one.span.start : one.span.end]).hex() == one.digest for one in facts
            )
            assert (reply.branch, reply.budget, reply.profile) == ("main", 4_000, "relaxed")
            assert reply.tokens <= reply.budget
            assert {gate.name for gate in reply.gates} == {
                "evidence", "tokens", "duplicates", "staleness", "time", "steps", "confidence"
            }  # fmt: skip
            counted = (await editor.status()).gates
            assert sum(counted["context evidence"].values()) == 1

    play(scenario)


def test_a_relaxed_question_says_which_ticket_wrote_the_answer(shop: World) -> None:
    async def scenario() -> None:
        async with shop.editor() as editor:
            # The past is read in the background; a question about it waits for it.
            await editor.client.request("related", Related(shop.path("shop/checkout.py")))
            reply = await context(editor, "pay", profile="relaxed")
            changed = [one for one in reply.statements if one.kind == "changed"]
            assert [one.about for one in changed if "ABC-12: a cart is paid for" in one.text] == ["pay"]
            assert changed[0].commit

    play(scenario)


def test_a_question_about_a_ticket_gets_its_code(shop: World) -> None:
    async def scenario() -> None:
        async with shop.editor() as editor:
            await editor.client.request("related", Related(shop.path("shop/checkout.py")))
            reply = await context(editor, "what was done for ABC-12", profile="relaxed")
            first = reply.evidence[0]
            assert (first.relative, first.symbol, first.reasons) == (
                "shop/checkout.py", "pay", ("changed for ABC-12",)
            )  # fmt: skip
            assert "ticket ABC-12" in {step.name for step in reply.steps}
            unknown = await context(editor, "what was done for XY-99", profile="relaxed")
            assert next(step.found for step in unknown.steps if step.name == "ticket XY-99") == 0

    play(scenario)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"text": "  "}, "the question is empty"),
        ({"budget": 99}, "a budget of 99 tokens is not 100 to 100000"),
        ({"task": "poetry"}, "poetry is no task: choose one of code, debug"),
        ({"profile": "lax"}, "lax is no profile: choose one of strict"),
        ({"path": "/elsewhere/x.py"}, "/elsewhere/x.py is in no open folder"),
    ],
)
def test_what_cannot_be_asked_is_refused(shop: World, options: dict[str, object], complaint: str) -> None:
    async def scenario() -> None:
        async with shop.editor() as editor:
            with pytest.raises(EngineError, match=complaint) as refused:
                await context(editor, **{"text": "prices", **options})  # type: ignore[arg-type]
            assert refused.value.kind == "invalid"

    play(scenario)


def test_a_cancelled_question_is_let_go(shop: World) -> None:
    async def scenario() -> None:
        async with shop.editor() as editor:
            asked = asyncio.ensure_future(context(editor, "total price", profile="relaxed"))
            await asyncio.sleep(0)
            asked.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asked
            assert (await context(editor, "total price")).evidence

    play(scenario)


def test_a_ticket_leads_to_its_code(shop: World) -> None:
    async def scenario() -> None:
        async with shop.editor() as editor:
            reply = await editor.client.request("related", Related(ticket="abc-12"))
            assert [hit.relative for hit in reply.hits] == ["shop/checkout.py"]
            assert reply.hits[0].reasons[0] == "changed for ABC-12"
            assert [(one.subject, one.tickets) for one in reply.commits] == [
                ("ABC-12: a cart is paid for", ("ABC-12",))
            ]
            # A commit made since is known by the next question.
            shop.write("net/socket.py", "def open_socket(host, port):\n    return dial(host, port)\n")
            save(shop, "Dial instead (#7)")
            editor.client.notify("touched", Touched((shop.path("net/socket.py"),)))
            await editor.settle()
            later = await editor.client.request("related", Related(ticket="7"))
            assert [hit.relative for hit in later.hits] == ["net/socket.py"]
            none = await editor.client.request("related", Related(ticket="XY-1"))
            assert (none.hits, none.notes) == ((), ("no commit or branch names XY-1",))
            with pytest.raises(EngineError, match="no ticket; write #123"):
                await editor.client.request("related", Related(ticket="whatever"))

    play(scenario)


def test_a_branchs_work_is_its_tickets(shop: World) -> None:
    async def scenario() -> None:
        git(shop.root, "checkout", "-qb", "feature/XY-3-discounts")
        added = CART + "\n    def discount(self):\n        return 0\n"
        shop.write("shop/cart.py", added)
        save(shop, "Discounts")
        async with shop.editor() as editor:
            reply = await editor.client.request("related", Related(ticket="XY-3"))
            assert [hit.relative for hit in reply.hits] == ["shop/cart.py"]
            assert "def discount" in reply.hits[0].excerpt

    play(scenario)


def test_related_files_come_with_their_commits(shop: World) -> None:
    async def scenario() -> None:
        async with shop.editor() as editor:
            reply = await editor.client.request("related", Related(shop.path("shop/cart.py")))
            assert [one.subject for one in reply.commits] == ["Begin"]
            assert "shop/checkout.py" in {hit.relative for hit in reply.hits}

    play(scenario)


def test_the_history_of_lines(shop: World) -> None:
    async def scenario() -> None:
        async with shop.editor() as editor:
            path = shop.path("shop/checkout.py")
            reply = await editor.client.request("history", History(path, 4, 5))
            assert [one.subject for one in reply.commits] == ["ABC-12: a cart is paid for"]
            assert [(one.start_line, one.end_line) for one in reply.blame] == [(4, 5)]
            assert (reply.branch, reply.notes) == ("main", ())
            editor.type("shop/checkout.py", CHECKOUT.replace("def pay", "def pay_later"))
            await editor.settle()
            typed = await editor.client.request("history", History(path))
            assert [(one.start_line, bool(one.commit)) for one in typed.blame] == [
                (1, True),
                (4, False),
                (5, True),
            ]
            shop.write("new.py", "x = 1\n")
            with pytest.raises(EngineError, match="cannot be read"):
                await editor.client.request("history", History(shop.path("none.py")))
            unknown = await editor.client.request("history", History(shop.path("new.py")))
            assert (unknown.blame, unknown.notes) == ((), ("git does not know new.py",))

    play(scenario)


def test_without_git_everything_else_works(world: World) -> None:
    async def scenario() -> None:
        world.write("shop/cart.py", CART)
        async with world.editor() as editor:
            history = await editor.client.request("history", History(world.path("shop/cart.py")))
            assert history.notes == ("there is no git repository, or no commit in it",)
            ticket = await editor.client.request("related", Related(ticket="#1"))
            assert ticket.hits == ()
            assert any("no git repository" in note for note in ticket.notes)
            reply = await context(editor, "total price", profile="relaxed")
            assert reply.evidence
            assert reply.branch == ""

    play(scenario)
