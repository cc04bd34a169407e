"""The merit order as a curve: the price over the energy that is offered up to it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from market.clearing import Bid, merit_order
from market.model import Request


@dataclass(frozen=True, slots=True)
class Step:
    """Energy at one price, of this consumer or of others, between two points of the curve."""

    from_wh: int
    to_wh: int
    price_wei_per_wh: int
    mine: bool
    bid_count: int


@dataclass(frozen=True, slots=True)
class Supply:
    """The curve, and the energy it is held against."""

    steps: tuple[Step, ...]
    reduction_wh: int
    maximum_price_wei_per_wh: int

    @property
    def offered_wh(self) -> int:
        """Return the energy of all the bids."""
        return self.steps[-1].to_wh if self.steps else 0


def supply_of(bids: Iterable[Bid], request: Request, account: str | None) -> Supply:
    """Return the curve of a request's bids, those that stand beside each other put together."""
    return Supply(
        tuple(_steps(bids, request, account)),
        request.reduction_wh,
        request.maximum_price_wei_per_wh,
    )


def _steps(bids: Iterable[Bid], request: Request, account: str | None) -> Iterator[Step]:
    def kind(bid: Bid) -> tuple[int, bool]:
        return bid.price_level, bid.consumer == account

    start_wh = 0
    for (level, mine), group in groupby(merit_order(bids), key=kind):
        energies = [min(bid.energy_wh, request.reduction_wh) for bid in group]
        end_wh = start_wh + sum(energies)
        price = level * request.price_step_wei
        yield Step(start_wh, end_wh, price, mine, len(energies))
        start_wh = end_wh
