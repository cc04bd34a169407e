"""Before gate closure: bid in a request exactly once, and see that the bids stay on chain."""

from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from market.bidder import Bidder, BidsUnreadableError
from market.bids import LevelBid, Offer, Refusal
from market.desk import ENDED, PURPOSE, Desk, terms_of
from market.errors import MarketError
from market.guardrails import Guardrails, midnight_s
from market.launching import DryRunError, Prepared
from market.model import Request, Status
from market.node import Block, NodeUnavailableError, time_after_s
from market.progress import PlacedBid, Round, State
from market.reverts import RevertError
from market.under_way import UnderWay, level_bids
from market.witnesses import BIDS_OF_NEWEST_BLOCKS

_DRY_RUN = "DRY_RUN is on"


class _BidMeanwhileError(MarketError):
    """Bids of this account have got on chain since they were looked for."""


@dataclass(slots=True)
class Answering:
    """Deals with requests up to their gate closure."""

    desk: Desk
    bidder: Bidder
    guardrails: Guardrails
    placed_s: dict[int, int] = field(default_factory=dict)
    """When bids got on chain that this program has not sent, as far as it was looked up."""
    _announced: set[int] = field(default_factory=set)
    _refused: set[tuple[int, Offer]] = field(default_factory=set)
    _would_answer_s: list[int] = field(default_factory=list)
    _under_way: UnderWay = field(init=False)

    def __post_init__(self) -> None:
        self._under_way = UnderWay(self.desk, self.bidder)

    def meet(self, request: Request, head: Block) -> bool:
        """Take up a request: with the bids that are on chain already, or with new ones.

        False if there is nothing to do with it: it was over before it was seen.
        """
        now_s = time_after_s(self.desk.market.web3, head)
        open_now = request.status == Status.BIDDING and request.gate_closure > now_s
        announced = request.request_id in self._announced
        mine = self.bids_on_chain(request, head)
        if mine:
            if open_now:
                self.desk.report.already_bid(request)
            self._adopt(request, mine, now_s, head)
        elif open_now:
            self._answer(request, now_s, head)
        elif announced:
            self._pass(request, "its gate closed before there were bids", head)
        return bool(mine) or open_now or announced

    def follow_flight(self, known: Round, request: Request, head: Block) -> None:
        """See whether the bids are in a block; they are urged on while the gate is open."""
        flight = self.desk.flight(known.request_id)
        if flight is None:
            self.desk.forget(known.request_id)
            return
        open_now = request.gate_closure > time_after_s(self.desk.market.web3, head)
        try:
            sent = self.desk.sender.look(flight)
            if sent is None and open_now and self.desk.sender.is_due(flight):
                self._under_way.urge(flight, known, request, head)
        except NodeUnavailableError:
            raise
        except DryRunError:
            self._tell_not_sent(known, request)
        except RevertError as refusal:
            self.desk.memory.forget_flights([flight])
            # Not sent again: a reorganisation may let these get in after all, beside others.
            self._pass(request, f"the contract refused the bids: {refusal}", head)
            raise
        except MarketError:
            # Not carried out: whether there is time for another try, the next step finds out.
            self.desk.forget(known.request_id)
            raise
        if sent:
            known.state = State.PLACED
            self.desk.place(known, sent)
            self.desk.remember(known)
            self.desk.report.bids_submitted(request, level_bids(request, known), sent.hash)
        elif request.status in ENDED and flight in self.desk.sender.unfinished():
            # Else they may be in a block whose receipt the node does not show yet.
            self._pass(request, "the bids were not in a block before gate closure", head)

    def _tell_not_sent(self, known: Round, request: Request) -> None:
        """Tell once of bids of a former run that a dry run does not send again."""
        if request.request_id not in self._announced:
            self.desk.report.would_bid(request, level_bids(request, known))
        self._announced.add(request.request_id)

    def watch(self, known: Round, request: Request, head: Block) -> None:
        """Send bids again that a reorganisation has taken, and what a dry run has not sent."""
        if known.reason == _DRY_RUN and not self.desk.sender.dry_run:
            self.meet(request, head)
        elif self.desk.is_gone(known) and not self.desk.finds_bids(known, head):
            self.desk.report.bids_vanished(request)
            self.desk.send_again(known)

    def clean_up(self, request_id: int) -> None:
        """Forget what was told of a request."""
        self._announced.discard(request_id)
        self._under_way.too_dear.discard(request_id)
        self._refused = {key for key in self._refused if key[0] != request_id}

    # What is on chain already

    def bids_on_chain(self, request: Request, head: Block) -> list[PlacedBid]:
        """Return the bids of this account, with the devices as far as they are told."""
        if not request.bid_count:
            return []
        account = self.desk.sender.signer.address
        mine = self.desk.market.bids_of(account, request.request_id, head.number)
        if mine and not self.bidder.offer_count:
            # Without the file the bids are known all the same, but not their devices.
            with suppress(BidsUnreadableError):
                self.bidder.refresh()
        fitting, _ = self.bidder.fitting(request)
        devices = {(bid.energy_wh, bid.price_level): bid.offer.device for bid in fitting}
        return [
            PlacedBid(
                bid.bid_id,
                bid.energy_wh,
                bid.price_level,
                devices.get((bid.energy_wh, bid.price_level)),
            )
            for bid in mine
        ]

    def _adopt(self, request: Request, mine: list[PlacedBid], now_s: int, head: Block) -> None:
        adopted = Round(request.request_id, State.PLACED, terms_of(request), mine)
        # Where the bids' block is not known: they can have been there no later.
        latest_s = min(now_s, request.gate_closure)
        adopted.answered_s = self.placed_s.get(request.request_id, latest_s)
        adopted.block_number, adopted.block_hash = head.number, head.hash
        self.desk.remember(adopted)

    # New bids

    def _answer(self, request: Request, now_s: int, head: Block) -> None:
        """Send the bids that fit the request, if the household lets it."""
        if request.request_id not in self._announced:
            self.desk.report.request_opened(request, request.gate_closure - now_s)
        self._announced.add(request.request_id)
        if objection := self._objection(request, now_s):
            self.desk.report.request_skipped(request, objection)
            self._pass(request, objection, head)
            return
        self.bidder.refresh()
        bids, refusals = self.bidder.fitting(request)
        self._tell_refusals(request, refusals)
        if not bids:
            self._pass(request, "no bid fits it", head)
            return
        bids, refusals, prepared = self.bidder.prepare(request, bids)
        self._tell_refusals(request, refusals)
        if prepared is None:
            # Gas may be cheaper in the next block.
            return
        if self.desk.sender.dry_run:
            self.desk.report.would_bid(request, bids)
            self._would_answer_s.append(now_s)
            self._pass(request, _DRY_RUN, head)
        else:
            self._send(request, bids, prepared, now_s, head)

    def _objection(self, request: Request, now_s: int) -> str:
        since_s = midnight_s(now_s)
        would_be = sum(answered_s >= since_s for answered_s in self._would_answer_s)
        today = self.desk.memory.answered_since(since_s) + would_be
        return self.guardrails.objection(request, now_s, today)

    def _send(
        self, request: Request, bids: list[LevelBid], prepared: Prepared, now_s: int, head: Block
    ) -> None:
        # Remembered first: a round without its transaction was never sent, and is met again.
        sent = [PlacedBid(None, b.energy_wh, b.price_level, b.offer.device) for b in bids]
        terms, former = terms_of(request), self.desk.flight(request.request_id)
        self.desk.remember(Round(request.request_id, State.SENT, terms, sent, answered_s=now_s))
        try:
            displaced = self._under_way.in_the_way_of(request, head)
            self.desk.sender.launch(
                prepared,
                PURPOSE,
                request.request_id,
                block=head.number,
                instead_of=displaced,
                check=partial(self._require_no_bids, request),
            )
            self._under_way.sent_instead(request.request_id, displaced)
        except _BidMeanwhileError:
            self.desk.forget(request.request_id)
        except MarketError:
            if self.desk.flight(request.request_id) in (None, former):
                self.desk.forget(request.request_id)
            self._under_way.urge_others(head)
            raise

    def _require_no_bids(self, request: Request, nonce: int) -> None:
        """Look once more for bids of this account, now that the nonce is known.

        A node that is just storing a block, or replacing one, may have told the number of
        transactions after that block, and the bids before it.
        """
        account, market = self.desk.sender.signer.address, self.desk.market
        first = max(0, request.bid_count - BIDS_OF_NEWEST_BLOCKS)
        if market.bids_of(account, request.request_id, first=first):
            raise _BidMeanwhileError("The bids are on chain already")
        self.desk.witnesses.require_agreement(market, request, account, nonce)

    def _pass(self, request: Request, reason: str, head: Block) -> None:
        passed = Round(request.request_id, State.PASSED, terms_of(request), reason=reason)
        # Where to begin to look for its outcome.
        passed.block_number = head.number
        self.desk.remember(passed)

    def _tell_refusals(self, request: Request, refusals: list[Refusal]) -> None:
        for refusal in refusals:
            key = request.request_id, refusal.offer
            if key not in self._refused:
                self.desk.report.offer_refused(refusal)
            self._refused.add(key)
