import pytest

from market.clearing import Pricing
from tests.contract.driver import Driver
from tests.contract.helpers import MAX_SKIPS, PRICE_LEVELS, STEP_WEI, Status, logs, reverts

ALL = 2**256 - 1


@pytest.fixture
def three_winners(open_request, bid, select_winners, alice, bob, carol):
    """Request 1, cleared: alice sells 500 Wh, bob 300 Wh and carol 200 of her 400 Wh."""
    open_request()
    bid(alice, (500, 10))
    bid(bob, (300, 20))
    bid(carol, (400, 20))
    select_winners()


def paid(consumer, bid_id, energy_wh, amount_wei, request_id=1):
    fields = {
        "request_id": request_id,
        "consumer": consumer,
        "bid_id": bid_id,
        "energy_wh": energy_wh,
        "amount_wei": amount_wei,
    }
    return ("WinnerPaid", fields)


def settled(paid_wei, request_id=1):
    return ("RequestSettled", {"request_id": request_id, "paid_wei": paid_wei, "deferred_wei": 0})


def test_pay_winners__all_at_once__pays_cheap_levels_first_and_the_newest_bid_first(
    market, three_winners, alice, bob, carol, stranger
):
    tx = market.pay_winners(1, ALL, {"from": stranger})
    assert logs(tx) == [
        paid(alice, 1, 500, 10_000 * STEP_WEI),
        paid(carol, 3, 200, 4_000 * STEP_WEI),
        paid(bob, 2, 300, 6_000 * STEP_WEI),
        settled(20_000 * STEP_WEI),
    ]


def test_pay_winners__pay_as_bid__pays_each_its_own_price(
    market, open_request, bid, select_winners, alice, bob, stranger
):
    open_request(pricing=Pricing.PAY_AS_BID)
    bid(alice, (500, 10))
    bid(bob, (900, 20))
    select_winners()
    assert logs(market.pay_winners(1, ALL, {"from": stranger})) == [
        paid(alice, 1, 500, 5_000 * STEP_WEI),
        paid(bob, 2, 500, 10_000 * STEP_WEI),
        settled(15_000 * STEP_WEI),
    ]


def test_pay_winners__money__arrives_to_the_wei(
    market, three_winners, utility, alice, bob, carol, stranger
):
    people = (alice, bob, carol, utility, stranger)
    before_wei = [person.balance() for person in people]
    market.pay_winners(1, ALL, {"from": stranger})
    earned_wei = [person.balance() - was for person, was in zip(people, before_wei, strict=True)]
    assert earned_wei == [10_000 * STEP_WEI, 6_000 * STEP_WEI, 4_000 * STEP_WEI, 0, 0]
    assert market.balance() == 0


def test_pay_winners__settled__is_in_the_request(market, three_winners, stranger):
    before = market.get_request(1).dict()
    market.pay_winners(1, ALL, {"from": stranger})
    changes = {"status": Status.SETTLED, "paid_wei": 20_000 * STEP_WEI}
    assert market.get_request(1).dict() == {**before, **changes}


def test_pay_winners__one_at_a_time__counts_down_exactly_and_settles_once(
    market, three_winners, stranger
):
    transactions = [market.pay_winners(1, 1, {"from": stranger}) for _ in range(3)]
    assert [tx.return_value for tx in transactions] == [2, 1, 0]
    assert [[name for name, _ in logs(tx)] for tx in transactions] == [
        ["WinnerPaid"],
        ["WinnerPaid"],
        ["WinnerPaid", "RequestSettled"],
    ]


def test_pay_winners__between_batches__request_tells_what_was_paid(market, three_winners, stranger):
    market.pay_winners(1, 2, {"from": stranger})
    request = market.get_request(1)
    assert request["status"] == Status.CLEARED
    assert request["paid_wei"] == 14_000 * STEP_WEI
    assert market.balance() == request["cost_wei"] - request["paid_wei"] == 6_000 * STEP_WEI


@pytest.mark.parametrize("batch", [1, 2, 3, 4, 7, 24, 25, 1000])
def test_pay_winners__any_batch_size__pays_the_same_winners_in_the_same_order(
    market, open_request, bid, select_winners, alice, bob, stranger, batch
):
    open_request()
    for level in (20, 21, 22, 60, 19):
        bid(alice, (30, level), (40, level))
        bid(bob, (50, level), (60, level), (70, level))
    select_winners()
    expected = [tuple(winner) for winner in market.get_winners(1, 0, 999)]
    got = []
    while market.get_request(1)["status"] == Status.CLEARED:
        tx = market.pay_winners(1, batch, {"from": stranger})
        assert len(tx.events["WinnerPaid"]) <= batch
        got += [
            (event["bid_id"], event["consumer"], event["energy_wh"], event["amount_wei"])
            for event in tx.events["WinnerPaid"]
        ]
    assert got == expected
    assert sum(energy_wh for _, _, energy_wh, _ in got) == 1000


def test_pay_winners__bid_at_every_level__pays_each_its_own_price(
    market, open_request, close_gate, utility, alice
):
    """What is wrong with a single level can only be seen there."""
    driver = Driver(market)
    open_request(pricing=Pricing.PAY_AS_BID)
    for begin in range(1, PRICE_LEVELS, 250):
        driver.transact(alice, "submit_bids", 1, [(1, begin + i) for i in range(250)])
    close_gate()
    driver.transact(utility, "select_winners", 1)
    events = [event for _ in range(4) for event in driver.transact(alice, "pay_winners", 1, 250)]
    got = {fields["bid_id"]: fields["amount_wei"] for _, fields in events[:PRICE_LEVELS]}
    assert got == {level: level * STEP_WEI for level in range(1, PRICE_LEVELS + 1)}
    assert events[PRICE_LEVELS:] == [settled(sum(got.values()))]


def test_pay_winners__none__pays_none_and_tells_how_many_are_left(market, three_winners, stranger):
    tx = market.pay_winners(1, 0, {"from": stranger})
    assert tx.return_value == 3
    assert logs(tx) == []
    assert market.get_request(1)["status"] == Status.CLEARED


def test_pay_winners__losers_at_the_clearing_level__are_passed_over(
    market, open_request, bid, select_winners, alice, bob, stranger
):
    open_request()
    bid(alice, (1000, 20))
    bid(bob, (10, 20), (10, 20), (10, 20))
    select_winners()
    tx = market.pay_winners(1, 1, {"from": stranger})
    assert logs(tx) == [
        paid(alice, 1, 1000, 20_000 * STEP_WEI),
        settled(20_000 * STEP_WEI),
    ]


def test_pay_winners__losers_at_dearer_levels__are_passed_over(
    market, open_request, bid, select_winners, alice, bob, stranger
):
    open_request()
    for level in range(1, 13):
        bid(bob, (10, level + 1))
        bid(alice, (100, level))
    select_winners()
    winners = market.get_winners(1, 0, 99)
    tx = market.pay_winners(1, 99, {"from": stranger})
    paid_ids = [event["bid_id"] for event in tx.events["WinnerPaid"]]
    assert paid_ids == [winner["bid_id"] for winner in winners]
    assert sorted(paid_ids) == [*range(1, 18), 18, 20]
    assert market.get_request(1)["paid_wei"] == 1000 * 10 * STEP_WEI


def test_pay_winners__withdrawn_bids__are_passed_over_and_not_counted(
    market, open_request, bid, select_winners, alice, bob, stranger
):
    open_request()
    bid(alice, *[(10, 20)] * 5)
    bid(bob, *[(10, 30)] * 5)
    market.withdraw_bids(1, [1, 3, 5], {"from": alice})
    market.withdraw_bids(1, [6, 10], {"from": bob})
    select_winners()
    left = [market.pay_winners(1, 1, {"from": stranger}).return_value for _ in range(5)]
    assert left == [4, 3, 2, 1, 0]
    assert market.get_request(1)["paid_wei"] == 50 * 30 * STEP_WEI


def test_pay_winners__losers_left__counts_at_least_one_and_at_most_the_bids_not_looked_at(
    market, open_request, bid, select_winners, alice, stranger
):
    open_request()
    bid(alice, (400, 10), (400, 20), (300, 20), (300, 20), (300, 30))
    select_winners()
    assert market.pay_winners(1, 1, {"from": stranger}).return_value in range(1, 5)
    assert market.pay_winners(1, 1, {"from": stranger}).return_value in range(1, 3)
    assert market.pay_winners(1, 1, {"from": stranger}).return_value == 0


def test_pay_winners__more_losers_than_one_call_passes_over__goes_on_in_the_next(
    market, open_request, bid, select_winners, alice, bob, stranger
):
    open_request()
    bid(alice, (999, 20), (1, 20))
    for _ in range(3):
        bid(bob, *[(1, 20)] * (MAX_SKIPS // 3 + 1))
    select_winners()
    losers = 3 * (MAX_SKIPS // 3 + 1)
    first = market.pay_winners(1, 5, {"from": stranger})
    assert logs(first) == []
    assert first.return_value == losers + 2 - MAX_SKIPS
    second = market.pay_winners(1, 5, {"from": stranger})
    assert [event["bid_id"] for event in second.events["WinnerPaid"]] == [2, 1]
    assert second.return_value == 0


def test_pay_winners__exactly_as_many_losers_as_one_call_passes_over__pays_in_the_next(
    market, open_request, bid, select_winners, alice, bob, stranger
):
    open_request()
    bid(alice, (1000, 20))
    for _ in range(4):
        bid(bob, *[(1, 20)] * (MAX_SKIPS // 4))
    select_winners()
    assert market.pay_winners(1, 1, {"from": stranger}).return_value == 1
    assert market.pay_winners(1, 1, {"from": stranger}).return_value == 0


def test_pay_winners__many_withdrawn_bids__are_passed_over_in_steps_too(
    market, open_request, bid, select_winners, alice, bob, stranger
):
    open_request()
    bid(alice, (500, 20))
    for first in range(2, 1002, 250):
        bid(bob, *[(1, 20)] * 250)
        market.withdraw_bids(1, [*range(first, first + 250)], {"from": bob})
    select_winners()
    assert market.pay_winners(1, 1, {"from": stranger}).return_value == 1
    assert market.pay_winners(1, 1, {"from": stranger}).return_value == 0
    assert market.get_request(1)["paid_wei"] == 500 * 20 * STEP_WEI


def test_pay_winners__before_selection__reverts(
    market, open_request, bid, close_gate, alice, stranger
):
    open_request()
    bid(alice, (300, 20))
    close_gate()
    with reverts("WrongStatus", 1, Status.BIDDING):
        market.pay_winners(1, ALL, {"from": stranger})


def test_pay_winners__settled__reverts(market, three_winners, stranger):
    market.pay_winners(1, ALL, {"from": stranger})
    with reverts("WrongStatus", 1, Status.SETTLED):
        market.pay_winners(1, ALL, {"from": stranger})


def test_pay_winners__cancelled__reverts(market, open_request, utility, stranger):
    open_request()
    market.cancel_request(1, {"from": utility})
    with reverts("WrongStatus", 1, Status.CANCELLED):
        market.pay_winners(1, ALL, {"from": stranger})


@pytest.mark.parametrize("request_id", [0, 2])
def test_pay_winners__unknown_request__reverts(market, open_request, stranger, request_id):
    open_request()
    with reverts("WrongStatus", request_id, Status.NONE):
        market.pay_winners(request_id, ALL, {"from": stranger})
