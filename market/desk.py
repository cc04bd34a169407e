"""What a consumer has on its desk: its tools, and the requests it has to do with."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from market.contract import DemandReduction
from market.errors import MarketError
from market.flight import Flight
from market.landing import Sent
from market.memory import Memory
from market.model import Request, Status
from market.node import Block, is_on_chain, node_name
from market.progress import PlacedBid, Round, State
from market.reporter import Reporter
from market.transactions import Sender
from market.witnesses import Witnesses

PURPOSE = "submit_bids"
# Bids that were reckoned for other terms are not what the household offers.
_BIDS_DEPEND_ON = ("reduction_wh", "price_step_wei")
ENDED = (Status.SETTLED, Status.CANCELLED)


@dataclass(slots=True)
class Desk:
    """The tools, and the rounds that have not come to their end."""

    market: DemandReduction
    sender: Sender
    memory: Memory
    results_file: Path
    report: Reporter
    chain: str
    confirmations: int = 0
    now: Callable[[], datetime] = lambda: datetime.now(timezone.utc)
    rounds: dict[int, Round] = field(default_factory=dict)
    selection_told: set[int] = field(default_factory=set)
    witnesses: Witnesses = field(default_factory=Witnesses)

    def remember(self, known: Round) -> None:
        """Keep a round as it is now."""
        self.rounds[known.request_id] = known
        self.memory.save(known)

    def forget(self, request_id: int) -> None:
        """Have it as if the request had never been seen."""
        self.rounds.pop(request_id, None)
        self.memory.forget(request_id)

    def flight(self, request_id: int) -> Flight | None:
        """Return the transaction with the bids for a request, if one was sent."""
        flights = self.memory.flights(self.sender.signer.address)
        mine = [f for f in flights if (f.purpose, f.subject) == (PURPOSE, request_id)]
        return mine[-1] if mine else None

    def forget_landed(self, request_id: int) -> None:
        """Forget the transactions with bids that are through, of a request and of older ones.

        One whose nonce is still free may land later: the next transaction takes its place.
        """
        account, sender = self.sender.signer.address, self.sender
        under_way = {flight.key for flight in sender.unfinished()}
        self.memory.forget_flights(
            flight
            for flight in self.memory.flights(account)
            if flight.purpose == PURPOSE and flight.key not in under_way
            if flight.subject == request_id or flight.subject not in self.rounds
        )

    def is_gone(self, known: Round) -> bool:
        """Return whether the block that a round rests on is no longer part of the chain."""
        return self._rests_on_chain(known) is False

    def require_not_behind(self, known: Round) -> None:
        """Raise MarketError if a node has not come as far as a round's block yet.

        So it is after a power cut, which sets many nodes back: nothing was reorganised. It keeps
        no other request waiting, as a node may have told of a block that never comes.
        """
        if self._rests_on_chain(known) is None:
            raise MarketError(
                f"The node at {node_name(self.market.web3)} is behind: block {known.block_number} "
                "was there before, and it does not have it"
            )

    def _rests_on_chain(self, known: Round) -> bool | None:
        """Return whether a round's block, if it has one, is on chain; None if it is not yet."""
        if known.block_number is None or known.block_hash is None:
            return True
        return is_on_chain(self.market.web3, known.block_number, known.block_hash)

    def finds_bids(self, known: Round, head: Block) -> bool:
        """Return whether a round's bids are on chain; it then rests on the newest block."""
        account = self.sender.signer.address
        if not self.market.bids_of(account, known.request_id, head.number):
            return False
        known.block_number, known.block_hash = head.number, head.hash
        self.remember(known)
        return True

    def send_again(self, known: Round) -> None:
        """Have the next step send bids that are on chain no longer, if there is time for it."""
        flight = self.flight(known.request_id)
        if flight is None:
            self.forget(known.request_id)
            return
        flight.handed_over_s = None
        known.state, known.block_number, known.block_hash = State.SENT, None, None
        self.remember(known)

    def place(self, known: Round, sent: Sent) -> None:
        """Note where a round's bids are on chain; from now on it rests on their block."""
        self.identify(known, sent)
        known.block_number, known.block_hash = sent.block_number, sent.block_hash

    def identify(self, known: Round, sent: Sent) -> None:
        """Note which of the chain's bids are a round's, and what they have cost."""
        first_id = self.market.first_bid_id(sent.receipt)
        known.bids = [
            PlacedBid(bid_id, bid.energy_wh, bid.price_level, bid.device)
            for bid_id, bid in enumerate(known.bids, first_id)
        ]
        known.transaction, known.gas_used, known.fee_wei = sent.hash, sent.gas_used, sent.fee_wei

    def tell_selection(self, request: Request) -> None:
        """Report once that a request was cleared."""
        if request.energy_wh and request.request_id not in self.selection_told:
            self.report.winners_selected(request)
            self.selection_told.add(request.request_id)


def is_another(known: Round, request: Request) -> bool:
    """Return whether a reorganisation has taken a round's request, or put another in its place.

    The same request in another block may have another gate closure.
    """
    terms = terms_of(request)
    same = (known.terms.get(key, terms[key]) == terms[key] for key in _BIDS_DEPEND_ON)
    return request.status == Status.NONE or not all(same)


def terms_of(request: Request) -> dict[str, int]:
    """Return what is worth remembering of a request."""
    return {
        "reduction_wh": request.reduction_wh,
        "price_step_wei": request.price_step_wei,
        "gate_closure": request.gate_closure,
    }
