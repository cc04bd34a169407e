"""The utility's side of a round: request, wait, select the winners, pay them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from time import sleep

from eth_typing import ChecksumAddress

from market.clearing import Bid
from market.contract import REQUEST_PURPOSE, DemandReduction
from market.contract_events import NotShownYetError
from market.errors import MarketError
from market.fees import FeeCeilingError
from market.flight import Flight
from market.landing import FailedError, Sent
from market.launching import BusyError, DroppedError
from market.model import Payment, Quote, Request, Status, Terms
from market.node import chain_time_s
from market.patience import Patience
from market.reverts import RevertError
from market.runs import Run
from market.transactions import Sender

PAY_BATCH = 100
"""Winners paid in one transaction; even if each is hostile it fits in a block."""

_UNFINISHED = (Status.NONE, Status.BIDDING, Status.CLEARED)
_NOT_CARRIED_OUT = (RevertError, FailedError, DroppedError)


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
    """A utility at work; `wait` pauses between two looks at the chain (s).

    A node that is away is waited for with patience: `tell` is told once.
    """

    market: DemandReduction
    sender: Sender
    poll_seconds: float = 1.0
    wait: Callable[[float], None] = sleep
    spending: Spending = field(default_factory=Spending)
    tell: Callable[[MarketError], None] = lambda _: None
    run: Run = field(default_factory=lambda: Run(None, lambda _: None))
    _patiently: Patience = field(init=False)

    def __post_init__(self) -> None:
        # What waits for a transaction of this utility waits the same way.
        self._patiently = self.sender.patience = Patience(
            self.poll_seconds, self.tell, lambda seconds: self.wait(seconds)
        )

    def request(self, terms: Terms) -> Request:
        """Announce a request, with its escrow; it is noted until it has been seen through."""
        request_id, sent = self._patiently(
            partial(self.market.request_reduction, self.sender, terms, self.run.number)
        )
        self.spending.add(sent)
        return self._shown(request_id)

    def resume(self) -> Request | None:
        """Return the oldest request of a run that was broken off before it had seen it through.

        None if there is none. UnconfirmedError if its transaction is still not in a block after
        three minutes.
        """
        for flight in self._noted():
            if not self.run.is_alive(flight.subject):
                request_id = self._requested_by(flight, self.sender.wait)
                if request_id is not None:
                    return self._shown(request_id)
        return None

    def seen_through(self, request_id: int) -> None:
        """Note a request no longer: nobody has to go on with it."""
        for flight in self._noted():
            if self._requested_by(flight, self.sender.look) == request_id:
                self.sender.journal.forget_flights([flight])

    def forget_ended(self) -> None:
        """Note no longer what others have finished."""
        for flight in self._noted():
            request_id = self._requested_by(flight, self.sender.look)
            if request_id and self._shown(request_id).status not in _UNFINISHED:
                self.sender.journal.forget_flights([flight])

    def _noted(self) -> list[Flight]:
        """Return the transactions that have requested something of this contract."""
        flights = self.sender.journal.flights(self.sender.signer.address)
        here = self.market.address
        return [f for f in flights if (f.purpose, f.newest.get("to")) == (REQUEST_PURPOSE, here)]

    def _requested_by(self, flight: Flight, look: Callable[[Flight], Sent | None]) -> int | None:
        """Return what a transaction has requested; it is forgotten if it never will."""
        try:
            sent = self._patiently(partial(look, flight))
        except _NOT_CARRIED_OUT:
            self.sender.journal.forget_flights([flight])
            return None
        return self.market.requested_id(sent.receipt) if sent else None

    # What there is

    def owner(self) -> ChecksumAddress:
        """Return the contract's utility."""
        return self._patiently(self.market.owner)

    def now_s(self) -> int:
        """Return the chain's time, in Unix seconds."""
        return self._patiently(partial(chain_time_s, self.market.web3))

    def unfinished(self) -> list[Request]:
        """Return everybody's requests that are not finished, the oldest first."""
        return self._patiently(self.market.unfinished)

    def waiting(self) -> list[Request]:
        """Return this utility's requests that are not finished, the oldest first."""
        me = self.sender.signer.address
        return [request for request in self.unfinished() if request.utility == me]

    def _shown(self, request_id: int) -> Request:
        # Behind one address there may be several nodes, some of them a block behind.
        while True:
            request = self._patiently(lambda: self.market.request(request_id))
            if request.status != Status.NONE:
                return request
            self.wait(self.poll_seconds)

    # The round

    def until_gate_closure(self, request_id: int) -> Iterator[Standings]:
        """Yield how the request stands, until the chain's time has come to gate closure.

        Ends at once if the request is no longer open. A node that is away for a while is waited
        for: the request goes on without it.
        """
        while True:
            request, standings = self._patiently(partial(self._look_at, request_id))
            if standings:
                yield standings
            elif request.status != Status.NONE:
                return
            self.wait(self.poll_seconds)

    def _look_at(self, request_id: int) -> tuple[Request, Standings | None]:
        """Return a request, and how it stands if it takes bids."""
        # Of one block, so that the number of bids and the price belong together.
        block = self.market.head().number
        request = self.market.request(request_id, block)
        left_s = request.gate_closure - chain_time_s(self.market.web3)
        if request.status != Status.BIDDING or left_s <= 0:
            return request, None
        return request, Standings(request, self.market.quote(request_id, block), left_s)

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
                self.spending.add(self._next_step(request))
            except DroppedError:
                # Somebody with the same account did something else first: look again.
                self.wait(self.poll_seconds)
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
            payments=self._patiently(lambda: self.market.payments(request), NotShownYetError),
            spending=self.spending,
        )

    def _next_step(self, request: Request) -> Sent:
        act = self._select if request.status == Status.BIDDING else self._pay
        return self._patiently(partial(act, request), BusyError, FeeCeilingError)

    def _select(self, request: Request) -> Sent:
        return self.market.select_winners(self.sender, request.request_id)

    def _pay(self, request: Request) -> Sent:
        return self.market.pay_winners(self.sender, request, PAY_BATCH)
