from types import SimpleNamespace

from market.clearing import Bid
from market.supply import Step, supply_of

ME, OTHER = "0xme", "0xother"
REQUEST = SimpleNamespace(reduction_wh=5000, price_step_wei=10, maximum_price_wei_per_wh=10_000)


def test_supply_of__no_bids__is_empty():
    supply = supply_of([], REQUEST, ME)
    assert (supply.steps, supply.offered_wh) == ((), 0)


def test_supply_of__request__is_what_the_bids_are_held_against():
    supply = supply_of([], REQUEST, ME)
    assert (supply.reduction_wh, supply.maximum_price_wei_per_wh) == (5000, 10_000)


def test_supply_of__bids__is_the_merit_order_with_mine_told_apart():
    bids = [Bid(1, OTHER, 1000, 300), Bid(2, ME, 500, 200), Bid(3, OTHER, 700, 200)]
    supply = supply_of(bids, REQUEST, ME)
    assert supply.steps == (
        Step(0, 500, 2000, True, 1),
        Step(500, 1200, 2000, False, 1),
        Step(1200, 2200, 3000, False, 1),
    )


def test_supply_of__neighbours_of_the_same_kind__are_one_step():
    bids = [Bid(n, OTHER, 100, 7) for n in range(1, 201)]
    assert supply_of(bids, REQUEST, ME).steps == (Step(0, 20_000, 70, False, 200),)


def test_supply_of__bid_above_the_reduction__counts_with_the_reduction():
    assert supply_of([Bid(1, ME, 9000, 7)], REQUEST, ME).offered_wh == 5000
