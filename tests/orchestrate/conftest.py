"""A small shop in a folder, indexed once, and questions asked of it in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from attrs import define

from conexus import settings
from conexus.engine.contexts import Contexts, ground_of
from conexus.engine.engine import Engine
from conexus.orchestrate.context import Question
from conexus.orchestrate.routing import Profile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conexus.engine.folder import Folder
    from conexus.orchestrate.context import Answer
    from conexus.orchestrate.ground import Ground

SHOP = '''//- /shop/cart.py
"""What a customer wants to buy."""

import os

from shop.prices import discounted_price


class ShoppingCart:
    """Holds items until they are paid for."""

    def __init__(self, customer):
        self.customer = customer
        self.items = {}

    def add_item(self, item, count):
        """Put an item into the cart, as often as it is wanted."""
        if count < 1:
            raise ValueError(f"{count} is no number of items")
        self.items[item] = self.items.get(item, 0) + count
        self.touched = True

    def total_price(self):
        """Add up what the cart costs, discounts taken off."""
        limit = os.environ.get("SHOP_DISCOUNT_LIMIT", "10")
        return sum(discounted_price(item, int(limit)) * count for item, count in self.items.items())
//- /shop/prices.py
"""Prices and what is taken off them."""


def discounted_price(item, limit):
    """Return the price of an item with its discount, at most `limit` percent."""
    return item.price * (100 - min(item.discount, limit)) / 100
//- /shop/checkout.py
from shop.cart import ShoppingCart


def pay(cart: ShoppingCart, wallet):
    """Take the money of a cart out of a wallet."""
    wallet.take(cart.total_price())
//- /tests/test_cart.py
from shop.cart import ShoppingCart


def test_a_cart_adds_up():
    cart = ShoppingCart("ada")
    assert cart.total_price() == 0
//- /docs/shop.md
# The shop

## Prices

`total_price` adds up what a cart costs; `SHOP_DISCOUNT_LIMIT` says how much may be taken off.
//- /shop.toml
[shop]
total_price_currency = "EUR"
//- /net/socket.py
def open_socket(host, port):
    """Connect to a host."""
    return connect((host, port))
'''


@define
class Shop:
    """The folder and what may be asked of it."""

    folder: Folder
    contexts: Contexts

    def ground(self, called: str = "") -> Ground:
        return ground_of(called, self.folder, self.folder.view(), lambda: False)

    def ask(self, text: str, budget: int = 4_000, **options: Any) -> Answer:
        grounds = options.pop("grounds", None) or [self.ground()]
        cancelled = options.pop("cancelled", lambda: False)
        question = Question(
            text, budget, options.pop("task", None), options.pop("profile", Profile.RELAXED), options.pop("here", None),
            **options,
        )  # fmt: skip
        return self.contexts.answer(question, grounds, behind=0, cancelled=cancelled)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, written: Callable[[Path, str], Path]) -> Iterator[Shop]:
    root = tmp_path_factory.mktemp("shop")
    folder_root = root / "project"
    folder_root.mkdir()
    written(folder_root, SHOP)
    chosen = settings.Settings()
    contexts = Contexts()
    with Engine(chosen, root / "data") as engine:
        folder = engine.open(folder_root)
        folder.reconcile()
        yield Shop(folder, contexts)
    contexts.close()
