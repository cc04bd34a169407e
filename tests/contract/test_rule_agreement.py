"""The contract and market/clearing.py come to the same result, to the Wh and the wei.

The rounds run on one market, so that each finds in its book what earlier rounds left there.
"""

from dataclasses import dataclass
from itertools import chain, zip_longest

import pytest
from hypothesis import example, settings
from hypothesis import strategies as st

# Not brownie.test.given, which would put the chain back before every example.
from hypothesis.core import given

from market.clearing import Bid, Pricing, clear, merit_order, refund_wei
from market.units import escrow_wei
from tests.contract.driver import Driver, balances_wei
from tests.contract.helpers import (
    MAX_LEVEL_WH,
    MAX_REDUCTION_WH,
    PRICE_LEVELS,
    Access,
    Status,
    payment_order,
    rpc,
    set_next_time,
)

PEOPLE = 6
BIDDING_S = 60


@dataclass(frozen=True)
class Round:
    """One request and what is bid for it: (person, bids) for every transaction."""

    reduction_wh: int
    transactions: tuple
    pricing: Pricing = Pricing.UNIFORM
    price_step_wei: int = 1
    minimum_bid_wh: int = 0
    withdrawn_at_once: frozenset = frozenset()
    withdrawn_late: frozenset = frozenset()
    batch: int = 1000

    def bids(self):
        """Return all bids, withdrawn ones included."""
        flat = [(person, bid) for person, bids in self.transactions for bid in bids]
        return [Bid(n, person, *bid) for n, (person, bid) in enumerate(flat, start=1)]

    def standing(self):
        """Return the bids that nobody withdrew."""
        gone = self.withdrawn_at_once | self.withdrawn_late
        return [bid for bid in self.bids() if bid.bid_id not in gone]


LEVELS = (
    st.just(500),
    st.integers(1, 4),
    st.sampled_from([1, 4, 5, 32, 33, 999, PRICE_LEVELS]),
    st.integers(1, PRICE_LEVELS),
)
MOST_TRANSACTIONS, MOST_BIDS_IN_ONE = 7, 6
LARGE_WH = MAX_LEVEL_WH // (MOST_TRANSACTIONS * MOST_BIDS_IN_ONE)
"""The most that fits if all bids of a round are at one level."""
ENERGIES_WH = (st.just(10), st.integers(1, 20), st.integers(1, 5000), st.integers(1, LARGE_WH))


@st.composite
def rounds(draw):
    levels, energies_wh = draw(st.sampled_from(LEVELS)), draw(st.sampled_from(ENERGIES_WH))
    bid_lists = st.lists(st.tuples(energies_wh, levels), min_size=1, max_size=MOST_BIDS_IN_ONE)
    people = st.integers(1, PEOPLE)
    transactions = tuple(draw(st.lists(st.tuples(people, bid_lists), max_size=MOST_TRANSACTIONS)))
    bid_ids = range(1, 1 + sum(len(bids) for _, bids in transactions))
    withdrawn = draw(st.sets(st.sampled_from(bid_ids), max_size=5)) if bid_ids else set()
    at_once = {bid_id for bid_id in withdrawn if draw(st.booleans())}
    smallest_wh = min((wh for _, bids in transactions for wh, _ in bids), default=5)
    reduction_wh = draw(reductions_wh(transactions, withdrawn))
    return Round(
        reduction_wh=reduction_wh,
        transactions=transactions,
        pricing=draw(st.sampled_from(Pricing)),
        price_step_wei=draw(st.sampled_from([1, 7, 10**9])),
        minimum_bid_wh=draw(st.sampled_from([0, min(smallest_wh, reduction_wh)])),
        withdrawn_at_once=frozenset(at_once),
        withdrawn_late=frozenset(withdrawn - at_once),
        batch=draw(st.sampled_from([1, 2, 3, 1000])),
    )


@st.composite
def reductions_wh(draw, transactions, withdrawn):
    """Draw a reduction, most often one that some of the bids fit exactly or by one Wh not."""
    standing = Round(1, transactions, withdrawn_late=frozenset(withdrawn)).standing()
    filled = draw(st.integers(0, len(standing)))
    fit_wh = sum(bid.energy_wh for bid in merit_order(standing)[:filled])
    fit_wh += draw(st.sampled_from([-1, 0, 0, 1]))
    return max(1, min(MAX_REDUCTION_WH, draw(st.one_of(st.just(fit_wh), st.integers(1, 9999)))))


@pytest.fixture(scope="module")
def driver(Demand_Reduction, accounts):
    rpc("anvil_setBalance", accounts[0].address, hex(2**90))
    return Driver(Demand_Reduction.deploy(Access.OPEN, {"from": accounts[0]}))


class Played:
    """A round on the chain."""

    def __init__(self, driver, accounts, played):
        self.driver, self.accounts, self.round = driver, accounts, played
        self.request_id = self._request()

    def _request(self):
        played = self.round
        ((_, fields),) = self.driver.transact(
            self.accounts[0],
            "request_reduction",
            played.reduction_wh,
            played.price_step_wei,
            BIDDING_S,
            0,
            0,
            played.minimum_bid_wh,
            played.pricing,
            value_wei=escrow_wei(played.reduction_wh, played.price_step_wei),
        )
        return fields["request_id"]

    def bid(self):
        """Submit and withdraw the bids, one transaction at a time."""
        first = 1
        for person, bids in self.round.transactions:
            ((_, fields),) = self.driver.transact(
                self.accounts[person], "submit_bids", self.request_id, bids
            )
            assert fields["first_bid_id"] == first
            self._withdraw(self.round.withdrawn_at_once & {*range(first, first + len(bids))})
            first += len(bids)
            yield
        self._withdraw(self.round.withdrawn_late)

    def _withdraw(self, bid_ids):
        owner = {bid.bid_id: bid.consumer for bid in self.round.bids()}
        for person in {owner[bid_id] for bid_id in bid_ids}:
            own = sorted(bid_id for bid_id in bid_ids if owner[bid_id] == person)
            self.driver.transact(self.accounts[person], "withdraw_bids", self.request_id, own)

    def check(self):
        """Clear and pay the request, and compare everything that comes out."""
        expected = self._expected()
        summary = (expected.clearing_level, expected.energy_wh, expected.cost_wei)
        refund = refund_wei(expected, self.round.reduction_wh, self.round.price_step_wei)
        people = self.accounts[: PEOPLE + 1]
        before_wei = balances_wei(people)

        assert self.driver.view("get_quote", self.request_id) == (*summary, expected.offered_wh)
        name, fields = self._select()[0]
        assert name == "WinnersSelected"
        assert tuple(fields.values()) == (self.request_id, *summary, refund)
        assert self.driver.view("get_quote", self.request_id) == (*summary, expected.energy_wh)
        awards = self._awards(expected)
        assert self.driver.view("get_winners", self.request_id, 0, 9999) == awards
        assert self._pay() == awards

        earned_wei = [refund] + [0] * PEOPLE
        for award in expected.awards:
            earned_wei[award.consumer] += award.payment_wei
        after_wei = balances_wei(people)
        assert after_wei == [was + got for was, got in zip(before_wei, earned_wei, strict=True)]
        self._check_request(expected, refund)

    def _expected(self):
        played = self.round
        standing = played.standing()
        return clear(standing, played.reduction_wh, played.price_step_wei, played.pricing)

    def _awards(self, expected):
        """Return the winners in the order that the contract pays them in."""
        level = {bid.bid_id: bid.price_level for bid in self.round.bids()}
        ordered = sorted(
            expected.awards, key=lambda won: payment_order(won.bid_id, level[won.bid_id])
        )
        return [
            (won.bid_id, self.accounts[won.consumer], won.accepted_wh, won.payment_wei)
            for won in ordered
        ]

    def _select(self):
        set_next_time(max(self._request_now()["gate_closure"], _now()))
        return self.driver.transact(self.accounts[0], "select_winners", self.request_id)

    def _pay(self):
        paid = []
        while self._request_now()["status"] == Status.CLEARED:
            events = self.driver.transact(
                self.accounts[0], "pay_winners", self.request_id, self.round.batch
            )
            won = [fields for name, fields in events if name == "WinnerPaid"]
            assert 0 < len(won) <= self.round.batch
            paid += [tuple(fields[name] for name in PAID) for fields in won]
        return paid

    def _check_request(self, expected, refund):
        request = self._request_now()
        assert request["status"] == Status.SETTLED
        assert request["bid_count"] == len(self.round.bids())
        assert request["cost_wei"] == request["paid_wei"] == expected.cost_wei
        assert (request["deferred_wei"], request["refunded_wei"]) == (0, refund)

    def _request_now(self):
        return self.driver.view("get_request", self.request_id)


PAID = ("bid_id", "consumer", "energy_wh", "amount_wei")


def _now():
    return int(rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16) + 1


EVERY_LEVEL = tuple(
    (1 + first % 3, [(3, level) for level in range(first, first + 200)])
    for first in range(1, PRICE_LEVELS, 200)
)
TIES = ((1, [(10, 7)] * 5), (2, [(10, 7)] * 5))


@settings(max_examples=60)
@given(st.lists(rounds(), min_size=1, max_size=3))
@example([Round(10, ())])
@example([Round(10, ((1, [(10, 7)]),))])
@example([Round(9, ((1, [(10, 7)]),)), Round(11, ((1, [(10, 7)]),))])
@example([Round(50, TIES), Round(49, TIES), Round(51, TIES)])
@example([Round(1000, TIES, Pricing.PAY_AS_BID, withdrawn_late=frozenset({1, 5, 10}))])
@example([Round(10, TIES, withdrawn_at_once=frozenset(range(1, 11)))])
@example([Round(3000, EVERY_LEVEL), Round(1501, EVERY_LEVEL, Pricing.PAY_AS_BID)])
@example([Round(9999, EVERY_LEVEL, Pricing.PAY_AS_BID, 10**9)])
def test_round__any_bids__ends_on_chain_as_in_python(driver, accounts, played):
    on_chain = [Played(driver, accounts, each) for each in played]
    for _ in chain(zip_longest(*(each.bid() for each in on_chain))):
        pass
    for each in on_chain:
        each.check()
    assert balances_wei([driver.market]) == [0]
