"""The utility's requests and the transactions that made them: none is made twice, none is lost."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from market.contract import REQUEST_PURPOSE, DemandReduction
from market.errors import MarketError
from market.flight import Flight
from market.invocation import command
from market.landing import FailedError, Sent
from market.launching import DroppedError
from market.model import Request, Status
from market.patience import Patience
from market.reverts import RevertError
from market.transactions import Sender

_NOT_CARRIED_OUT = (RevertError, FailedError, DroppedError)
# Behind one address there may be several nodes, some of them a block behind.
_LOOKS_UNTIL_MISSED = 5


class LostError(MarketError):
    """A reorganisation has taken a request from the chain, and it is not waited for any longer."""


@dataclass(slots=True)
class Requested:
    """The requests of this account in one contract, as far as they are noted."""

    market: DemandReduction
    sender: Sender
    patiently: Patience
    confirmations: int = 0
    _flights: dict[int, Flight] = field(default_factory=dict)
    _gates: dict[int, int] = field(default_factory=dict)
    _looks_missed: dict[int, int] = field(default_factory=dict)
    _missed_since: dict[int, int] = field(default_factory=dict)

    # Which transaction made which request

    def noted(self) -> list[Flight]:
        """Return the transactions that have requested something of this contract."""
        flights = self.sender.journal.flights(self.sender.signer.address)
        here = self.market.address
        return [f for f in flights if (f.purpose, f.newest.get("to")) == (REQUEST_PURPOSE, here)]

    def made_by_run(self, request_id: int, run: int, sent: Sent) -> None:
        """Take the newest transaction of a run for the one that made a request."""
        mine = [flight for flight in self.noted() if flight.subject == run]
        for flight in mine[-1:]:
            self._learn(request_id, flight, sent)

    def made_by(
        self, flight: Flight, look: Callable[[Flight], Sent | None] | None = None
    ) -> int | None:
        """Return what a transaction has requested; it is forgotten if it never will.

        How to `look` at what became of it may be said.
        """
        try:
            made = self._made(flight, look or self.sender.look)
        except _NOT_CARRIED_OUT:
            self.sender.journal.forget_flights([flight])
            return None
        if made is None:
            return None
        self._learn(made[0], flight, made[1])
        return made[0]

    def _made(
        self, flight: Flight, look: Callable[[Flight], Sent | None]
    ) -> tuple[int, Sent] | None:
        """Return what a transaction has requested, and where; None while it is not in a block."""

        def made() -> tuple[int, Sent] | None:
            sent = look(flight)
            return (self.market.requested_id(sent.receipt), sent) if sent else None

        return self.patiently(made)

    def _learn(self, request_id: int, flight: Flight, sent: Sent) -> None:
        """Note which transaction made a request, and that its block has been seen."""
        self._flights[request_id] = flight
        if sent.block_number > flight.seen_block:
            flight.seen_block = sent.block_number
            self.sender.journal.save_flight(flight)

    def unread(self, run: int) -> int | None:
        """Return what a run has requested whose number it could not read from a node's answer."""
        for flight in self.noted():
            if flight.subject == run and flight not in self._flights.values():
                return self.made_by(flight, self.sender.wait)
        return None

    def forget(self, request_id: int) -> None:
        """Note a request no longer: nobody has to go on with it."""
        self.find(request_id)
        self.forget_known(request_id)

    def find(self, request_id: int) -> None:
        """Learn which transaction made a request, if that is noted."""
        if request_id not in self._flights:
            for flight in self.noted():
                self.made_by(flight)

    def is_of_run(self, request_id: int, run: int) -> bool:
        """Return whether a request is known to be one that a run has made."""
        flight = self._flights.get(request_id)
        return flight is not None and flight.subject == run

    def forget_known(self, request_id: int) -> None:
        """Do the same without a question to the node."""
        if flight := self._flights.get(request_id):
            self.sender.journal.forget_flights([flight])

    # That it stays on the chain

    def is_there(self, request: Request) -> bool:
        """Return whether a request is on the chain, and as its gate closure shows the same one.

        One of this account that a reorganisation has taken is sent again. LostError if it cannot
        be there again.
        """
        request_id = request.request_id
        same = request.gate_closure == self._gates.get(request_id, request.gate_closure)
        flight = self._flights.get(request_id)
        if request.status != Status.NONE and (same or flight is None):
            there = True
        elif flight:
            there = self._regain(request, flight)
        else:
            there = self._wait_for(request)
        if there:
            self._gates[request_id] = request.gate_closure
            self._looks_missed.pop(request_id, None)
            self._missed_since.pop(request_id, None)
        return there

    def _regain(self, request: Request, flight: Flight) -> bool:
        """Return whether a transaction has made this very request; it is urged if it is gone."""
        try:
            made = self._made(flight, self.sender.look)
        except _NOT_CARRIED_OUT as problem:
            self.sender.journal.forget_flights([flight])
            raise LostError(
                f"{_taken(request)}, and it cannot be there again: {problem}. Its escrow is back "
                "in your account: request it anew if you still need it"
            ) from None
        if made:
            _require_its_number(request, made[0])
            return request.status != Status.NONE
        if self._is_missed(request):
            self._urge(request, flight)
        return False

    def _urge(self, request: Request, flight: Flight) -> None:
        if self._looks_missed[request.request_id] == _LOOKS_UNTIL_MISSED:
            after = ""
            if not self.patiently(partial(self.sender.is_next, flight)):
                after = ", though a transaction of this account before it has to come back first"
            self.patiently.tell(MarketError(f"{_taken(request)}: sending it again{after}"))
            # Unchanged the first time: most nodes still have it.
            flight.handed_over_s = None
        if self.sender.is_due(flight):
            self.patiently(partial(self.sender.urge, flight))

    def _wait_for(self, request: Request) -> bool:
        """Wait for what somebody else has requested, as long as anything takes to be final."""
        head = self.patiently(self.market.head).number
        since = self._missed_since.setdefault(request.request_id, head)
        if not self._is_missed(request):
            return False
        if head - since >= self.confirmations:
            raise LostError(
                f"{_taken(request)}, and the transaction that made it is not known here. Its "
                "escrow is back with its utility"
            )
        if self._looks_missed[request.request_id] == _LOOKS_UNTIL_MISSED:
            self.patiently.tell(MarketError(f"{_taken(request)}: waiting for it"))
        return False

    def _is_missed(self, request: Request) -> bool:
        """Count a look in vain; return whether there were too many for a node that is behind."""
        looks = self._looks_missed.get(request.request_id, 0) + 1
        self._looks_missed[request.request_id] = looks
        return looks >= _LOOKS_UNTIL_MISSED


def _require_its_number(request: Request, number: int) -> None:
    if number != request.request_id:
        raise LostError(
            f"{_taken(request)}, and it is request {number} now: after its gate closure, "
            f"finish it with: {command('utility', 'finish')}"
        )


def _taken(request: Request) -> str:
    return f"A reorganisation has taken request {request.request_id} from the chain"
