import pytest
from brownie import reverts as reverts_somehow

from market.clearing import Pricing
from tests.contract.helpers import (
    BIDDING_S,
    MAX_BIDDING_S,
    MAX_LEVEL_WH,
    MAX_REDUCTION_WH,
    MAX_REQUESTS,
    PRICE_LEVELS,
    REDUCTION_WH,
    STEP_WEI,
    Access,
    Status,
    logs,
    reverts,
    rpc,
    set_bits,
    set_next_time,
)

ESCROW_WEI = REDUCTION_WH * STEP_WEI * PRICE_LEVELS


@pytest.fixture
def now(chain):
    """A time that the next block will have."""
    timestamp = chain[-1].timestamp + 100
    set_next_time(timestamp)
    return timestamp


def test_request_reduction__several__counts_ids_from_one(market, request_reduction):
    assert request_reduction().return_value == 1
    assert request_reduction().return_value == 2
    assert market.request_count() == 2


def test_request_reduction__all_values__are_logged(request_reduction, now):
    tx = request_reduction(
        reduction_wh=5000,
        price_step_wei=7,
        bidding_seconds=60,
        dispatch_start=now + 60,
        dispatch_end=now + 61,
        minimum_bid_wh=50,
        pricing=Pricing.PAY_AS_BID,
    )
    fields = {
        "request_id": 1,
        "reduction_wh": 5000,
        "price_step_wei": 7,
        "gate_closure": now + 60,
        "dispatch_start": now + 60,
        "dispatch_end": now + 61,
        "minimum_bid_wh": 50,
        "pricing": Pricing.PAY_AS_BID,
    }
    assert logs(tx) == [("ReductionRequested", fields)]


def test_request_reduction__all_values__are_stored(market, request_reduction, utility, now):
    request_reduction(
        reduction_wh=5000,
        price_step_wei=7,
        bidding_seconds=60,
        dispatch_start=now + 100,
        dispatch_end=now + 200,
        minimum_bid_wh=50,
        pricing=Pricing.PAY_AS_BID,
    )
    assert market.get_request(1).dict() == {
        "status": Status.BIDDING,
        "access": Access.OPEN,
        "pricing": Pricing.PAY_AS_BID,
        "utility": utility,
        "reduction_wh": 5000,
        "price_step_wei": 7,
        "gate_closure": now + 60,
        "dispatch_start": now + 100,
        "dispatch_end": now + 200,
        "minimum_bid_wh": 50,
        "bid_count": 0,
        "clearing_level": 0,
        "energy_wh": 0,
        "escrow_wei": 5000 * 7 * 1000,
        "cost_wei": 0,
        "paid_wei": 0,
        "deferred_wei": 0,
        "refunded_wei": 0,
    }


def test_request_reduction__escrow__goes_from_the_utility_to_the_market(
    market, request_reduction, utility
):
    before_wei = utility.balance()
    request_reduction()
    assert utility.balance() == before_wei - ESCROW_WEI
    assert market.balance() == ESCROW_WEI


def test_request_reduction__access__is_the_one_in_force(market, open_request, utility):
    market.set_access(Access.APPROVED, {"from": utility})
    open_request()
    assert market.get_request(1)["access"] == Access.APPROVED


def test_request_reduction__stranger__reverts(request_reduction, stranger):
    with reverts("OwnableUnauthorizedAccount", stranger):
        request_reduction(by=stranger)


@pytest.mark.parametrize("reduction_wh", [0, MAX_REDUCTION_WH + 1])
def test_request_reduction__reduction_out_of_range__reverts(request_reduction, reduction_wh):
    with reverts("ReductionOutOfRange", reduction_wh, MAX_REDUCTION_WH):
        request_reduction(reduction_wh=reduction_wh, price_step_wei=1)


@pytest.mark.parametrize("reduction_wh", [1, MAX_REDUCTION_WH])
def test_request_reduction__smallest_and_largest_reduction__are_taken(
    market, request_reduction, reduction_wh
):
    request_reduction(reduction_wh=reduction_wh, price_step_wei=1)
    assert market.get_request(1)["reduction_wh"] == reduction_wh


def test_request_reduction__no_price_step__reverts(request_reduction):
    with reverts("PriceStepZero"):
        request_reduction(price_step_wei=0)


def test_request_reduction__largest_price_step__is_taken(market, request_reduction, utility):
    rpc("anvil_setBalance", utility.address, hex(2**80))
    request_reduction(reduction_wh=1, price_step_wei=2**64 - 1)
    assert market.get_request(1)["price_step_wei"] == 2**64 - 1
    assert market.get_request(1)["escrow_wei"] == market.balance() == (2**64 - 1) * 1000


@pytest.mark.parametrize("bidding_seconds", [0, MAX_BIDDING_S + 1, 2**40 - 1])
def test_request_reduction__bidding_time_out_of_range__reverts(request_reduction, bidding_seconds):
    with reverts("BiddingTimeOutOfRange", bidding_seconds, MAX_BIDDING_S):
        request_reduction(bidding_seconds=bidding_seconds)


@pytest.mark.parametrize("bidding_seconds", [1, MAX_BIDDING_S])
def test_request_reduction__shortest_and_longest_bidding_time__end_to_the_second(
    market, request_reduction, now, bidding_seconds
):
    request_reduction(bidding_seconds=bidding_seconds)
    assert market.get_request(1)["gate_closure"] == now + bidding_seconds


@pytest.mark.parametrize(
    ("start_s", "end_s"),
    [(BIDDING_S - 1, BIDDING_S + 9), (BIDDING_S, BIDDING_S), (BIDDING_S + 9, BIDDING_S + 8)],
    ids=["before gate closure", "empty", "backwards"],
)
def test_request_reduction__impossible_window__reverts(request_reduction, now, start_s, end_s):
    with reverts("DispatchWindowInvalid", now + start_s, now + end_s, now + BIDDING_S):
        request_reduction(dispatch_start=now + start_s, dispatch_end=now + end_s)


def test_request_reduction__only_the_start_of_a_window__reverts(request_reduction, now):
    with reverts("DispatchWindowInvalid", now + BIDDING_S, 0, now + BIDDING_S):
        request_reduction(dispatch_start=now + BIDDING_S)


def test_request_reduction__only_the_end_of_a_window__reverts(request_reduction, now):
    with reverts("DispatchWindowInvalid", 0, now + BIDDING_S, now + BIDDING_S):
        request_reduction(dispatch_end=now + BIDDING_S)


def test_request_reduction__minimum_bid_above_the_reduction__reverts(request_reduction):
    with reverts("MinimumBidTooLarge", REDUCTION_WH + 1, REDUCTION_WH):
        request_reduction(minimum_bid_wh=REDUCTION_WH + 1)


def test_request_reduction__minimum_bid_above_what_a_level_holds__reverts(request_reduction):
    terms = {"reduction_wh": 2**32 - 1, "price_step_wei": 1}
    with reverts("MinimumBidTooLarge", MAX_LEVEL_WH + 1, MAX_LEVEL_WH):
        request_reduction(**terms, minimum_bid_wh=MAX_LEVEL_WH + 1)
    request_reduction(**terms, minimum_bid_wh=MAX_LEVEL_WH)


def test_request_reduction__minimum_bid_equal_to_the_reduction__is_taken(market, request_reduction):
    request_reduction(minimum_bid_wh=REDUCTION_WH)
    assert market.get_request(1)["minimum_bid_wh"] == REDUCTION_WH


@pytest.mark.parametrize("sent_wei", [0, ESCROW_WEI - 1, ESCROW_WEI + 1])
def test_request_reduction__not_the_escrow__reverts(request_reduction, sent_wei):
    with reverts("WrongEscrow", sent_wei, ESCROW_WEI):
        request_reduction(value=sent_wei)


def test_request_reduction__unknown_pricing__reverts(request_reduction):
    with reverts_somehow():
        request_reduction(pricing=2)


def test_request_reduction__reverted__uses_up_no_id(market, request_reduction):
    with reverts("PriceStepZero"):
        request_reduction(price_step_wei=0)
    assert market.request_count() == 0
    assert request_reduction().return_value == 1


def test_request_reduction__last_request_of_all__is_served_and_no_more(
    market, request_reduction, bid, settle, alice
):
    request_count_slot = 2
    set_bits(market, request_count_slot, 0, 256, MAX_REQUESTS - 1)
    assert request_reduction().return_value == MAX_REQUESTS
    bid(alice, (300, 20), request_id=MAX_REQUESTS)
    settle(MAX_REQUESTS)
    assert market.get_request(MAX_REQUESTS)["paid_wei"] == 300 * 20 * STEP_WEI
    with reverts("RequestsExhausted", MAX_REQUESTS):
        request_reduction()
