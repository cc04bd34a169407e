"""How far a consumer has come with a request."""

from dataclasses import dataclass, field
from enum import Enum

from market.store import Results


class State(str, Enum):
    """How far a consumer has come with a request."""

    SENT = "sent"
    PLACED = "placed"
    PASSED = "passed"
    DECIDED = "decided"
    FINAL = "final"


@dataclass(frozen=True, slots=True)
class PlacedBid:
    """A bid of this consumer; its id is None until it is in a block."""

    bid_id: int | None
    energy_wh: int
    price_level: int
    device: str | None


@dataclass(slots=True)
class Round:
    """A request as this consumer has dealt with it.

    PASSED is one without bids of ours, and `reason` says why. `block_number` and `block_hash` are
    those of the block with the bids, and from DECIDED on of the one with the outcome.
    """

    request_id: int
    state: State
    terms: dict[str, int] = field(default_factory=dict)
    bids: list[PlacedBid] = field(default_factory=list)
    reason: str = ""
    answered_s: int | None = None
    block_number: int | None = None
    block_hash: str | None = None
    transaction: str | None = None
    gas_used: int = 0
    fee_wei: int = 0
    results: Results | None = None

    @property
    def took_part(self) -> bool:
        """Return whether this consumer has bid in it."""
        return self.reason == ""

    def devices(self) -> dict[int, str | None]:
        """Return the device of each bid that has an id."""
        return {bid.bid_id: bid.device for bid in self.bids if bid.bid_id is not None}
