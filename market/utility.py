"""The utility's side of a round: request, wait, select the winners, pay them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from time import sleep
from typing import TypeVar

from market.clearing import Bid
from market.contract import DemandReduction
from market.contract_events import NotShownYetError
from market.errors import MarketError
from market.fees import FeeCeilingError
from market.model import Payment, Quote, Request, Status, Terms
from market.node import NodeUnavailableError, chain_time_s
from market.reverts import RevertError
from market.transactions import BusyError, Sender, Sent, UnconfirmedError

REQUEST_PURPOSE = "request_reduction"
PAY_BATCH = 100
"""Winners paid in one transaction; even if each is hostile it fits in a block."""

T = TypeVar("T")

_WORTH_WAITING = (NodeUnavailableError, NotShownYetError, BusyError, FeeCeilingError)
_UNFINISHED = (Status.NONE, Status.BIDDING, Status.CLEARED)


@dataclass(frozen=True, slots=True)
class Standings:
    """A request while its gate is open."""

    request: Request
    quote: Quote
    seconds_left: int


@dataclass(slots=True)
class Spending:
    """What the transactions of this run cost."""

    gas: int = 0
    fees_wei: int = 0

    def add(self, sent: Sent) -> None:
        """Count a transaction in."""
        self.gas += sent.gas_used
        self.fees_wei += sent.fee_wei


@dataclass(frozen=True, slots=True)
class Round:
    """A finished request: everybody who bid, and what was bought of whom."""

    request: Request
    bids: list[Bid]
    payments: list[Payment]
    spending: Spending


@dataclass(slots=True)
class Utility:
    """A utility at work; `wait` pauses between two looks at the chain (s)."""

    market: DemandReduction
    sender: Sender
    poll_seconds: float = 1.0
    wait: Callable[[float], None] = sleep
    spending: Spending = field(default_factory=Spending)
    tell: Callable[[MarketError], None] = lambda _: None

    def request(self, terms: Terms) -> Request:
        """Announce a request, with its escrow."""
        request_id, sent = self.market.request_reduction(self.sender, terms)
        self.spending.add(sent)
        return self._shown(request_id)

    def resume(self) -> Request | None:
        """Return the request that a run was sending when it was broken off, None if there is none.

        UnconfirmedError if its transaction is still not in a block after three minutes.
        """
        for flight in self.sender.journal.flights(self.sender.signer.address):
            if flight.purpose == REQUEST_PURPOSE:
                try:
                    sent = self.sender.wait(flight)
                except UnconfirmedError:
                    raise
                except MarketError:
                    # It was refused, or never carried out.
                    self.sender.journal.forget_flights([flight])
                else:
                    return self._shown(self.market.requested_id(sent.receipt))
        return None

    def waiting(self) -> list[Request]:
        """Return this utility's requests that are not finished, the oldest first."""
        me = self.sender.signer.address
        return [request for request in self.market.unfinished() if request.utility == me]

    def _shown(self, request_id: int) -> Request:
        # Behind one address there may be several nodes, some of them a block behind.
        while True:
            request = self._patiently(lambda: self.market.request(request_id))
            if request.status != Status.NONE:
                return request
            self.wait(self.poll_seconds)

    def until_gate_closure(self, request_id: int) -> Iterator[Standings]:
        """Yield how the request stands, until the chain's time has come to gate closure.

        Ends at once if the request is no longer open. A node that is away for a while is waited
        for: the request goes on without it.
        """
        while True:
            try:
                # Of one block, so that the number of bids and the price belong together.
                block = self.market.head().number
                request = self.market.request(request_id, block)
                left_s = request.gate_closure - chain_time_s(self.market.web3)
                if request.status == Status.BIDDING and left_s > 0:
                    yield Standings(request, self.market.quote(request_id, block), left_s)
                elif request.status != Status.NONE:
                    return
            except NodeUnavailableError:
                pass
            self.wait(self.poll_seconds)

    def finish(self, request_id: int) -> Iterator[Request]:
        """Select and pay the winners; yield the request after each transaction.

        What somebody else has done already is not done again. A node that is away is waited for.
        """
        while (request := self._patiently(lambda: self.market.request(request_id))).status in (
            _UNFINISHED
        ):
            if request.status == Status.NONE:
                self.wait(self.poll_seconds)
                continue
            try:
                self.spending.add(self._patiently(partial(self._next_step, request)))
            except RevertError as refusal:
                if refusal.name not in ("WrongStatus", "GateOpen"):
                    raise
                # Somebody else was quicker, or the newest block is still from before the closure.
                self.wait(self.poll_seconds)
            else:
                yield self._patiently(lambda: self.market.request(request_id))

    def round(self, request_id: int) -> Round:
        """Return the account of a finished request."""
        request = self._patiently(lambda: self.market.request(request_id))
        return Round(
            request,
            bids=self._patiently(lambda: self.market.bids(request_id)),
            payments=self._patiently(lambda: self.market.payments(request)),
            spending=self.spending,
        )

    def _next_step(self, request: Request) -> Sent:
        if request.status == Status.BIDDING:
            return self.market.select_winners(self.sender, request.request_id)
        return self.market.pay_winners(self.sender, request, PAY_BATCH)

    def _patiently(self, act: Callable[[], T]) -> T:
        """Return what `act` does as soon as it can be done; say once what it waits for."""
        waits_for = ""
        while True:
            try:
                return act()
            except _WORTH_WAITING as problem:
                if str(problem) != waits_for:
                    self.tell(problem)
                waits_for = str(problem)
                self.wait(self.poll_seconds)
