"""What the contract knows, typed: in the chain's units, integers throughout."""

from dataclasses import dataclass
from enum import IntEnum

from eth_typing import ChecksumAddress

from market.clearing import Access, Pricing
from market.units import PRICE_LEVELS, escrow_wei

BOOKS = 16
"""How many requests can be unfinished at a time: always the newest ones."""
MOST_BIDS_IN_REQUEST = 2**23 - 1
"""How many bids a request takes, withdrawn ones included."""


class Status(IntEnum):
    """The phase of a request; numbered as in the contract."""

    NONE = 0
    BIDDING = 1
    CLEARED = 2
    SETTLED = 3
    CANCELLED = 4


class Standing(IntEnum):
    """What the utility knows of a consumer; numbered as in the contract."""

    UNKNOWN = 0
    REGISTERED = 1
    APPROVED = 2
    REVOKED = 3


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it stands on chain: energy in Wh, prices in wei per Wh, times in Unix s."""

    request_id: int
    status: Status
    access: Access
    pricing: Pricing
    utility: ChecksumAddress
    reduction_wh: int
    price_step_wei: int
    gate_closure: int
    dispatch_start: int
    dispatch_end: int
    minimum_bid_wh: int
    bid_count: int
    clearing_level: int
    energy_wh: int
    escrow_wei: int
    cost_wei: int
    paid_wei: int
    deferred_wei: int
    refunded_wei: int

    @property
    def maximum_price_wei_per_wh(self) -> int:
        """The most that is paid for a Wh."""
        return PRICE_LEVELS * self.price_step_wei

    @property
    def clearing_price_wei_per_wh(self) -> int:
        """The price of the last bid accepted, 0 before selection and where nothing was bought."""
        return self.clearing_level * self.price_step_wei


@dataclass(frozen=True, slots=True)
class Quote:
    """The outcome of a request if its gate closed now."""

    clearing_level: int
    energy_wh: int
    cost_wei: int
    offered_wh: int


@dataclass(frozen=True, slots=True)
class Payment:
    """What a winning bid got; `pushed` is False if it waits in the contract to be withdrawn."""

    bid_id: int
    consumer: ChecksumAddress
    energy_wh: int
    amount_wei: int
    pushed: bool
    transaction: str


@dataclass(frozen=True, slots=True)
class Terms:
    """What a utility asks for."""

    reduction_wh: int
    price_step_wei: int
    bidding_seconds: int
    minimum_bid_wh: int = 0
    pricing: Pricing = Pricing.UNIFORM
    dispatch_start: int = 0
    dispatch_end: int = 0

    @property
    def escrow_wei(self) -> int:
        """What the request needs in escrow."""
        return escrow_wei(self.reduction_wh, self.price_step_wei)

    def fit(self, request: Request) -> bool:
        """Return whether a request has these terms; how long it took bids does not show."""
        names = ("reduction_wh", "price_step_wei", "minimum_bid_wh", "pricing")
        dispatch = ("dispatch_start", "dispatch_end")
        return all(getattr(self, name) == getattr(request, name) for name in (*names, *dispatch))
