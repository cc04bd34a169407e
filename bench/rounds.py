"""Rounds on the measured contract, each held to the outcome that the market rule gives."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.chain import WrongOutcome
from bench.contract import Market
from bench.ledger import Ledger
from market.clearing import Bid, Clearing, Pricing, clear, refund_wei
from market.units import escrow_wei

PRICE_STEP_WEI = 4 * 10**9
BIDDING_S = 600
BATCH = 100
BID_WH = 3000
SETTLED = 3
SHOWN = 300
"""How much of a wrong outcome is shown (characters)."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One `pay_winners`: what it used in all (gas), and how many it paid or credited."""

    gas: int
    winners: int


class Round:
    """One request, from the escrow to the last payment.

    What a method returns is gas. WrongOutcome wherever the contract departs from the rule.
    """

    def __init__(
        self, market: Market, reduction_wh: int, pricing: Pricing = Pricing.UNIFORM
    ) -> None:
        self._market = market
        self._reduction_wh = reduction_wh
        self._pricing = pricing
        self._bids: dict[int, Bid] = {}
        self._bid_count = 0
        self._ledger = Ledger(market)
        self.request_gas = market.transact(
            "request_reduction",
            *(reduction_wh, PRICE_STEP_WEI, BIDDING_S, 0, 0, 0, pricing),
            value_wei=escrow_wei(reduction_wh, PRICE_STEP_WEI),
        ).gas
        self._request_id: int = market.read("request_count")

    def submit(self, consumer: str, levels: Sequence[int]) -> int:
        """Bid `BID_WH` at each of the levels, in one transaction."""
        self._ledger.watch(consumer)
        offers = [(BID_WH, level) for level in levels]
        receipt = self._market.transact("submit_bids", self._request_id, offers, sender=consumer)
        for level in levels:
            self._bid_count += 1
            self._bids[self._bid_count] = Bid(self._bid_count, consumer, BID_WH, level)
        return receipt.gas

    def submit_all(self, levels: Sequence[int], bids_each: int = BATCH) -> None:
        """Bid at each of the levels, one consumer after the other `bids_each` at a time."""
        for turn, start in enumerate(range(0, len(levels), bids_each)):
            consumer = self._market.chain.consumers[turn]
            self.submit(consumer, levels[start : start + bids_each])

    def withdraw_bid(self, bid_id: int) -> int:
        """Withdraw one bid."""
        consumer = self._bids.pop(bid_id).consumer
        arguments = (self._request_id, [bid_id])
        return self._market.transact("withdraw_bids", *arguments, sender=consumer).gas

    def cancel(self) -> int:
        """Cancel the request, and see that the utility has its escrow back."""
        receipt = self._market.transact("cancel_request", self._request_id)
        self._ledger.check(cost_wei=0)
        return receipt.gas

    def select(self) -> int:
        """Close the gate and select the winners."""
        chain = self._market.chain
        chain.pass_time(BIDDING_S)
        receipt = self._market.transact("select_winners", self._request_id, sender=chain.bystander)
        found = self._market.events("WinnersSelected", receipt)
        self._check("selection", found, [self._selection(self._expected())])
        self._ledger.note(receipt)
        return receipt.gas

    def pay_batch(self) -> Batch:
        """Pay up to `BATCH` winners."""
        bystander = self._market.chain.bystander
        arguments = (self._request_id, BATCH)
        receipt = self._market.transact("pay_winners", *arguments, sender=bystander)
        return Batch(receipt.gas, self._ledger.note(receipt))

    def settle(self) -> list[Batch]:
        """Pay all winners of a selected request."""
        batches = []
        while self._market.read("get_request", self._request_id)[0] != SETTLED:
            batches.append(self.pay_batch())
        expected = self._expected()
        self._check(
            "payments",
            sorted(self._ledger.payments),
            sorted((a.bid_id, a.consumer, a.accepted_wh, a.payment_wei) for a in expected.awards),
        )
        self._ledger.check(expected.cost_wei)
        return batches

    def collect(self, consumer: str) -> int:
        """Take out what could not be pushed to a consumer of a settled request."""
        receipt = self._market.transact("withdraw", sender=consumer)
        self._ledger.collect(consumer)
        self._ledger.check(self._expected().cost_wei)
        return receipt.gas

    def finish(self) -> list[Batch]:
        """Select and settle."""
        self.select()
        return self.settle()

    def _expected(self) -> Clearing:
        return clear(self._bids.values(), self._reduction_wh, PRICE_STEP_WEI, self._pricing)

    def _selection(self, clearing: Clearing) -> dict[str, int]:
        return {
            "request_id": self._request_id,
            "clearing_level": clearing.clearing_level,
            "energy_wh": clearing.energy_wh,
            "cost_wei": clearing.cost_wei,
            "refund_wei": refund_wei(clearing, self._reduction_wh, PRICE_STEP_WEI),
        }

    def _check(self, what: str, found: object, expected: object) -> None:
        if found != expected:
            excerpts = f"{str(found)[:SHOWN]} instead of {str(expected)[:SHOWN]}"
            raise WrongOutcome(f"request {self._request_id}, {what}: {excerpts}")
