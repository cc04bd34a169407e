from collections import Counter
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.clearing import Award, Bid, Clearing, Pricing, clear, merit_order, refund_wei

STEP = 7  # wei per Wh
HEAT_PUMP = Bid(1, "ann", 300, 20)
CAR = Bid(2, "bob", 500, 10)
BOILER = Bid(3, "cat", 400, 20)

pricings = st.sampled_from(Pricing)
reductions_wh = st.integers(1, 60)


@st.composite
def bid_lists(draw):
    """A few small bids with distinct ids, in any order, many of them at the same level."""
    bid_ids = draw(st.lists(st.integers(1, 50), max_size=8, unique=True))
    return [
        Bid(bid_id, draw(st.sampled_from("abc")), draw(st.integers(1, 20)), draw(st.integers(1, 4)))
        for bid_id in bid_ids
    ]


def bought_one_wh_at_a_time(bids, reduction_wh):
    """The rule again, as slowly as can be: the cheapest and earliest Wh left, until enough."""
    left = {bid: bid.energy_wh for bid in bids}
    bought = Counter()
    for _ in range(reduction_wh):
        willing = [bid for bid in left if left[bid]]
        if not willing:
            break
        best = willing[0]
        for bid in willing:
            cheaper = bid.price_level < best.price_level
            earlier = bid.price_level == best.price_level and bid.bid_id < best.bid_id
            best = bid if cheaper or earlier else best
        left[best] -= 1
        bought[best] += 1
    return bought


def accepted(clearing):
    return [(award.bid_id, award.accepted_wh) for award in clearing.awards]


def test_clear__marginal_bid__is_accepted_in_part():
    clearing = clear([HEAT_PUMP, CAR, BOILER], 1000, STEP, Pricing.UNIFORM)
    assert clearing == Clearing(
        clearing_level=20,
        energy_wh=1000,
        cost_wei=140_000,
        offered_wh=1200,
        awards=(
            Award(2, "bob", 500, 20, 70_000),
            Award(1, "ann", 300, 20, 42_000),
            Award(3, "cat", 200, 20, 28_000),
        ),
    )


def test_clear__pay_as_bid__pays_each_its_own_level():
    clearing = clear([HEAT_PUMP, CAR, BOILER], 1000, STEP, Pricing.PAY_AS_BID)
    assert clearing.clearing_level == 20
    assert clearing.cost_wei == 105_000
    assert clearing.awards == (
        Award(2, "bob", 500, 10, 35_000),
        Award(1, "ann", 300, 20, 42_000),
        Award(3, "cat", 200, 20, 28_000),
    )


def test_clear__cheapest_bid_is_enough__dearer_bids_win_nothing_and_set_no_price():
    clearing = clear([HEAT_PUMP, CAR], 500, STEP, Pricing.UNIFORM)
    assert clearing.clearing_level == 10
    assert accepted(clearing) == [(2, 500)]


def test_clear__bid_above_the_reduction__counts_as_an_offer_of_the_reduction():
    clearing = clear([Bid(1, "ann", 2**32 - 1, 10), CAR], 400, STEP, Pricing.UNIFORM)
    assert accepted(clearing) == [(1, 400)]
    assert clearing.offered_wh == 800


def test_clear__too_few_bids__accepts_all_at_the_highest_level():
    clearing = clear([HEAT_PUMP, CAR], 10_000, STEP, Pricing.UNIFORM)
    assert accepted(clearing) == [(2, 500), (1, 300)]
    assert (clearing.clearing_level, clearing.energy_wh) == (20, 800)


@pytest.mark.parametrize("pricing", Pricing)
def test_clear__no_bids__buys_nothing(pricing):
    assert clear([], 1000, STEP, pricing) == Clearing(0, 0, 0, 0, ())


def test_clear__pricing_as_the_contract_numbers_it__is_understood():
    assert [(pricing.name, pricing.value) for pricing in Pricing] == [
        ("UNIFORM", 0),
        ("PAY_AS_BID", 1),
    ]
    assert clear([HEAT_PUMP, CAR], 600, STEP, 0) == clear(
        [HEAT_PUMP, CAR], 600, STEP, Pricing.UNIFORM
    )
    assert clear([HEAT_PUMP, CAR], 600, STEP, 1) == clear(
        [HEAT_PUMP, CAR], 600, STEP, Pricing.PAY_AS_BID
    )


def test_clear__largest_amounts__are_exact():
    step = 2**64 - 1
    bids = [Bid(n, "ann", 2**32 - 1, 1000) for n in range(1, 101)]
    clearing = clear(bids, 2**36 - 1, step, Pricing.UNIFORM)
    assert clearing.cost_wei == (2**36 - 1) * 1000 * step


def test_merit_order__equal_levels__puts_the_earlier_bid_first():
    assert merit_order([BOILER, HEAT_PUMP, CAR]) == [CAR, HEAT_PUMP, BOILER]


def test_refund_wei__part_of_the_escrow_spent__is_the_rest():
    clearing = clear([CAR], 1000, STEP, Pricing.UNIFORM)
    assert refund_wei(clearing, 1000, STEP) == 1000 * 1000 * STEP - 500 * 10 * STEP


@given(bid_lists(), reductions_wh, pricings)
def test_clear__any_bids__agrees_with_buying_one_wh_at_a_time(bids, reduction_wh, pricing):
    bought = bought_one_wh_at_a_time(bids, reduction_wh)
    dearest = max((bid.price_level for bid in bought), default=0)
    clearing = clear(bids, reduction_wh, STEP, pricing)
    assert clearing.clearing_level == dearest
    assert {award.bid_id: award for award in clearing.awards} == {
        bid.bid_id: Award(bid.bid_id, bid.consumer, wh, level, wh * level * STEP)
        for bid, wh in bought.items()
        for level in [dearest if pricing == Pricing.UNIFORM else bid.price_level]
    }


@given(bid_lists(), reductions_wh, pricings)
def test_clear__any_bids__buys_the_reduction_or_all_there_is(bids, reduction_wh, pricing):
    clearing = clear(bids, reduction_wh, STEP, pricing)
    offered_wh = sum(bid.energy_wh for bid in bids)
    assert clearing.energy_wh == min(reduction_wh, offered_wh)
    assert clearing.energy_wh == min(reduction_wh, clearing.offered_wh)


@given(bid_lists(), reductions_wh, pricings)
def test_clear__any_bids__winners_are_the_head_of_the_merit_order(bids, reduction_wh, pricing):
    awards = clear(bids, reduction_wh, STEP, pricing).awards
    head = merit_order(bids)[: len(awards)]
    assert [award.bid_id for award in awards] == [bid.bid_id for bid in head]
    assert all(award.accepted_wh > 0 for award in awards)
    whole = [award.accepted_wh == bid.energy_wh for award, bid in zip(awards, head, strict=True)]
    assert all(whole[:-1])


@given(bid_lists(), reductions_wh, pricings)
def test_clear__any_bids__nobody_is_paid_less_than_asked(bids, reduction_wh, pricing):
    asked = {bid.bid_id: bid.price_level for bid in bids}
    for award in clear(bids, reduction_wh, STEP, pricing).awards:
        assert award.payment_wei >= award.accepted_wh * asked[award.bid_id] * STEP


@given(bid_lists(), reductions_wh, pricings)
def test_clear__any_bids__sums_are_exact_and_within_the_escrow(bids, reduction_wh, pricing):
    clearing = clear(bids, reduction_wh, STEP, pricing)
    assert clearing.cost_wei == sum(award.payment_wei for award in clearing.awards)
    assert clearing.energy_wh == sum(award.accepted_wh for award in clearing.awards)
    assert refund_wei(clearing, reduction_wh, STEP) >= 0


@given(bid_lists(), reductions_wh)
def test_clear__uniform__costs_all_energy_at_the_clearing_price(bids, reduction_wh):
    clearing = clear(bids, reduction_wh, STEP, Pricing.UNIFORM)
    assert clearing.cost_wei == clearing.energy_wh * clearing.clearing_level * STEP


@given(bid_lists(), reductions_wh)
def test_clear__pay_as_bid__never_costs_more_than_uniform(bids, reduction_wh):
    uniform = clear(bids, reduction_wh, STEP, Pricing.UNIFORM)
    pay_as_bid = clear(bids, reduction_wh, STEP, Pricing.PAY_AS_BID)
    assert accepted(pay_as_bid) == accepted(uniform)
    assert pay_as_bid.cost_wei <= uniform.cost_wei


@given(bid_lists().flatmap(lambda bids: st.tuples(st.just(bids), st.permutations(bids))))
def test_clear__bids_in_another_order__gives_the_same_result(orders):
    first, second = orders
    assert clear(first, 30, STEP, Pricing.UNIFORM) == clear(second, 30, STEP, Pricing.UNIFORM)


def test_clear__ten_thousand_bids__takes_less_than_a_second():
    bids = [Bid(n, "ann", 100, 1 + n * 7919 % 1000) for n in range(1, 10_001)]
    started = perf_counter()
    clearing = clear(iter(bids), 999_950, STEP, Pricing.UNIFORM)
    assert perf_counter() - started < 1
    assert len(clearing.awards) == 10_000
