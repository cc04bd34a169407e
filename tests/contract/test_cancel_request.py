import pytest

from tests.contract.helpers import (
    PRICE_LEVELS,
    PUSH_GAS,
    REDUCTION_WH,
    STEP_WEI,
    Status,
    logs,
    reverts,
    reverts_for_gas,
    set_next_time,
)

ESCROW_WEI = REDUCTION_WH * STEP_WEI * PRICE_LEVELS


def test_cancel_request__before_gate_closure__returns_the_whole_escrow(
    market, open_request, utility
):
    before_wei = utility.balance()
    open_request()
    market.cancel_request(1, {"from": utility})
    assert utility.balance() == before_wei
    assert market.balance() == 0


def test_cancel_request__before_gate_closure__is_logged(market, open_request, utility):
    open_request()
    tx = market.cancel_request(1, {"from": utility})
    assert logs(tx) == [("RequestCancelled", {"request_id": 1, "refund_wei": ESCROW_WEI})]


def test_cancel_request__with_bids__buys_nothing(market, open_request, bid, utility, alice):
    open_request()
    bid(alice, (300, 20))
    market.cancel_request(1, {"from": utility})
    request = market.get_request(1)
    assert request["status"] == Status.CANCELLED
    assert request["refunded_wei"] == request["escrow_wei"] == ESCROW_WEI
    assert (request["energy_wh"], request["cost_wei"], request["clearing_level"]) == (0, 0, 0)
    assert market.get_winners(1, 0, 9) == []
    assert market.get_quote(1) == (0, 0, 0, 0)


def test_cancel_request__with_bids__leaves_them_readable(market, open_request, bid, utility, alice):
    open_request()
    bid(alice, (300, 20))
    market.cancel_request(1, {"from": utility})
    assert market.get_bids(1, 0, 9) == [(1, alice, 300, 20)]


def test_cancel_request__last_second_before_gate_closure__is_taken(market, open_request, utility):
    open_request()
    set_next_time(market.get_request(1)["gate_closure"] - 1)
    market.cancel_request(1, {"from": utility})
    assert market.get_request(1)["status"] == Status.CANCELLED


@pytest.mark.parametrize("late_s", [0, 1])
def test_cancel_request__from_gate_closure_on__reverts(market, open_request, utility, late_s):
    open_request()
    gate_closure = market.get_request(1)["gate_closure"]
    set_next_time(gate_closure + late_s)
    with reverts("GateClosed", gate_closure, gate_closure + late_s):
        market.cancel_request(1, {"from": utility})


def test_cancel_request__twice__reverts(market, open_request, utility):
    open_request()
    market.cancel_request(1, {"from": utility})
    with reverts("WrongStatus", 1, Status.CANCELLED):
        market.cancel_request(1, {"from": utility})


@pytest.mark.parametrize("request_id", [0, 2])
def test_cancel_request__unknown_request__reverts(market, open_request, utility, request_id):
    open_request()
    with reverts("WrongStatus", request_id, Status.NONE):
        market.cancel_request(request_id, {"from": utility})


def test_cancel_request__cleared__reverts(
    market, open_request, bid, select_winners, utility, alice
):
    open_request()
    bid(alice, (300, 20))
    select_winners()
    with reverts("WrongStatus", 1, Status.CLEARED):
        market.cancel_request(1, {"from": utility})


def test_cancel_request__settled__reverts(market, open_request, select_winners, utility):
    open_request()
    select_winners()
    with reverts("WrongStatus", 1, Status.SETTLED):
        market.cancel_request(1, {"from": utility})


def test_cancel_request__stranger__reverts(market, open_request, stranger):
    open_request()
    with reverts("OwnableUnauthorizedAccount", stranger):
        market.cancel_request(1, {"from": stranger})


def test_cancel_request__one_of_two__leaves_the_other(market, open_request, bid, utility, alice):
    open_request()
    open_request()
    market.cancel_request(1, {"from": utility})
    bid(alice, (300, 20), request_id=2)
    assert market.balance() == ESCROW_WEI
    assert market.get_request(2)["status"] == Status.BIDDING


def test_cancel_request__too_little_gas__changes_nothing(market, open_request, utility):
    open_request()
    with reverts_for_gas():
        market.cancel_request(1, {"from": utility, "gas_limit": PUSH_GAS})
    assert market.get_request(1)["status"] == Status.BIDDING
    assert market.balance() == ESCROW_WEI
