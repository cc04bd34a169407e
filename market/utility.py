"""The utility's side of a round: request, wait, select the winners, pay them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from time import sleep

from market.clearing import Bid
from market.contract import DemandReduction, Payment, Quote, Request, Status, Terms
from market.node import NodeUnavailableError, chain_time_s
from market.reverts import RevertError
from market.transactions import Sender, Sent

PAY_BATCH = 100
"""Winners paid in one transaction; even if each is hostile it fits in a block."""

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

    def request(self, terms: Terms) -> Request:
        """Announce a request, with its escrow."""
        request_id, sent = self.market.request_reduction(self.sender, terms)
        self.spending.add(sent)
        # Behind one address there may be several nodes, some of them a block behind.
        while (request := self.market.request(request_id)).status == Status.NONE:
            self.wait(self.poll_seconds)
        return request

    def until_gate_closure(self, request_id: int) -> Iterator[Standings]:
        """Yield how the request stands, until the chain's time has come to gate closure.

        Ends at once if the request is no longer open. A node that is away for a while is waited
        for: the request goes on without it.
        """
        while True:
            try:
                # Of one block, so that the number of bids and the price belong together.
                block = self.market.head()
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

        What somebody else has done already is not done again.
        """
        while (request := self.market.request(request_id)).status in _UNFINISHED:
            if request.status == Status.NONE:
                self.wait(self.poll_seconds)
                continue
            try:
                self.spending.add(self._next_step(request))
            except RevertError as refusal:
                if refusal.name not in ("WrongStatus", "GateOpen"):
                    raise
                # Somebody else was quicker, or the newest block is still from before the closure.
                self.wait(self.poll_seconds)
            else:
                yield self.market.request(request_id)

    def round(self, request_id: int) -> Round:
        """Return the account of a finished request."""
        request = self.market.request(request_id)
        return Round(
            request,
            bids=self.market.bids(request_id),
            payments=self.market.payments(request),
            spending=self.spending,
        )

    def _next_step(self, request: Request) -> Sent:
        if request.status == Status.BIDDING:
            return self.market.select_winners(self.sender, request.request_id)
        return self.market.pay_winners(self.sender, request, PAY_BATCH)
