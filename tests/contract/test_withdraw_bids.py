import pytest

from tests.contract.helpers import (
    BOOKS,
    STEP_WEI,
    Status,
    logs,
    reverts,
    set_next_time,
)


def test_withdraw_bids__own_bid__keeps_its_place_without_energy(market, open_request, bid, alice):
    open_request()
    bid(alice, (300, 20), (200, 10))
    market.withdraw_bids(1, [1], {"from": alice})
    assert market.get_bids(1, 0, 9) == [(1, alice, 0, 20), (2, alice, 200, 10)]
    assert market.get_quote(1) == (10, 200, 200 * 10 * STEP_WEI, 200)


def test_withdraw_bids__several__are_logged(market, open_request, bid, alice):
    open_request()
    bid(alice, (300, 20), (200, 10), (100, 20))
    tx = market.withdraw_bids(1, [3, 1], {"from": alice})
    fields = {"request_id": 1, "consumer": alice, "bid_ids": (3, 1)}
    assert logs(tx) == [("BidsWithdrawn", fields)]
    assert market.get_quote(1)["offered_wh"] == 200


def test_withdraw_bids__then_a_new_bid__counts(market, open_request, bid, alice):
    open_request()
    bid(alice, (300, 20))
    market.withdraw_bids(1, [1], {"from": alice})
    assert bid(alice, (250, 20)).return_value == 2
    assert market.get_quote(1)["offered_wh"] == 250


@pytest.mark.parametrize("withdrawn", [1, 2, 3])
def test_withdraw_bids__any_place_in_a_level__the_others_are_paid(
    market, open_request, bid, settle, accounts, withdrawn
):
    people = {n: accounts[n] for n in (1, 2, 3)}
    open_request()
    for person in people.values():
        bid(person, (100, 20))
    market.withdraw_bids(1, [withdrawn], {"from": people[withdrawn]})
    before_wei = {n: person.balance() for n, person in people.items()}
    settle()
    earned_wei = {n: person.balance() - before_wei[n] for n, person in people.items()}
    assert earned_wei == {n: 0 if n == withdrawn else 2000 * STEP_WEI for n in people}


def test_withdraw_bids__all_bids__everything_is_refunded(
    market, open_request, bid, select_winners, utility, alice
):
    before_wei = utility.balance()
    open_request()
    bid(alice, (300, 20), (200, 10))
    market.withdraw_bids(1, [1, 2], {"from": alice})
    select_winners()
    assert utility.balance() == before_wei
    assert market.get_request(1)["status"] == Status.SETTLED


@pytest.mark.parametrize("bid_id", [0, 2, 2**24 + 1, 2**256 - 1])
def test_withdraw_bids__no_such_bid__reverts(market, open_request, bid, alice, bid_id):
    open_request()
    bid(alice, (300, 20))
    with reverts("UnknownBid", 1, bid_id):
        market.withdraw_bids(1, [bid_id], {"from": alice})


def test_withdraw_bids__bid_of_the_request_before_in_the_same_book__reverts(
    market, open_request, bid, settle, alice
):
    for request_id in range(1, BOOKS + 1):
        open_request()
        bid(alice, (300, 20), request_id=request_id)
    settle(1)
    open_request()
    with reverts("UnknownBid", BOOKS + 1, 1):
        market.withdraw_bids(BOOKS + 1, [1], {"from": alice})


def test_withdraw_bids__bid_of_another__reverts(market, open_request, bid, alice, bob):
    open_request()
    bid(alice, (300, 20))
    with reverts("NotYourBid", 1, bob):
        market.withdraw_bids(1, [1], {"from": bob})


def test_withdraw_bids__utility__may_not_either(market, open_request, bid, utility, alice):
    open_request()
    bid(alice, (300, 20))
    with reverts("NotYourBid", 1, utility):
        market.withdraw_bids(1, [1], {"from": utility})


def test_withdraw_bids__twice__reverts(market, open_request, bid, alice):
    open_request()
    bid(alice, (300, 20))
    market.withdraw_bids(1, [1], {"from": alice})
    with reverts("AlreadyWithdrawn", 1):
        market.withdraw_bids(1, [1], {"from": alice})


def test_withdraw_bids__twice_in_one_list__withdraws_none(market, open_request, bid, alice):
    open_request()
    bid(alice, (300, 20))
    with reverts("AlreadyWithdrawn", 1):
        market.withdraw_bids(1, [1, 1], {"from": alice})
    assert market.get_quote(1)["offered_wh"] == 300


def test_withdraw_bids__one_of_several_is_bad__withdraws_none(
    market, open_request, bid, alice, bob
):
    open_request()
    bid(alice, (300, 20))
    bid(bob, (200, 20))
    with reverts("NotYourBid", 2, alice):
        market.withdraw_bids(1, [1, 2], {"from": alice})
    assert market.get_quote(1)["offered_wh"] == 500


def test_withdraw_bids__no_bids__reverts(market, open_request, alice):
    open_request()
    with reverts("NoBids"):
        market.withdraw_bids(1, [], {"from": alice})


def test_withdraw_bids__last_second_before_gate_closure__is_taken(market, open_request, bid, alice):
    open_request()
    bid(alice, (300, 20))
    set_next_time(market.get_request(1)["gate_closure"] - 1)
    market.withdraw_bids(1, [1], {"from": alice})
    assert market.get_quote(1)["offered_wh"] == 0


@pytest.mark.parametrize("late_s", [0, 1])
def test_withdraw_bids__from_gate_closure_on__reverts(market, open_request, bid, alice, late_s):
    open_request()
    bid(alice, (300, 20))
    gate_closure = market.get_request(1)["gate_closure"]
    set_next_time(gate_closure + late_s)
    with reverts("GateClosed", gate_closure, gate_closure + late_s):
        market.withdraw_bids(1, [1], {"from": alice})


def test_withdraw_bids__cleared__reverts(market, open_request, bid, select_winners, alice):
    open_request()
    bid(alice, (300, 20))
    select_winners()
    with reverts("WrongStatus", 1, Status.CLEARED):
        market.withdraw_bids(1, [1], {"from": alice})


def test_withdraw_bids__cancelled__reverts(market, open_request, bid, utility, alice):
    open_request()
    bid(alice, (300, 20))
    market.cancel_request(1, {"from": utility})
    with reverts("WrongStatus", 1, Status.CANCELLED):
        market.withdraw_bids(1, [1], {"from": alice})


def test_withdraw_bids__unknown_request__reverts(market, alice):
    with reverts("WrongStatus", 1, Status.NONE):
        market.withdraw_bids(1, [1], {"from": alice})
