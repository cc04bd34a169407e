"""The consumer's side: answer every request with bids, and report what they won."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Protocol

from market.bids import LevelBid, Offer, Refusal, bids_for_request
from market.clearing import Award, Bid
from market.contract import DemandReduction, Request, Status
from market.errors import MarketError
from market.node import NodeUnavailableError, chain_time_s
from market.store import BidResult, Outcome, PaymentState, Results, load_offers, write_results
from market.transactions import Sender, UnconfirmedError

# Even if every slot is used for the first time, that many fit in a transaction.
_BIDS_PER_TRANSACTION = 150


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

    def winners_selected(self, request: Request, energy_wh: int) -> None:
        """The request was cleared; `energy_wh` of this account was accepted."""

    def request_ended(self, results: Results) -> None:
        """Everything of the request is decided and paid."""

    def problem(self, problem: MarketError) -> None:
        """Something went wrong, and the consumer goes on."""


@dataclass(slots=True)
class _Round:
    """A request this consumer has answered; `devices` names what each bid would switch off."""

    first_block: int
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
    _problems: dict[int, str] = field(default_factory=dict)

    def load_bids(self) -> None:
        """Read the bids. MarketError if they cannot be used; the last good ones stay."""
        self._offers = load_offers(self.bids_file)

    def step(self) -> None:
        """Look at the chain once: answer what is open, report what has ended.

        NodeUnavailableError if the node is away; the next step makes up for it.
        """
        for request in self.market.unfinished():
            if request.request_id not in self._rounds and request.status == Status.BIDDING:
                self._try_to_answer(request)
        for request_id in [*self._rounds]:
            self._follow(self.market.request(request_id), self._rounds[request_id])

    # Before gate closure

    def _try_to_answer(self, request: Request) -> None:
        """Answer a request if its gate is open; a problem is told once, and tried again."""
        left_s = request.gate_closure - chain_time_s(self.market.web3)
        if left_s <= 0:
            return
        if request.request_id not in self._problems:
            self.report.request_opened(request, left_s)
        try:
            self._answer(request)
        except NodeUnavailableError:
            raise
        except UnconfirmedError as problem:
            # Sent, but not seen in a block: to send it again could bid twice.
            self._rounds[request.request_id] = _Round(self.market.head(), {})
            self.report.problem(problem)
        except MarketError as problem:
            if self._problems.get(request.request_id) != str(problem):
                self.report.problem(problem)
            self._problems[request.request_id] = str(problem)

    def _answer(self, request: Request) -> None:
        """Submit the bids that fit the request, unless this account's bids are there already."""
        first_block = self.market.head()
        self._refresh_bids()
        bids, refusals = bids_for_request(
            self._offers,
            reduction_wh=request.reduction_wh,
            price_step_wei=request.price_step_wei,
            minimum_bid_wh=request.minimum_bid_wh,
        )
        mine = self._bids_on_chain(request)
        if mine:
            self.report.already_bid(request)
            devices = {(bid.energy_wh, bid.price_level): bid.offer.device for bid in bids}
            named = {bid.bid_id: devices.get((bid.energy_wh, bid.price_level)) for bid in mine}
            self._rounds[request.request_id] = _Round(first_block, named)
            return
        for refusal in refusals:
            self.report.offer_refused(refusal)
        self._rounds[request.request_id] = _Round(first_block, self._submit(request, bids))

    def _submit(self, request: Request, bids: list[LevelBid]) -> dict[int, str | None]:
        """Send the bids and return the device of each by its id on chain."""
        devices: dict[int, str | None] = {}
        for start in range(0, len(bids), _BIDS_PER_TRANSACTION):
            batch = bids[start : start + _BIDS_PER_TRANSACTION]
            first_bid_id, sent = self.market.submit_bids(
                self.sender, request.request_id, [(bid.energy_wh, bid.price_level) for bid in batch]
            )
            devices.update(enumerate((bid.offer.device for bid in batch), first_bid_id))
            self.report.bids_submitted(request, batch, sent.hash)
        return devices

    def _refresh_bids(self) -> None:
        """Read bids.json again, as it may have changed; a broken one leaves the last good bids."""
        try:
            self.load_bids()
        except MarketError as problem:
            self.report.problem(MarketError(f"{problem}. The bids read before are used"))

    def _bids_on_chain(self, request: Request) -> list[Bid]:
        if not request.bid_count:
            return []
        bids = self.market.bids(request.request_id)
        return [bid for bid in bids if bid.consumer == self.sender.signer.address]

    # After gate closure

    def _follow(self, request: Request, known: _Round) -> None:
        """Report a request's selection, and its end."""
        if request.status == Status.BIDDING:
            return
        if request.status == Status.CLEARED:
            if not known.selection_told:
                self.report.winners_selected(
                    request, sum(a.accepted_wh for a in self._won(request))
                )
                known.selection_told = True
            return
        results = self._results(request, known)
        write_results(self.results_file, results)
        self.report.request_ended(results)
        del self._rounds[request.request_id]

    def _results(self, request: Request, known: _Round) -> Results:
        """Return what an ended request brought this consumer."""
        won = self._won(request)
        payments = self.market.payments(request.request_id, known.first_block) if won else {}
        return Results(
            results=tuple(
                BidResult(
                    energy_wh=award.accepted_wh,
                    price_wei_per_wh=award.price_level * request.price_step_wei,
                    payment_wei=award.payment_wei,
                    device=known.devices.get(award.bid_id),
                    payment_state=(
                        PaymentState.PAID if award.bid_id in payments else PaymentState.DEFERRED
                    ),
                    transaction=payments.get(award.bid_id),
                )
                for award in won
            ),
            time=self.now(),
            request_id=request.request_id,
            status=_outcome(request, known, won),
            contract=self.market.address,
            chain_id=self.market.chain_id,
            clearing_price_wei_per_wh=request.clearing_price_wei_per_wh,
        )

    def _won(self, request: Request) -> list[Award]:
        """Return what was bought of this consumer."""
        if not request.energy_wh:
            return []
        awards = self.market.winners(request)
        return [award for award in awards if award.consumer == self.sender.signer.address]


def _outcome(request: Request, known: _Round, won: list[Award]) -> Outcome:
    if request.status == Status.CANCELLED:
        return Outcome.CANCELLED
    if won:
        return Outcome.WON
    return Outcome.LOST if known.devices else Outcome.NO_BIDS
