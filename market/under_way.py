"""Bids that are not in a block yet: urged on, or in the way of others."""

from dataclasses import dataclass, field

from market.bidder import Bidder
from market.bids import LevelBid, Offer
from market.desk import PURPOSE, Desk
from market.errors import MarketError
from market.flight import Flight
from market.model import Request
from market.node import Block, NodeUnavailableError, time_after_s
from market.progress import Round


@dataclass(slots=True)
class UnderWay:
    """Looks after what this account has sent."""

    desk: Desk
    bidder: Bidder
    too_dear: set[int] = field(default_factory=set)
    """The requests whose bids wait for gas to become cheaper."""

    def urge(self, flight: Flight, known: Round, request: Request, head: Block) -> None:
        """Send bids again, under the same conditions as the first time.

        After a reorganisation another program may bid for this account with an earlier nonce, if
        what was sent before these bids is gone: until that is back, they wait.
        """
        sender = self.desk.sender
        if sender.is_next(flight):
            account = sender.signer.address
            if not self.desk.market.bids_of(account, request.request_id):
                sender.urge(flight, dearer=self._is_worth_its_gas(known, request))
            # Unless they are these, in a block since it was last looked.
            elif sender.look(flight) is None:
                self.desk.memory.forget_flights([flight])
                self.desk.forget(request.request_id)
            return
        first, *_ = sender.unfinished() or [flight]
        if sender.is_next(first) and self._is_too_late(first, head):
            # It can only be refused now, but it is what the nonces behind it wait for.
            sender.urge(first)

    def _is_worth_its_gas(self, known: Round, request: Request) -> bool:
        """Return whether all bids can still win more than their gas costs now; tell once if not."""
        bids = level_bids(request, known)
        try:
            worth, refusals, _ = self.bidder.prepare(request, bids, moves=False)
        except NodeUnavailableError:
            raise
        except MarketError:
            # Gas above the ceiling, say; what was sent may get into a block all the same.
            return False
        if refusals and request.request_id not in self.too_dear:
            self.too_dear.add(request.request_id)
            self.desk.report.problem(
                MarketError(
                    f"The bids for request {request.request_id} are not in a block yet, and their "
                    "fee is not raised: they would cost more gas than they can win"
                )
            )
        if worth_it := len(worth) == len(bids):
            self.too_dear.discard(request.request_id)
        return worth_it

    def urge_others(self, head: Block) -> None:
        """Urge on what another command has left, such as a withdrawal: nobody else does.

        A payment that never got to a node is dropped: it is not the consumer's to make.
        """
        sender = self.desk.sender
        for flight in sender.unfinished(head.number):
            if flight.purpose == PURPOSE or not sender.is_due(flight):
                continue
            if not sender.drop_unsent(flight):
                sender.urge(flight)

    def in_the_way_of(self, request: Request, head: Block) -> Flight | None:
        """Return bids under way that are of no use at present.

        Their gate has closed, or they are outdated: a request that is met anew has come back after
        a reorganisation, maybe with other terms. Or they wait for gas to become cheaper.
        """
        self._forget_unreachable(head)
        for flight in self.desk.sender.unfinished(head.number):
            again = (flight.purpose, flight.subject) == (PURPOSE, request.request_id)
            waits = flight.purpose == PURPOSE and flight.subject in self.too_dear
            if again or waits or self._is_too_late(flight, head):
                return flight
        return None

    def sent_instead(self, request_id: int, displaced: Flight | None) -> None:
        """Note that bids were sent, and wait for nothing: nor do those whose place they took."""
        self.too_dear.discard(request_id)
        if displaced:
            self.too_dear.discard(displaced.subject)

    def _forget_unreachable(self, head: Block) -> None:
        """Forget late bids that nothing leads up to, as a node has once told too high a nonce.

        Until their gate has closed they are waited for: bids of the same request, sent with
        another nonce, could get on chain together with them.
        """
        for first in self.desk.sender.unfinished(head.number)[:1]:
            if self._is_too_late(first, head) and not self.desk.sender.is_next(first):
                self.desk.memory.forget_flights([first])

    def _is_too_late(self, flight: Flight, head: Block) -> bool:
        """Return whether a flight has bids for a request whose gate has closed, or that is over."""
        late = self.desk.rounds.get(flight.subject)
        if flight.purpose != PURPOSE or late is None:
            return flight.purpose == PURPOSE
        return late.terms.get("gate_closure", 0) <= time_after_s(self.desk.market.web3, head)


def level_bids(request: Request, known: Round) -> list[LevelBid]:
    """Return the bids of a round as they are submitted."""
    step_wei = request.price_step_wei
    return [
        LevelBid(
            Offer(bid.energy_wh, bid.price_level * step_wei, bid.device),
            bid.energy_wh,
            bid.price_level,
        )
        for bid in known.bids
    ]
