"""A question in, evidence out: what is in it, what proves it, and what happens when a step fails."""

from __future__ import annotations

import contextlib
import re
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from bpe_openai import get_encoding

from conexus.domain import CancelledError, digest_of
from conexus.orchestrate import analyse, expand, locate
from conexus.orchestrate.evidence import Role
from conexus.orchestrate.gates import Verdict
from conexus.orchestrate.routing import Profile, Task
from conexus.orchestrate.steps import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.orchestrate.conftest import Shop

    from conexus.orchestrate.context import Answer

QUESTION = "how is the total price of a shopping cart added up"


def roles(found: Answer) -> dict[str, set[str]]:
    """Return role → what plays it: a symbol, or the file where there is none."""
    said: dict[str, set[str]] = {}
    for piece in found.pack.pieces:
        said.setdefault(str(piece.role), set()).add(piece.symbol or piece.cited.path)
    return said


def numbered(text: str) -> list[tuple[str, int, str]]:
    """Return (path, number, line) of every line of a file in a pack."""
    lines, path = [], ""
    for line in text.split("\n"):
        if line.startswith("## "):
            path = line[3:]
        elif found := re.match(r"(\d+)(?: (.*))?$", line):
            lines.append((path, int(found[1]), found[2] or ""))
    return lines


def test_the_answer_comes_first_and_what_belongs_to_it_follows(shop: Shop) -> None:
    found = shop.ask(QUESTION, 1_200)
    assert found.pack.pieces[0].symbol == "ShoppingCart"
    assert found.pack.pieces[0].whole
    assert found.pack.text.startswith("## shop/cart.py\n")
    said = roles(found)
    everything = set().union(*said.values())
    assert everything >= {"discounted_price", "pay", "test_a_cart_adds_up"}


def test_every_line_stands_in_its_file_and_none_twice(shop: Shop) -> None:
    found = shop.ask(QUESTION)
    lines = numbered(found.pack.text)
    assert lines
    for path, number, line in lines:
        source = (shop.folder.root / path).read_text("utf-8").split("\n")
        assert line == source[number - 1].rstrip()
    assert max(Counter((path, number) for path, number, _ in lines).values()) == 1
    for one in (*found.pack.pieces, *found.pack.statements):
        source = (shop.folder.root / one.cited.path).read_bytes()
        span = one.cited.span
        assert source[span.start : span.end] == one.cited.source
        assert digest_of(one.cited.source) == one.cited.digest
        assert source.count(b"\n", 0, span.start) + 1 == span.start_line
        assert source.count(b"\n", 0, span.end) + 1 == span.end_line


@pytest.mark.parametrize("budget", [100, 250, 600, 4_000])
def test_a_budget_is_kept(shop: Shop, budget: int) -> None:
    found = shop.ask(QUESTION, budget)
    assert found.pack.text
    assert len(get_encoding("o200k_base").encode(found.pack.text)) <= found.pack.tokens <= budget


def test_without_a_budget_the_task_decides(shop: Shop) -> None:
    assert shop.ask(QUESTION, 0, task=Task.CODE, profile=Profile.DEFAULT).budget == 4_000
    assert shop.ask(QUESTION, 0, task=Task.ARCHITECTURE, profile=Profile.STRICT).budget == 4_000
    assert shop.ask(QUESTION, 0, task=Task.DEBUG, profile=Profile.RELAXED).budget == 12_000


def test_confidence_is_the_searchs(shop: Shop) -> None:
    sure = shop.ask("ShoppingCart total_price").confidence
    assert sure > 0.5 > shop.ask("quantum chromodynamics on a lattice of gluons").confidence
    assert shop.ask("prices", paths=("no/such",)).confidence == 0.0


def test_facts_are_stated_with_their_lines(shop: Shop) -> None:
    found = shop.ask("ShoppingCart.add_item puts an item into the cart")
    facts = {
        (one.kind, one.text, one.cited.span.start_line)
        for one in found.pack.statements
        if one.about == "ShoppingCart"
    }
    assert {
        ("signature", "is `class ShoppingCart`", 8),
        ("raises", "raises `ValueError`", 18),
        ("calls", "calls `self.items.get`", 19),
        ("writes", "writes `self.touched`", 20),
    } <= facts


def test_settings_read_and_tests_are_stated(shop: Shop) -> None:
    said = {(one.kind, one.text) for one in shop.ask("total_price").pack.statements}
    assert ("reads", "reads `SHOP_DISCOUNT_LIMIT`") in said
    assert ("tested", "is tested by `test_a_cart_adds_up`") in said


def test_documents_and_settings_that_name_the_answer_are_found(shop: Shop) -> None:
    asked = shop.ask("what is documented of total_price", task=Task.DOCS)
    paths = {piece.cited.path: piece.role for piece in asked.pack.pieces}
    assert paths["docs/shop.md"] in {Role.DOCUMENT, Role.ANSWER}


def test_where_one_is_comes_first(shop: Shop) -> None:
    ground = shop.ground()
    found = shop.ask("what does this do", grounds=[ground], here=(ground, "net/socket.py", 2))
    first = found.pack.pieces[0]
    assert (first.role, first.symbol) == (Role.HERE, "open_socket")
    between = shop.ask("prices", grounds=[ground], here=(ground, "shop/cart.py", 4))
    assert between.pack.pieces[0].role is Role.HERE
    assert not between.pack.pieces[0].whole
    gone = shop.ask("prices", grounds=[ground], here=(ground, "no/such.py", 4))
    assert gone.pack.pieces[0].role is Role.ANSWER


def test_a_failing_step_is_named_and_the_others_answer(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> Iterator[object]:
        yield from ()
        raise RuntimeError("no callers today")

    monkeypatch.setattr(expand, "uses", broken)
    found = shop.ask(QUESTION)
    steps = {step.name: step for step in found.steps}
    assert steps["uses"].outcome is Outcome.FAILED
    assert found.pack.pieces[0].symbol == "ShoppingCart"
    assert "the step uses failed: RuntimeError: no callers today" in found.notes
    gates = {gate.name: gate for gate in found.gates}
    assert (gates["steps"].verdict, gates["steps"].detail) == (Verdict.WARNED, "uses failed")
    strict = shop.ask(QUESTION, profile=Profile.STRICT)
    assert {gate.name: gate.verdict for gate in strict.gates}["steps"] is Verdict.FAILED


def test_a_late_step_gives_what_it_had(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    taken_apart = analyse.statements

    def slow(subject: analyse.Subject) -> Iterator[object]:
        for one in taken_apart(subject):
            yield one
            time.sleep(5)

    monkeypatch.setattr(analyse, "statements", slow)
    found = shop.ask("total_price", profile=Profile.STRICT)
    late = {step.name: step for step in found.steps}["analyse"]
    assert late.outcome is Outcome.LATE
    assert [one.kind for one in late.found] == ["signature"]
    assert any("analyse was cut short" in note for note in found.notes)


def test_what_the_answer_needs_is_waited_for(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    located = locate.answers

    def slow(*arguments: object, **options: object) -> Iterator[object]:
        time.sleep(0.6)
        yield from located(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(locate, "answers", slow)
    found = shop.ask(QUESTION, profile=Profile.STRICT)
    assert found.pack.pieces[0].symbol == "ShoppingCart"
    gates = {gate.name: gate.verdict for gate in found.gates}
    assert (gates["time"], gates["evidence"]) == (Verdict.FAILED, Verdict.PASSED)


def test_many_may_ask_at_once(shop: Shop) -> None:
    with ThreadPoolExecutor(20) as agents:
        answers = list(agents.map(lambda _: shop.ask(QUESTION), range(20)))
    assert len({one.pack.pieces[0].symbol for one in answers}) == 1


def test_one_who_waits_may_leave(shop: Shop) -> None:
    runner = shop.contexts.runner
    with contextlib.ExitStack() as busy:
        for _ in range(4):
            busy.enter_context(runner.turn(lambda: False))
        with pytest.raises(CancelledError):
            shop.ask(QUESTION, cancelled=lambda: True)
    assert shop.ask(QUESTION).pack.pieces


def test_a_cancelled_question_ends(shop: Shop) -> None:
    with pytest.raises(CancelledError):
        shop.ask(QUESTION, cancelled=lambda: True)


def test_nothing_found_is_said(shop: Shop) -> None:
    found = shop.ask("prices", paths=("no/such/folder",))
    assert (found.pack.text, found.confidence) == ("", 0.0)
    gates = {gate.name: gate for gate in found.gates}
    assert (gates["evidence"].verdict, gates["evidence"].detail) == (Verdict.WARNED, "nothing was found")


def test_outcomes_are_counted(shop: Shop) -> None:
    before = shop.contexts.counts().get("context tokens", {}).get("passed", 0)
    shop.ask(QUESTION)
    assert shop.contexts.counts()["context tokens"]["passed"] == before + 1


def test_the_same_question_gets_the_same_answer(shop: Shop) -> None:
    assert shop.ask(QUESTION).pack.text == shop.ask(QUESTION).pack.text


def test_lines_of_two_folders_are_told_apart(shop: Shop) -> None:
    found = shop.ask(QUESTION, 2_000, grounds=[shop.ground("/one"), shop.ground("/two")])
    headings = [line for line in found.pack.text.split("\n") if line.startswith("## ")]
    assert "## /one/shop/cart.py" in headings
    # The second folder's lines are the first one's: they are not shown again.
    assert "## /two/shop/cart.py" not in headings
