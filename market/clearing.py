"""The market rule: which bids a request buys, and what each is paid.

The contract finds the same result from its price levels; the tests hold the two together.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum

from market.units import escrow_wei


class Pricing(IntEnum):
    """What an accepted Wh is paid; numbered as in the contract."""

    UNIFORM = 0
    PAY_AS_BID = 1


class Access(IntEnum):
    """Who may bid; numbered as in the contract."""

    OPEN = 0
    REGISTERED = 1
    APPROVED = 2


@dataclass(frozen=True, slots=True)
class Bid:
    """An offer to reduce by up to `energy_wh`, for no less than its price level."""

    bid_id: int
    consumer: str
    energy_wh: int
    price_level: int


@dataclass(frozen=True, slots=True)
class Award:
    """What one bid won; `price_level` is the level it is paid at."""

    bid_id: int
    consumer: str
    accepted_wh: int
    price_level: int
    payment_wei: int


@dataclass(frozen=True, slots=True)
class Clearing:
    """What a request buys; `clearing_level` is the marginal bid's level, 0 without bids."""

    clearing_level: int
    energy_wh: int
    cost_wei: int
    offered_wh: int
    awards: tuple[Award, ...]


def merit_order(bids: Iterable[Bid]) -> list[Bid]:
    """Return the bids in the order they are accepted: cheapest level first, then earliest."""
    return sorted(bids, key=lambda bid: (bid.price_level, bid.bid_id))


def clear(
    bids: Iterable[Bid], reduction_wh: int, price_step_wei: int, pricing: Pricing
) -> Clearing:
    """Return what the request buys: exactly min(reduction, energy offered), the cheapest first.

    `bids` are those not withdrawn, in any order. A bid counts with at most the reduction.
    """
    ranked = merit_order(bids)
    accepted = list(_accept(ranked, reduction_wh))
    clearing_level = accepted[-1][0].price_level if accepted else 0
    awards = tuple(
        _award(bid, wh, _paid_level(bid, clearing_level, pricing), price_step_wei)
        for bid, wh in accepted
    )
    return Clearing(
        clearing_level=clearing_level,
        energy_wh=sum(award.accepted_wh for award in awards),
        cost_wei=sum(award.payment_wei for award in awards),
        offered_wh=sum(min(bid.energy_wh, reduction_wh) for bid in ranked),
        awards=awards,
    )


def refund_wei(clearing: Clearing, reduction_wh: int, price_step_wei: int) -> int:
    """Return the part of the request's escrow that goes back to the utility."""
    return escrow_wei(reduction_wh, price_step_wei) - clearing.cost_wei


def _accept(ranked: Iterable[Bid], reduction_wh: int) -> Iterator[tuple[Bid, int]]:
    """Yield each accepted bid with its accepted Wh; only the marginal bid may be cut."""
    needed_wh = reduction_wh
    for bid in ranked:
        if not needed_wh:
            return
        accepted_wh = min(bid.energy_wh, needed_wh)
        needed_wh -= accepted_wh
        yield bid, accepted_wh


def _paid_level(bid: Bid, clearing_level: int, pricing: Pricing) -> int:
    return clearing_level if pricing == Pricing.UNIFORM else bid.price_level


def _award(bid: Bid, accepted_wh: int, price_level: int, price_step_wei: int) -> Award:
    payment_wei = accepted_wh * price_level * price_step_wei
    return Award(bid.bid_id, bid.consumer, accepted_wh, price_level, payment_wei)
