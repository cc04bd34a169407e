import pytest
from brownie import reverts as reverts_somehow

from tests.contract.helpers import (
    IMPOSSIBLE_IDS,
    MAX_BID_ID,
    MAX_BID_WH,
    MAX_LEVEL_WH,
    PRICE_LEVELS,
    REDUCTION_WH,
    Access,
    Status,
    calldata,
    logs,
    reverts,
    set_bits,
    set_next_time,
)


def offers(market, request_id=1):
    return [(bid["energy_wh"], bid["price_level"]) for bid in market.get_bids(request_id, 0, 999)]


def test_submit_bids__one_bid__is_booked(market, open_request, bid, alice):
    open_request()
    bid(alice, (300, 20))
    assert market.get_bids(1, 0, 9) == [(1, alice, 300, 20)]
    assert market.get_request(1)["bid_count"] == 1


def test_submit_bids__several_bids__are_logged_as_they_were_sent(market, open_request, bid, alice):
    open_request()
    tx = bid(alice, (300, 20), (REDUCTION_WH + 1, 1000))
    fields = {
        "request_id": 1,
        "consumer": alice,
        "first_bid_id": 1,
        "bids": ((300, 20), (REDUCTION_WH + 1, 1000)),
    }
    assert logs(tx) == [("BidsSubmitted", fields)]


def test_submit_bids__several_consumers__numbers_bids_in_the_order_of_arrival(
    market, open_request, bid, alice, bob
):
    open_request()
    assert bid(alice, (10, 5), (10, 4)).return_value == 1
    assert bid(bob, (10, 3)).return_value == 3
    assert bid(alice, (10, 2)).return_value == 4
    assert [entry["consumer"] for entry in market.get_bids(1, 0, 9)] == [alice, alice, bob, alice]


def test_submit_bids__answer__is_the_first_number_and_nothing_behind_it(
    market, open_request, bid, alice, web3
):
    open_request()
    bid(alice, (10, 5), (10, 4))
    data = calldata(market.submit_bids, 1, [(10, 3), (10, 2)])
    answer = web3.eth.call({"from": str(alice), "to": market.address, "data": data})
    assert bytes(answer) == (3).to_bytes(32, "big")


def test_submit_bids__more_than_the_reduction__counts_as_the_reduction(
    market, open_request, bid, alice
):
    open_request()
    bid(alice, (REDUCTION_WH, 1), (REDUCTION_WH + 1, 2), (MAX_BID_WH, 3))
    assert offers(market) == [(REDUCTION_WH, 1), (REDUCTION_WH, 2), (REDUCTION_WH, 3)]
    assert market.get_quote(1)["offered_wh"] == 3 * REDUCTION_WH


def test_submit_bids__less_than_the_reduction__counts_as_it_is(market, open_request, bid, alice):
    open_request(reduction_wh=2**34, price_step_wei=1)
    bid(alice, (MAX_BID_WH, 1), (1, 2))
    assert offers(market) == [(MAX_BID_WH, 1), (1, 2)]


def test_submit_bids__exactly_the_minimum__is_taken(market, open_request, bid, alice):
    open_request(minimum_bid_wh=50)
    bid(alice, (50, 1))
    assert offers(market) == [(50, 1)]


def test_submit_bids__below_the_minimum__reverts(open_request, bid, alice):
    open_request(minimum_bid_wh=50)
    with reverts("BidTooSmall", 49, 50):
        bid(alice, (49, 1))


def test_submit_bids__no_energy__reverts(open_request, bid, alice):
    open_request()
    with reverts("BidTooSmall", 0, 0):
        bid(alice, (0, 1))


def calldata_of(market, energy_wh):
    """Return what submits a bid at level 7, also of more energy than an encoder would take."""
    data = calldata(market.submit_bids, 1, [(MAX_BID_WH, 7)])
    place = data.index(f"{MAX_BID_WH:064x}")
    return data[:place] + f"{energy_wh:064x}" + data[place + 64 :]


@pytest.mark.parametrize("energy_wh", [2**32, 2**255, 2**256 - 1])
def test_submit_bids__more_than_a_bid_can_say__reverts(market, open_request, alice, energy_wh):
    open_request()
    with reverts("SafeCastOverflowedUintDowncast", 32, energy_wh):
        alice.transfer(market, 0, data=calldata_of(market, energy_wh))


@pytest.mark.parametrize("energy_wh", [2**31, 2**32, 2**34])
def test_submit_bids__more_than_a_level_holds_but_not_than_wanted__reverts(
    market, open_request, alice, energy_wh
):
    open_request(reduction_wh=2**34, price_step_wei=1)
    with reverts("LevelFull", 7):
        alice.transfer(market, 0, data=calldata_of(market, energy_wh))


@pytest.mark.parametrize("level", [1, PRICE_LEVELS])
def test_submit_bids__first_and_last_level__are_taken(market, open_request, bid, alice, level):
    open_request()
    bid(alice, (10, level))
    assert offers(market) == [(10, level)]
    assert market.get_quote(1)["clearing_level"] == level


@pytest.mark.parametrize("level", [0, PRICE_LEVELS + 1, 2**16 - 1])
def test_submit_bids__level_outside_the_grid__reverts(open_request, bid, alice, level):
    open_request()
    with reverts("PriceLevelOutOfRange", level, PRICE_LEVELS):
        bid(alice, (10, level))


def test_submit_bids__no_bids__reverts(open_request, bid, alice):
    open_request()
    with reverts("NoBids"):
        bid(alice)


@pytest.mark.parametrize("bad", [(0, 1), (10, 0), (10, PRICE_LEVELS + 1)])
def test_submit_bids__one_of_several_is_bad__takes_none(market, open_request, bid, alice, bad):
    open_request()
    with reverts_somehow():
        bid(alice, (10, 1), bad, (10, 2))
    assert market.get_request(1)["bid_count"] == 0
    assert market.get_quote(1) == (0, 0, 0, 0)


def test_submit_bids__last_second_before_gate_closure__is_taken(market, open_request, bid, alice):
    open_request()
    set_next_time(market.get_request(1)["gate_closure"] - 1)
    bid(alice, (10, 1))
    assert offers(market) == [(10, 1)]


@pytest.mark.parametrize("late_s", [0, 1])
def test_submit_bids__from_gate_closure_on__reverts(market, open_request, bid, alice, late_s):
    open_request()
    gate_closure = market.get_request(1)["gate_closure"]
    set_next_time(gate_closure + late_s)
    with reverts("GateClosed", gate_closure, gate_closure + late_s):
        bid(alice, (10, 1))


@pytest.mark.parametrize("request_id", [0, 2, 17, *IMPOSSIBLE_IDS])
def test_submit_bids__unknown_request__reverts(open_request, bid, alice, request_id):
    open_request()
    with reverts("WrongStatus", request_id, Status.NONE):
        bid(alice, (10, 1), request_id=request_id)


def test_submit_bids__cancelled_request__reverts(market, open_request, bid, utility, alice):
    open_request()
    market.cancel_request(1, {"from": utility})
    with reverts("WrongStatus", 1, Status.CANCELLED):
        bid(alice, (10, 1))


def test_submit_bids__cleared_request__reverts(open_request, bid, select_winners, alice):
    open_request()
    bid(alice, (10, 1))
    select_winners()
    with reverts("WrongStatus", 1, Status.CLEARED):
        bid(alice, (10, 1))


def test_submit_bids__settled_request__reverts(open_request, bid, select_winners, alice):
    open_request()
    select_winners()
    with reverts("WrongStatus", 1, Status.SETTLED):
        bid(alice, (10, 1))


@pytest.mark.parametrize("access", [Access.REGISTERED, Access.APPROVED])
def test_submit_bids__stranger_where_access_is_limited__reverts(
    market, open_request, bid, utility, stranger, access
):
    market.set_access(access, {"from": utility})
    open_request()
    with reverts("NotAllowed", stranger):
        bid(stranger, (10, 1))


@pytest.mark.parametrize(
    ("access", "taken"), [(Access.OPEN, 1), (Access.REGISTERED, 1), (Access.APPROVED, 0)]
)
def test_submit_bids__registered_consumer__is_taken_as_access_allows(
    market, open_request, bid, utility, alice, access, taken
):
    market.register({"from": alice})
    market.set_access(access, {"from": utility})
    open_request()
    if taken:
        bid(alice, (10, 1))
    else:
        with reverts("NotAllowed", alice):
            bid(alice, (10, 1))
    assert market.get_request(1)["bid_count"] == taken


@pytest.mark.parametrize("access", Access)
def test_submit_bids__approved_consumer__is_taken_whatever_the_access(
    market, open_request, bid, utility, alice, access
):
    market.approve([alice], {"from": utility})
    market.set_access(access, {"from": utility})
    open_request()
    bid(alice, (10, 1))
    assert market.get_request(1)["bid_count"] == 1


def test_submit_bids__revoked_consumer_where_access_is_open__is_taken(
    market, open_request, bid, utility, alice
):
    market.revoke([alice], {"from": utility})
    open_request()
    bid(alice, (10, 1))
    assert market.get_request(1)["bid_count"] == 1


def test_submit_bids__level_at_its_limit__takes_the_last_wh_and_no_more(
    market, open_request, bid, alice
):
    open_request(reduction_wh=MAX_LEVEL_WH, price_step_wei=1)
    bid(alice, (MAX_LEVEL_WH - 15, 7), (15, 7))
    assert market.get_quote(1)["offered_wh"] == MAX_LEVEL_WH
    with reverts("LevelFull", 7):
        bid(alice, (1, 7))


def test_submit_bids__one_level_is_full__takes_bids_at_its_neighbours(
    market, open_request, bid, alice
):
    open_request(reduction_wh=MAX_LEVEL_WH, price_step_wei=1)
    bid(alice, (MAX_LEVEL_WH - 15, 7), (15, 7))
    bid(alice, (5, 6), (6, 8))
    with reverts("LevelFull", 7):
        bid(alice, (8, 9), (1, 7))
    assert market.get_quote(1)["offered_wh"] == MAX_LEVEL_WH + 11


def test_submit_bids__level_is_full__has_room_after_a_withdrawal(market, open_request, bid, alice):
    open_request(reduction_wh=MAX_LEVEL_WH, price_step_wei=1)
    bid(alice, (MAX_LEVEL_WH - 15, 7), (15, 7))
    market.withdraw_bids(1, [2], {"from": alice})
    bid(alice, (15, 7))
    with reverts("LevelFull", 7):
        bid(alice, (1, 7))


@pytest.fixture
def nearly_full_book(market, open_request, web3):
    """Request 1 with a bid count two below the highest possible."""
    open_request()
    first_request_slot, slots_a_request = 3, 4
    set_bits(market, first_request_slot + slots_a_request, 232, 24, MAX_BID_ID - 2)
    assert market.get_request(1)["bid_count"] == MAX_BID_ID - 2
    assert market.get_request(1)["price_step_wei"] == 10**9
    assert market.get_request(1)["status"] == Status.BIDDING


def test_submit_bids__last_two_numbers__are_given_out(market, nearly_full_book, bid, alice):
    bid(alice, (300, 20), (500, 10))
    assert market.get_request(1)["bid_count"] == MAX_BID_ID
    assert market.get_bids(1, MAX_BID_ID - 2, 9) == [
        (MAX_BID_ID - 1, alice, 300, 20),
        (MAX_BID_ID, alice, 500, 10),
    ]


def test_submit_bids__one_more_than_there_are_numbers__reverts(
    market, nearly_full_book, bid, alice
):
    with reverts("BookFull", MAX_BID_ID):
        bid(alice, (10, 1), (10, 1), (10, 1))
    bid(alice, (10, 1), (10, 1))
    with reverts("BookFull", MAX_BID_ID):
        bid(alice, (10, 1))


def test_submit_bids__highest_numbers__are_paid(market, nearly_full_book, bid, settle, alice, bob):
    bid(alice, (300, 20))
    bid(bob, (300, 20))
    tx = settle()
    assert [event["bid_id"] for event in tx.events["WinnerPaid"]] == [MAX_BID_ID, MAX_BID_ID - 1]
    assert market.get_request(1)["status"] == Status.SETTLED
