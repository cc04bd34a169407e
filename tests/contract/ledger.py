"""A second set of books: what the market should hold and owe, kept in plain Python.

It follows contracts/interfaces/IDemand_Reduction.sol. Methods named `why_not_...` tell the error
that a call has to revert with, or None; the others say what an accepted call changes.
"""

from collections import defaultdict
from dataclasses import dataclass, field

from market.clearing import Award, Bid, Clearing, Pricing, clear, refund_wei
from market.units import escrow_wei
from tests.contract.helpers import (
    BOOKS,
    PRICE_LEVELS,
    Access,
    Standing,
    Status,
    payment_order,
)

MAY_BID = {
    Access.OPEN: set(Standing),
    Access.REGISTERED: {Standing.REGISTERED, Standing.APPROVED},
    Access.APPROVED: {Standing.APPROVED},
}


@dataclass
class Request:
    """One request, its bids, and where its money has gone."""

    utility: str
    reduction_wh: int
    price_step_wei: int
    pricing: Pricing
    minimum_bid_wh: int
    gate_closure: int
    status: Status = Status.BIDDING
    bids: list[Bid] = field(default_factory=list)
    withdrawn: set[int] = field(default_factory=set)
    unpaid: list[Award] = field(default_factory=list)
    cost_wei: int = 0
    paid_wei: int = 0
    deferred_wei: int = 0
    refunded_wei: int = 0

    @property
    def escrow_wei(self) -> int:
        return escrow_wei(self.reduction_wh, self.price_step_wei)

    @property
    def outstanding_wei(self) -> int:
        """What is still to go somewhere: everything until selection, then what winners await."""
        if self.status == Status.BIDDING:
            return self.escrow_wei
        return sum(award.payment_wei for award in self.unpaid)

    def clearing(self) -> Clearing:
        standing = [bid for bid in self.bids if bid.bid_id not in self.withdrawn]
        return clear(standing, self.reduction_wh, self.price_step_wei, self.pricing)


class Ledger:
    """All requests of a market, the credits it owes, and who may bid; people are addresses."""

    def __init__(self, owner: str, first_id: int) -> None:
        self.owner = owner
        self.next_id = first_id
        self.access = Access.OPEN
        self.standings: defaultdict[str, Standing] = defaultdict(lambda: Standing.UNKNOWN)
        self.requests: dict[int, Request] = {}
        self.credits_wei: defaultdict[str, int] = defaultdict(int)
        self.received_wei: defaultdict[str, int] = defaultdict(int)
        self.forced_wei = 0
        self.refusing: set[str] = set()

    def balance_wei(self) -> int:
        """Return what the market must hold: no more and no less."""
        outstanding = sum(request.outstanding_wei for request in self.requests.values())
        return outstanding + sum(self.credits_wei.values()) + self.forced_wei

    def unfinished(self) -> dict[int, Request]:
        open_phases = (Status.BIDDING, Status.CLEARED)
        return {n: each for n, each in self.requests.items() if each.status in open_phases}

    def why_not_request(self, person: str) -> str | None:
        if person != self.owner:
            return "OwnableUnauthorizedAccount"
        return "BookBusy" if self.next_id - BOOKS in self.unfinished() else None

    def request(self, request: Request) -> int:
        self.requests[self.next_id] = request
        self.received_wei[request.utility] -= request.escrow_wei
        self.next_id += 1
        return self.next_id - 1

    def why_not_open(self, request_id: int, now: int) -> str | None:
        request = self.requests[request_id]
        if request.status != Status.BIDDING:
            return "WrongStatus"
        return "GateClosed" if now >= request.gate_closure else None

    def why_not_bid(self, person, request_id, bids, now) -> str | None:
        closed = self.why_not_open(request_id, now)
        if closed:
            return closed
        if self.standings[person] not in MAY_BID[self.access]:
            return "NotAllowed"
        if not bids:
            return "NoBids"
        for energy_wh, level in bids:
            if energy_wh < max(1, self.requests[request_id].minimum_bid_wh):
                return "BidTooSmall"
            if not 1 <= level <= PRICE_LEVELS:
                return "PriceLevelOutOfRange"
        return None

    def bid(self, person: str, request_id: int, bids) -> int:
        booked = self.requests[request_id].bids
        first = len(booked) + 1
        booked += [Bid(first + n, person, *each) for n, each in enumerate(bids)]
        return first

    def why_not_withdraw_bids(self, person, request_id, bid_ids, now) -> str | None:
        closed = self.why_not_open(request_id, now)
        if closed or not bid_ids:
            return closed or "NoBids"
        request, seen = self.requests[request_id], set()
        for bid_id in bid_ids:
            if not 1 <= bid_id <= len(request.bids):
                return "UnknownBid"
            if request.bids[bid_id - 1].consumer != person:
                return "NotYourBid"
            if bid_id in request.withdrawn | seen:
                return "AlreadyWithdrawn"
            seen.add(bid_id)
        return None

    def why_not_cancel(self, person: str, request_id: int, now: int) -> str | None:
        if person != self.owner:
            return "OwnableUnauthorizedAccount"
        return self.why_not_open(request_id, now)

    def cancel(self, request_id: int) -> None:
        request = self.requests[request_id]
        request.status = Status.CANCELLED
        self._refund(request, request.escrow_wei)

    def why_not_select(self, request_id: int, now: int) -> str | None:
        if self.requests[request_id].status != Status.BIDDING:
            return "WrongStatus"
        return "GateOpen" if now < self.requests[request_id].gate_closure else None

    def select(self, request_id: int) -> Clearing:
        request = self.requests[request_id]
        outcome = request.clearing()
        request.status = Status.CLEARED if outcome.awards else Status.SETTLED
        request.cost_wei = outcome.cost_wei
        level = {bid.bid_id: bid.price_level for bid in request.bids}
        request.unpaid = sorted(
            outcome.awards, key=lambda won: payment_order(won.bid_id, level[won.bid_id])
        )
        rest_wei = refund_wei(outcome, request.reduction_wh, request.price_step_wei)
        self._refund(request, rest_wei)
        return outcome

    def why_not_pay(self, request_id: int) -> str | None:
        return None if self.requests[request_id].status == Status.CLEARED else "WrongStatus"

    def pay(self, request_id: int, max_winners: int) -> list[tuple[str, Award]]:
        """Return the events of the payments made: their names and awards."""
        request = self.requests[request_id]
        batch, request.unpaid = request.unpaid[:max_winners], request.unpaid[max_winners:]
        if not request.unpaid:
            request.status = Status.SETTLED
        return [(self._push(request, won.consumer, won.payment_wei), won) for won in batch]

    def why_not_withdraw(self, person: str) -> str | None:
        if not self.credits_wei[person]:
            return "NothingDeferred"
        return "ETHTransferFailed" if person in self.refusing else None

    def withdraw(self, person: str) -> int:
        amount_wei = self.credits_wei.pop(person)
        self.received_wei[person] += amount_wei
        return amount_wei

    def _refund(self, request: Request, amount_wei: int) -> None:
        if request.utility in self.refusing:
            request.deferred_wei += amount_wei
            self.credits_wei[request.utility] += amount_wei
        else:
            request.refunded_wei += amount_wei
            self.received_wei[request.utility] += amount_wei

    def _push(self, request: Request, payee: str, amount_wei: int) -> str:
        if payee in self.refusing:
            request.deferred_wei += amount_wei
            self.credits_wei[payee] += amount_wei
            return "PaymentDeferred"
        request.paid_wei += amount_wei
        self.received_wei[payee] += amount_wei
        return "WinnerPaid"
