import pytest

from tests.contract.helpers import IMPOSSIBLE_IDS, NOBODY, STEP_WEI, Status


@pytest.mark.parametrize("request_id", [0, 2, *IMPOSSIBLE_IDS])
def test_get_request__unknown__is_all_zeros(market, open_request, request_id):
    open_request()
    request = market.get_request(request_id).dict()
    assert request.pop("utility") == NOBODY
    assert set(request.values()) == {0}


def test_get_request__bidding__has_refunded_nothing(market, open_request, bid, alice):
    open_request()
    bid(alice, (300, 20))
    request = market.get_request(1)
    assert request["status"] == Status.BIDDING
    assert (request["cost_wei"], request["refunded_wei"], request["paid_wei"]) == (0, 0, 0)


def test_get_request__withdrawn_bids__are_counted(market, open_request, bid, alice):
    open_request()
    bid(alice, (300, 20), (300, 20))
    market.withdraw_bids(1, [1], {"from": alice})
    assert market.get_request(1)["bid_count"] == 2


def test_get_request__refused_payment__is_deferred_and_not_paid(
    market, open_request, bid, settle, alice, refusing
):
    open_request()
    bid(alice, (300, 20))
    bid(refusing, (200, 20))
    settle()
    request = market.get_request(1)
    assert request["paid_wei"] == 300 * 20 * STEP_WEI
    assert request["deferred_wei"] == 200 * 20 * STEP_WEI
    assert request["refunded_wei"] == request["escrow_wei"] - 500 * 20 * STEP_WEI


def test_get_request__withdrawn_credit__stays_deferred_in_the_request(
    market, open_request, bid, settle, refusing, stranger
):
    open_request()
    bid(refusing, (200, 20))
    settle()
    refusing.set_willing(True, {"from": stranger})
    refusing.forward(market, market.withdraw.encode_input(), {"from": stranger})
    assert market.get_request(1)["deferred_wei"] == 200 * 20 * STEP_WEI


def test_get_request__book_taken_over__keeps_its_outcome(market, open_request, bid, settle, alice):
    open_request()
    bid(alice, (300, 20))
    settle()
    before = market.get_request(1).dict()
    for _ in range(20):
        settle(open_request())
    assert market.get_request(1).dict() == before
