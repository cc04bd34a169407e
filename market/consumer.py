"""The consumer's side: answer every request with bids, and report what they won."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Protocol

from market.bids import LevelBid, Offer, Refusal, bids_for_request
from market.clearing import Bid
from market.contract import DemandReduction, Payment, Request, Status
from market.errors import MarketError
from market.node import NodeUnavailableError, chain_time_s
from market.reverts import RevertError
from market.store import (
    BidResult,
    Outcome,
    PaymentState,
    Results,
    load_offers,
    load_results,
    write_results,
)
from market.transactions import Sender

# Even if every slot is used for the first time, that many fit in a transaction.
_MOST_BIDS = 150


class Reporter(Protocol):
    """Tells somebody what happens."""

    def request_opened(self, request: Request, seconds_left: int) -> None:
        """A request takes bids."""

    def offer_refused(self, refusal: Refusal) -> None:
        """An offer does not fit the request and is not sent."""

    def bids_submitted(self, request: Request, bids: Sequence[LevelBid], transaction: str) -> None:
        """The bids are on chain."""

    def already_bid(self, request: Request) -> None:
        """This account's bids were on chain before; nothing is sent."""

    def winners_selected(self, request: Request) -> None:
        """The request was cleared, and winners will be paid."""

    def request_ended(self, results: Results) -> None:
        """Everything of the request is decided and paid."""

    def problem(self, problem: MarketError) -> None:
        """Something went wrong, and the consumer goes on."""


@dataclass(slots=True)
class _Round:
    """A request this account has bids in, or could not bid in; `devices` names each bid's."""

    devices: dict[int, str | None]
    selection_told: bool = False


@dataclass(slots=True)
class Consumer:
    """A consumer at work: call `step` again and again."""

    market: DemandReduction
    sender: Sender
    bids_file: Path
    results_file: Path
    report: Reporter
    now: Callable[[], datetime] = lambda: datetime.now(timezone.utc)
    _offers: tuple[Offer, ...] = ()
    _rounds: dict[int, _Round] = field(default_factory=dict)
    _announced: set[int] = field(default_factory=set)
    _problems: dict[int, str] = field(default_factory=dict)
    _bids_problem: str = ""
    _started: bool = False

    def load_bids(self) -> None:
        """Read the bids. MarketError if they cannot be used; the last good ones stay."""
        self._offers = load_offers(self.bids_file)

    def step(self) -> None:
        """Look at the chain once: answer what is open, report what has ended.

        NodeUnavailableError if the node is away; the next step makes up for it. A problem with
        one request is told once, tried again at the next step, and keeps no other waiting.
        """
        for request in self._new_requests():
            self._guarded(request.request_id, partial(self._meet, request))
        for request_id in [*self._rounds]:
            self._guarded(request_id, partial(self._follow, request_id))
        self._started = True

    def _new_requests(self) -> list[Request]:
        """Return the requests not dealt with yet; at first also those that ended meanwhile."""
        if self._started:
            found = self.market.unfinished()
        else:
            reported = self._last_reported()
            found = [r for r in self.market.recent() if r.request_id > reported]
        return [request for request in found if request.request_id not in self._rounds]

    def _guarded(self, request_id: int, deal: Callable[[], None]) -> None:
        try:
            deal()
        except NodeUnavailableError:
            raise
        except MarketError as problem:
            if self._problems.get(request_id) != str(problem):
                self.report.problem(problem)
            self._problems[request_id] = str(problem)
            if isinstance(problem, RevertError) and problem.name == "BookReused":
                self._forget(request_id)

    def _forget(self, request_id: int) -> None:
        self._rounds.pop(request_id, None)
        self._problems.pop(request_id, None)
        self._announced.discard(request_id)

    def _last_reported(self) -> int:
        """Return the id of the request in results.json, 0 if it is of another market."""
        try:
            last = load_results(self.results_file)
        except MarketError:
            return 0
        same = (last.contract, last.chain_id) == (self.market.address, self.market.chain_id)
        return last.request_id if same else 0

    # Before gate closure

    def _meet(self, request: Request) -> None:
        """Take up a request: with the bids that are on chain already, or with new ones."""
        left_s = request.gate_closure - chain_time_s(self.market.web3)
        open_now = request.status == Status.BIDDING and left_s > 0
        mine = self._bids_on_chain(request)
        if mine:
            if open_now:
                self.report.already_bid(request)
            self._rounds[request.request_id] = _Round(self._devices_of(request, mine))
        elif open_now:
            self._answer(request, left_s)

    def _answer(self, request: Request, left_s: int) -> None:
        """Submit the bids that fit the request."""
        self._refresh_bids()
        bids, refusals = self._fitting(request)
        if request.request_id not in self._announced:
            self.report.request_opened(request, left_s)
            for refusal in refusals:
                self.report.offer_refused(refusal)
        self._announced.add(request.request_id)
        if bids and self.sender.has_pending():
            # It may hold these very bids, sent by this program before it was stopped.
            raise MarketError(
                "A transaction of this account is not in a block yet: bidding waits for it"
            )
        self._rounds[request.request_id] = _Round(self._submit(request, bids) if bids else {})

    def _submit(self, request: Request, bids: list[LevelBid]) -> dict[int, str | None]:
        """Send the bids and return the device of each by its id on chain."""
        first_bid_id, sent = self.market.submit_bids(
            self.sender, request.request_id, [(bid.energy_wh, bid.price_level) for bid in bids]
        )
        self.report.bids_submitted(request, bids, sent.hash)
        return dict(enumerate((bid.offer.device for bid in bids), first_bid_id))

    def _fitting(self, request: Request) -> tuple[list[LevelBid], list[Refusal]]:
        bids, refusals = bids_for_request(
            self._offers,
            reduction_wh=request.reduction_wh,
            price_step_wei=request.price_step_wei,
            minimum_bid_wh=request.minimum_bid_wh,
        )
        too_many = f"a request takes the first {_MOST_BIDS} bids of a file: write fewer"
        refusals += [Refusal(bid.offer, too_many) for bid in bids[_MOST_BIDS:]]
        return bids[:_MOST_BIDS], refusals

    def _refresh_bids(self) -> None:
        """Read bids.json again, as it may have changed; a broken one leaves the last good bids."""
        try:
            self.load_bids()
        except MarketError as problem:
            if self._bids_problem != str(problem):
                self.report.problem(MarketError(f"{problem}. The bids read before are used"))
            self._bids_problem = str(problem)
        else:
            self._bids_problem = ""

    def _bids_on_chain(self, request: Request) -> list[Bid]:
        if not request.bid_count:
            return []
        bids = self.market.bids(request.request_id)
        return [bid for bid in bids if bid.consumer == self.sender.signer.address]

    def _devices_of(self, request: Request, mine: list[Bid]) -> dict[int, str | None]:
        """Return the devices of bids sent before this program started, as far as they are told."""
        offered = {(b.energy_wh, b.price_level): b.offer.device for b in self._fitting(request)[0]}
        return {bid.bid_id: offered.get((bid.energy_wh, bid.price_level)) for bid in mine}

    # After gate closure

    def _follow(self, request_id: int) -> None:
        """Report a request's selection, and its end."""
        request, known = self.market.request(request_id), self._rounds[request_id]
        if request.status == Status.NONE:
            self._forget(request_id)
        if request.energy_wh and not known.selection_told:
            self.report.winners_selected(request)
            known.selection_told = True
        if request.status in (Status.SETTLED, Status.CANCELLED):
            results = self._results(request, known)
            write_results(self.results_file, results)
            self.report.request_ended(results)
            self._forget(request_id)

    def _results(self, request: Request, known: _Round) -> Results:
        """Return what an ended request brought this consumer."""
        account = self.sender.signer.address
        won = self.market.payments(request, account) if request.energy_wh else []
        return Results(
            results=tuple(_bid_result(payment, known) for payment in won),
            time=self.now(),
            request_id=request.request_id,
            status=_outcome(request, known, won),
            contract=self.market.address,
            chain_id=self.market.chain_id,
            clearing_price_wei_per_wh=request.clearing_price_wei_per_wh,
        )


def _bid_result(payment: Payment, known: _Round) -> BidResult:
    return BidResult(
        energy_wh=payment.energy_wh,
        price_wei_per_wh=payment.amount_wei // payment.energy_wh,
        payment_wei=payment.amount_wei,
        device=known.devices.get(payment.bid_id),
        payment_state=PaymentState.PAID if payment.pushed else PaymentState.DEFERRED,
        transaction=payment.transaction,
    )


def _outcome(request: Request, known: _Round, won: list[Payment]) -> Outcome:
    if request.status == Status.CANCELLED:
        return Outcome.CANCELLED
    if won:
        return Outcome.WON
    return Outcome.LOST if known.devices else Outcome.NO_BIDS
