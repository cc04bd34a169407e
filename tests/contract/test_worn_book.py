"""A book is not wiped between requests; whatever it held before must never show again."""

import pytest

from market.clearing import Pricing
from tests.contract.helpers import BOOKS, PRICE_LEVELS, STEP_WEI, Status


def winners(market, request_id):
    return [
        (winner["bid_id"], winner["consumer"], winner["energy_wh"])
        for winner in market.get_winners(request_id, 0, 999)
    ]


@pytest.fixture(scope="module")
def worn_book(market, open_request, bid, settle, utility, alice):
    """A market whose next request gets a book with bids at many levels left in it."""
    open_request(reduction_wh=900)
    bid(alice, *[(7, level) for level in range(1, PRICE_LEVELS, 9)])
    bid(alice, *[(7, level) for level in (1, 2, 3, 4, 5, 20, 500, 999, PRICE_LEVELS)])
    settle()
    for request_id in range(2, BOOKS + 1):
        open_request()
        market.cancel_request(request_id, {"from": utility})
    return BOOKS + 1


def test_worn_book__is_empty_to_the_next_request(market, worn_book, open_request):
    assert open_request() == worn_book
    assert market.get_quote(worn_book) == (0, 0, 0, 0)
    assert market.get_bids(worn_book, 0, 9) == []
    assert market.get_winners(worn_book, 0, 9) == []


def test_worn_book__no_new_bids__refunds_everything(
    market, worn_book, open_request, select_winners, utility
):
    before_wei = utility.balance()
    select_winners(open_request())
    assert market.get_request(worn_book)["status"] == Status.SETTLED
    assert market.get_winners(worn_book, 0, 9) == []
    assert utility.balance() == before_wei


@pytest.mark.parametrize("level", [1, 2, 4, 6, 10, 20, 499, 500, 501, 999, PRICE_LEVELS])
@pytest.mark.parametrize("pricing", Pricing)
def test_worn_book__one_bid__is_the_only_one_that_counts(
    market, worn_book, open_request, bid, settle, bob, level, pricing
):
    open_request(pricing=pricing)
    bid(bob, (50, level), request_id=worn_book)
    cost_wei = 50 * level * STEP_WEI
    assert market.get_quote(worn_book) == (level, 50, cost_wei, 50)
    tx = settle(worn_book)
    assert [event["consumer"] for event in tx.events["WinnerPaid"]] == [bob]
    assert winners(market, worn_book) == [(1, bob, 50)]
    assert market.get_request(worn_book)["paid_wei"] == cost_wei


def test_worn_book__withdrawn_bid__leaves_it_empty(
    market, worn_book, open_request, bid, select_winners, bob
):
    open_request()
    bid(bob, (50, 20), request_id=worn_book)
    market.withdraw_bids(worn_book, [1], {"from": bob})
    assert market.get_quote(worn_book) == (0, 0, 0, 0)
    select_winners(worn_book)
    assert market.get_request(worn_book)["status"] == Status.SETTLED


def test_worn_book__marginal_level__counts_new_bids_only(
    market, worn_book, open_request, bid, settle, alice, bob
):
    open_request(reduction_wh=100)
    bid(bob, (60, 20), request_id=worn_book)
    bid(alice, (60, 20), (60, 20), request_id=worn_book)
    settle(worn_book)
    assert winners(market, worn_book) == [(2, alice, 40), (1, bob, 60)]
