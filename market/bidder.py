"""What a consumer offers to a request: the bids of its file that fit, and are worth their gas."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from market.bids import LevelBid, Offer, Refusal, bids_for_request, one_level_up
from market.clearing import Pricing
from market.contract import DemandReduction
from market.errors import MarketError
from market.launching import Prepared
from market.model import Request
from market.reverts import RevertError
from market.store import load_offers
from market.transactions import Sender
from market.units import format_eth

# Even if every slot is used for the first time, that many fit in a transaction.
MOST_BIDS = 150
# Each is a question to the node more; the next look goes on from there.
_MOST_FULL_LEVELS = 20


class BidsUnreadableError(MarketError):
    """The bids cannot be read, and never could since the start."""


@dataclass(slots=True)
class Bidder:
    """Reads the bids, and prepares the transaction that submits them."""

    market: DemandReduction
    sender: Sender
    bids_file: Path
    on_problem: Callable[[MarketError], None]
    problem: str = ""
    """What is wrong with the file, as it was last read; empty if nothing is."""
    _offers: tuple[Offer, ...] = ()

    def load(self) -> None:
        """Read the bids. MarketError if they cannot be used; the last good ones stay."""
        self._offers = load_offers(self.bids_file)

    def refresh(self) -> None:
        """Read the bids again, as they may have changed; broken ones are told once.

        BidsUnreadableError if there are none from before to use instead.
        """
        try:
            self.load()
        except MarketError as problem:
            was, self.problem = self.problem, str(problem)
            if not self._offers:
                raise BidsUnreadableError(f"{problem}. Nothing is bid until it is mended") from None
            if was != self.problem:
                self.on_problem(MarketError(f"{problem}. The bids read before are used"))
        else:
            self.problem = ""

    @property
    def offer_count(self) -> int:
        """Return how many bids the file has."""
        return len(self._offers)

    def fitting(self, request: Request) -> tuple[list[LevelBid], list[Refusal]]:
        """Return the bids that fit a request, and the offers that do not."""
        bids, refusals = bids_for_request(
            self._offers,
            reduction_wh=request.reduction_wh,
            price_step_wei=request.price_step_wei,
            minimum_bid_wh=request.minimum_bid_wh,
        )
        too_many = f"a request takes the first {MOST_BIDS} bids of a file: write fewer"
        refusals += [Refusal(bid.offer, too_many) for bid in bids[MOST_BIDS:]]
        return bids[:MOST_BIDS], refusals

    def prepare(
        self, request: Request, bids: list[LevelBid], *, moves: bool = True
    ) -> tuple[list[LevelBid], list[Refusal], Prepared | None]:
        """Return the bids that can win more than their gas costs, with their transaction.

        A level that somebody has filled keeps none of them out: what would be at it asks for more,
        but where nothing `moves`, as it is sent already. RevertError if the contract refuses them.
        """
        refusals: list[Refusal] = []
        full_levels = 0
        while bids:
            written = [(bid.energy_wh, bid.price_level) for bid in bids]
            try:
                prepared = self.market.prepare_bids(self.sender, request.request_id, written)
            except RevertError as refusal:
                full_levels += 1
                may_move = moves and full_levels <= _MOST_FULL_LEVELS
                if refusal.name != "LevelFull" or not may_move:
                    raise
                bids, too_high = one_level_up(bids, *refusal.arguments)
                refusals += too_high
                continue
            share_wei = prepared.fee_wei // len(bids)
            losing = [bid for bid in bids if _most_wei(request, bid) < share_wei]
            if not losing:
                return bids, refusals, prepared
            refusals += [Refusal(bid.offer, _too_dear(request, bid, share_wei)) for bid in losing]
            bids = [bid for bid in bids if bid not in losing]
        return [], refusals, None


def _most_wei(request: Request, bid: LevelBid) -> int:
    """Return the most that a bid can bring."""
    uniform = request.pricing == Pricing.UNIFORM
    level_wei = bid.price_level * request.price_step_wei
    return bid.energy_wh * (request.maximum_price_wei_per_wh if uniform else level_wei)


def _too_dear(request: Request, bid: LevelBid, share_wei: int) -> str:
    return (
        f"its gas would cost {format_eth(share_wei)} ETH, and it can win at most "
        f"{format_eth(_most_wei(request, bid))} ETH: offer more energy, or wait for cheaper gas"
    )
