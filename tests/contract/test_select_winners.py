import pytest

from market.clearing import Pricing
from tests.contract.helpers import (
    MAX_LEVEL_WH,
    MAX_REDUCTION_WH,
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


def won(market, request_id=1):
    """Return what each winning bid sells (Wh)."""
    return {
        winner["bid_id"]: winner["energy_wh"] for winner in market.get_winners(request_id, 0, 9999)
    }


def test_select_winners__marginal_bid__is_accepted_in_part(
    market, open_request, bid, select_winners, alice, bob
):
    open_request()
    bid(alice, (300, 20), (500, 10))
    bid(bob, (400, 20))
    select_winners()
    assert won(market) == {2: 500, 1: 300, 3: 200}


def test_select_winners__uniform__all_energy_costs_the_clearing_price(
    open_request, bid, select_winners, alice
):
    open_request()
    bid(alice, (500, 10), (300, 20), (400, 30))
    cost_wei = 1000 * 30 * STEP_WEI
    fields = {
        "request_id": 1,
        "clearing_level": 30,
        "energy_wh": 1000,
        "cost_wei": cost_wei,
        "refund_wei": ESCROW_WEI - cost_wei,
    }
    assert logs(select_winners()) == [("WinnersSelected", fields)]


def test_select_winners__pay_as_bid__each_costs_its_own_price(
    open_request, bid, select_winners, alice
):
    open_request(pricing=Pricing.PAY_AS_BID)
    bid(alice, (500, 10), (300, 20), (400, 30))
    cost_wei = (500 * 10 + 300 * 20 + 200 * 30) * STEP_WEI
    fields = {
        "request_id": 1,
        "clearing_level": 30,
        "energy_wh": 1000,
        "cost_wei": cost_wei,
        "refund_wei": ESCROW_WEI - cost_wei,
    }
    assert logs(select_winners()) == [("WinnersSelected", fields)]


def test_select_winners__outcome__is_in_the_request(
    market, open_request, bid, select_winners, alice
):
    open_request()
    bid(alice, (300, 20))
    before = market.get_request(1).dict()
    select_winners()
    cost_wei = 300 * 20 * STEP_WEI
    assert market.get_request(1).dict() == {
        **before,
        "status": Status.CLEARED,
        "clearing_level": 20,
        "energy_wh": 300,
        "cost_wei": cost_wei,
        "refunded_wei": ESCROW_WEI - cost_wei,
    }


def test_select_winners__rest_of_the_escrow__goes_to_the_utility(
    market, open_request, bid, select_winners, utility, alice
):
    before_wei = utility.balance()
    open_request()
    bid(alice, (300, 20))
    select_winners()
    assert utility.balance() == before_wei - 300 * 20 * STEP_WEI
    assert market.balance() == 300 * 20 * STEP_WEI


def test_select_winners__whole_escrow_needed__refunds_nothing(
    market, open_request, bid, select_winners, alice
):
    open_request()
    bid(alice, (REDUCTION_WH, PRICE_LEVELS))
    tx = select_winners()
    assert tx.events["WinnersSelected"]["refund_wei"] == 0
    assert market.get_request(1)["refunded_wei"] == 0
    assert market.balance() == ESCROW_WEI


def test_select_winners__no_bids__settles_at_once_and_refunds_all(
    market, open_request, select_winners, utility
):
    before_wei = utility.balance()
    open_request()
    nothing = {"clearing_level": 0, "energy_wh": 0, "cost_wei": 0, "refund_wei": ESCROW_WEI}
    assert logs(select_winners()) == [
        ("WinnersSelected", {"request_id": 1, **nothing}),
        ("RequestSettled", {"request_id": 1, "paid_wei": 0, "deferred_wei": 0}),
    ]
    assert market.get_request(1)["status"] == Status.SETTLED
    assert utility.balance() == before_wei


def test_select_winners__too_few_bids__buys_all_at_the_highest_level(
    market, open_request, bid, select_winners, alice
):
    open_request()
    bid(alice, (300, 20), (100, 700), (200, 10))
    select_winners()
    assert won(market) == {1: 300, 2: 100, 3: 200}
    assert market.get_quote(1) == (700, 600, 600 * 700 * STEP_WEI, 600)


def test_select_winners__exact_fit__leaves_dearer_bids_out(
    market, open_request, bid, select_winners, alice
):
    open_request()
    bid(alice, (600, 20), (400, 30), (1, 31))
    select_winners()
    assert won(market) == {1: 600, 2: 400}
    assert market.get_request(1)["clearing_level"] == 30


def test_select_winners__one_wh_missing__takes_it_from_the_next_level(
    market, open_request, bid, select_winners, alice
):
    open_request()
    bid(alice, (600, 20), (399, 30), (500, 1000))
    select_winners()
    assert won(market) == {1: 600, 2: 399, 3: 1}
    assert market.get_request(1)["cost_wei"] == 1000 * 1000 * STEP_WEI


def test_select_winners__one_wh_too_many__cuts_the_last_bid(
    market, open_request, bid, select_winners, alice
):
    open_request()
    bid(alice, (600, 20), (401, 30))
    select_winners()
    assert won(market) == {1: 600, 2: 400}


def test_select_winners__same_level__earlier_bids_come_first(
    market, open_request, bid, select_winners, alice, bob, carol
):
    open_request()
    for person in (alice, bob, carol):
        bid(person, (400, 20))
    select_winners()
    assert won(market) == {1: 400, 2: 400, 3: 200}


def test_select_winners__same_level_and_transaction__earlier_bids_come_first(
    market, open_request, bid, select_winners, alice
):
    open_request()
    bid(alice, (400, 20), (700, 20), (400, 20))
    select_winners()
    assert won(market) == {1: 400, 2: 600}


@pytest.mark.parametrize(
    ("withdrawn", "expected"),
    [(1, {2: 400, 3: 400, 4: 200}), (2, {1: 400, 3: 400, 4: 200}), (4, {1: 400, 2: 400, 3: 200})],
)
def test_select_winners__withdrawn_in_the_marginal_level__the_others_move_up(
    market, open_request, bid, select_winners, alice, withdrawn, expected
):
    open_request()
    bid(alice, *[(400, 20)] * 4)
    market.withdraw_bids(1, [withdrawn], {"from": alice})
    select_winners()
    assert won(market) == expected


def test_select_winners__new_bid_after_a_withdrawal__queues_at_the_end(
    market, open_request, bid, select_winners, alice, bob
):
    open_request()
    bid(alice, (600, 20))
    bid(bob, (600, 20))
    market.withdraw_bids(1, [1], {"from": alice})
    bid(alice, (600, 20))
    select_winners()
    assert won(market) == {2: 600, 3: 400}


def test_select_winners__dearer_bids_beside_the_clearing_level__win_nothing(
    market, open_request, bid, select_winners, alice
):
    open_request()
    bid(alice, (100, 24), (400, 21), (100, 22), (600, 20), (100, 23), (400, 21), (100, 19))
    select_winners()
    assert won(market) == {7: 100, 4: 600, 2: 300}
    assert market.get_request(1)["clearing_level"] == 21


def test_select_winners__withdrawn_level__sets_no_price(
    market, open_request, bid, select_winners, alice
):
    open_request()
    bid(alice, (100, 5), (100, 6), (100, 7), (100, 8), (100, 900))
    market.withdraw_bids(1, [1, 3, 5], {"from": alice})
    select_winners()
    assert won(market) == {2: 100, 4: 100}
    assert market.get_request(1)["clearing_level"] == 8


@pytest.mark.parametrize(
    "levels",
    [(1, 2), (1, 6), (6, 7), (36, 37), (72, 73), (996, 997), (999, 1000), (37, 1000), (1, 1000)],
)
@pytest.mark.parametrize("pricing", Pricing)
def test_select_winners__levels_at_all_borders__are_told_apart(
    market, open_request, bid, select_winners, alice, levels, pricing
):
    cheap, dear = levels
    open_request(pricing=pricing)
    bid(alice, (700, dear), (600, cheap))
    select_winners()
    assert won(market) == {2: 600, 1: 400}
    assert market.get_request(1)["clearing_level"] == dear
    paid_levels = 1000 * dear if pricing == Pricing.UNIFORM else 600 * cheap + 400 * dear
    assert market.get_request(1)["cost_wei"] == paid_levels * STEP_WEI


@pytest.mark.parametrize("pricing", Pricing)
def test_select_winners__every_level_in_use__buys_from_each(
    market, open_request, bid, select_winners, alice, pricing
):
    open_request(reduction_wh=3 * 500_500 - 7, price_step_wei=1, pricing=pricing)
    for first in range(1, PRICE_LEVELS, 250):
        bid(alice, *[(3 * level, level) for level in range(first, first + 250)])
    select_winners()
    bought_wh = {level: 3 * level for level in range(1, PRICE_LEVELS)} | {PRICE_LEVELS: 2993}
    as_bid_wei = sum(level * energy_wh for level, energy_wh in bought_wh.items())
    uniform_wei = sum(bought_wh.values()) * PRICE_LEVELS
    cost_wei = uniform_wei if pricing == Pricing.UNIFORM else as_bid_wei
    assert won(market) == bought_wh
    assert market.get_request(1)["cost_wei"] == cost_wei


def test_select_winners__largest_request_of_full_levels__is_exact(
    market, open_request, bid, select_winners, alice
):
    open_request(reduction_wh=MAX_REDUCTION_WH, price_step_wei=1)
    levels = range(1, 42)
    bid(alice, *[(MAX_LEVEL_WH, level) for level in levels])
    full_levels, rest_wh = divmod(MAX_REDUCTION_WH, MAX_LEVEL_WH)
    clearing_level = full_levels + 1
    cost_wei = MAX_REDUCTION_WH * clearing_level
    offered_wh = len(levels) * MAX_LEVEL_WH
    assert market.get_quote(1) == (clearing_level, MAX_REDUCTION_WH, cost_wei, offered_wh)
    assert select_winners().events["WinnersSelected"]["cost_wei"] == cost_wei
    expected = dict.fromkeys(range(1, clearing_level), MAX_LEVEL_WH)
    assert won(market) == expected | {clearing_level: rest_wh}


def test_select_winners__many_bids_at_a_level__costs_no_more_gas_than_few(
    market, open_request, bid, select_winners, alice
):
    open_request()
    open_request()
    bid(alice, (1, 20), (1, 500), request_id=1)
    bid(alice, *[(1, 20), (1, 500)] * 200, request_id=2)
    few, many = select_winners(1), select_winners(2)
    assert abs(many.gas_used - few.gas_used) < 1000


def test_select_winners__every_level_in_use__costs_a_bounded_amount_of_gas(
    open_request, bid, select_winners, alice
):
    open_request(reduction_wh=2000)
    for first in range(1, PRICE_LEVELS, 250):
        bid(alice, *[(1, level) for level in range(first, first + 250)])
    assert select_winners().gas_used < 1_500_000


@pytest.mark.parametrize("early_s", [1, 2])
def test_select_winners__before_gate_closure__reverts(market, open_request, stranger, early_s):
    open_request()
    gate_closure = market.get_request(1)["gate_closure"]
    set_next_time(gate_closure - early_s)
    with reverts("GateOpen", gate_closure, gate_closure - early_s):
        market.select_winners(1, {"from": stranger})


def test_select_winners__at_gate_closure__is_taken(market, open_request, stranger):
    open_request()
    set_next_time(market.get_request(1)["gate_closure"])
    market.select_winners(1, {"from": stranger})
    assert market.get_request(1)["status"] == Status.SETTLED


def test_select_winners__twice__reverts(market, open_request, bid, select_winners, alice, stranger):
    open_request()
    bid(alice, (300, 20))
    select_winners()
    with reverts("WrongStatus", 1, Status.CLEARED):
        market.select_winners(1, {"from": stranger})


def test_select_winners__settled__reverts(market, open_request, select_winners, stranger):
    open_request()
    select_winners()
    with reverts("WrongStatus", 1, Status.SETTLED):
        market.select_winners(1, {"from": stranger})


def test_select_winners__cancelled__reverts(market, open_request, close_gate, utility, stranger):
    open_request()
    market.cancel_request(1, {"from": utility})
    close_gate()
    with reverts("WrongStatus", 1, Status.CANCELLED):
        market.select_winners(1, {"from": stranger})


@pytest.mark.parametrize("request_id", [0, 2])
def test_select_winners__unknown_request__reverts(market, open_request, stranger, request_id):
    open_request()
    with reverts("WrongStatus", request_id, Status.NONE):
        market.select_winners(request_id, {"from": stranger})


def test_select_winners__too_little_gas__changes_nothing(
    market, open_request, bid, close_gate, alice, stranger
):
    open_request()
    bid(alice, (300, 20))
    close_gate()
    with reverts_for_gas():
        market.select_winners(1, {"from": stranger, "gas_limit": PUSH_GAS + 40_000})
    assert market.get_request(1)["status"] == Status.BIDDING
    assert market.balance() == ESCROW_WEI
