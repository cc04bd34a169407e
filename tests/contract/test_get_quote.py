import pytest

from market.clearing import Pricing
from tests.contract.helpers import STEP_WEI


def test_get_quote__no_bids__is_nothing(market, open_request):
    open_request()
    assert market.get_quote(1) == (0, 0, 0, 0)


@pytest.mark.parametrize("request_id", [0, 2, 2**256 - 1])
def test_get_quote__unknown_request__is_nothing(market, open_request, request_id):
    open_request()
    assert market.get_quote(request_id) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("pricing", "cost_levels"),
    [(Pricing.UNIFORM, 1000 * 30), (Pricing.PAY_AS_BID, 500 * 10 + 300 * 20 + 200 * 30)],
)
def test_get_quote__while_bids_arrive__is_the_outcome_if_the_gate_closed(
    market, open_request, bid, alice, pricing, cost_levels
):
    open_request(pricing=pricing)
    bid(alice, (500, 10))
    assert market.get_quote(1) == (10, 500, 500 * 10 * STEP_WEI, 500)
    bid(alice, (300, 20), (400, 30), (100, 31))
    assert market.get_quote(1) == (30, 1000, cost_levels * STEP_WEI, 1300)


def test_get_quote__after_gate_closure__is_still_told(market, open_request, bid, close_gate, alice):
    open_request()
    bid(alice, (500, 10), (700, 20))
    close_gate()
    assert market.get_quote(1) == (20, 1000, 1000 * 20 * STEP_WEI, 1200)


def test_get_quote__after_selection__offers_what_was_bought(
    market, open_request, bid, select_winners, alice
):
    open_request()
    bid(alice, (500, 10), (700, 20))
    select_winners()
    assert market.get_quote(1) == (20, 1000, 1000 * 20 * STEP_WEI, 1000)


def test_get_quote__settled__stays(market, open_request, bid, settle, alice):
    open_request()
    bid(alice, (500, 10), (700, 20))
    settle()
    assert market.get_quote(1) == (20, 1000, 1000 * 20 * STEP_WEI, 1000)


def test_get_quote__settled_without_bids__is_nothing(market, open_request, select_winners):
    open_request()
    select_winners()
    assert market.get_quote(1) == (0, 0, 0, 0)
