"""What is not here is said not to be here; what is, is not called weak."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conexus.search.confidence import WEAK, confidence
from conexus.search.query import SearchRequest, plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from conexus.engine.folder import Folder

SHOP = """
//- /shop/cart.py
class ShoppingCart:
    '''What a customer wants to buy.'''

    def total_price(self):
        '''Sum the prices of all items, discounts included.'''
        return sum(item.price * count for item, count in self.items.items())
//- /net/upload.py
def retry_failed_uploads(queue, attempts=3):
    '''Try again to send files that could not be uploaded.'''
    for item in queue:
        item.again(attempts)
//- /net/limits.py
class RateLimiter:
    '''Wait so that no more than n requests a second leave.'''
"""


@pytest.mark.parametrize(
    "text",
    [
        "how is the total price of the cart calculated",
        "retry failed uploads",
        "RateLimiter",
        "wait between requests to limit their rate",
        "cart.py",
        '"could not be uploaded"',
        "class Basket:\n    def price(self):\n        return sum(item.price for item in self.items)\n",
    ],
)
def test_what_is_here_is_not_weak(kept: Callable[[str], Folder], text: str) -> None:
    reply = kept(SHOP).search(SearchRequest(text))
    assert reply.hits
    assert not reply.weak
    assert WEAK <= reply.confidence <= 1


@pytest.mark.parametrize(
    "text",
    [
        "best pizza in town",
        "qwxz vkjq zzzt",
        "when do swallows fly south",
        "bluetooth pairing of headphones on android",
    ],
)
def test_what_means_nothing_here_is_weak(kept: Callable[[str], Folder], text: str) -> None:
    reply = kept(SHOP).search(SearchRequest(text))
    assert reply.confidence < WEAK
    assert reply.weak == bool(reply.hits)


def test_without_the_model_words_tell(kept: Callable[[str], Folder]) -> None:
    reply = kept(SHOP).search(SearchRequest("retry failed uploads", explain=True))
    blind = [found for found in reply.found if found.agent != "semantic"]
    query = plan(SearchRequest("retry failed uploads"))
    assert confidence(query, blind, reply.hits, lambda _: 1.0) > 0.9
    assert confidence(plan(SearchRequest("pizza with basil")), blind, reply.hits, lambda _: 1.0) < WEAK
    assert confidence(plan(SearchRequest("")), blind, reply.hits, lambda _: 1.0) < WEAK
    assert confidence(query, blind, (), lambda _: 1.0) == 0.0
