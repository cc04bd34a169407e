"""What the charts draw. Their numbers are for the eye alone: beside each stand the exact ones."""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from market.history import PastRound
from market.supply import Step, Supply
from market.units import ETH_PER_KWH_PLACES, ETH_PLACES, KWH_PLACES

Point: TypeAlias = dict[str, float | None]
_MOST_BARS = 60


def supply_chart(supply: Supply) -> dict[str, object]:
    """Return the merit order's curve, this consumer's part of it, and the energy asked for."""
    return {
        "reduction": _kwh(supply.reduction_wh),
        "maximum": _price(supply.maximum_price_wei_per_wh),
        "offered": _kwh(supply.offered_wh),
        "all": [*_line(supply.steps)],
        "mine": [*_line([step for step in supply.steps if step.mine], gaps=True)],
    }


def earnings_chart(rounds: Sequence[PastRound]) -> dict[str, object]:
    """Return what the newest rounds brought, the oldest of them first."""
    shown = [past for past in rounds if past.took_part][:_MOST_BARS][::-1]
    return {
        "labels": [f"{past.request_id}" for past in shown],
        "times": [past.time.isoformat() if past.time else "" for past in shown],
        "earned": [past.earned_wei / 10**ETH_PLACES for past in shown],
        "gas": [-past.fee_wei / 10**ETH_PLACES for past in shown],
    }


def _line(steps: Iterable[Step], *, gaps: bool = False) -> Iterable[Point]:
    for step in steps:
        level = _price(step.price_wei_per_wh)
        yield {"x": _kwh(step.from_wh), "y": level}
        yield {"x": _kwh(step.to_wh), "y": level}
        if gaps:
            yield {"x": _kwh(step.to_wh), "y": None}


def _kwh(energy_wh: int) -> float:
    return float(energy_wh / 10**KWH_PLACES)


def _price(wei_per_wh: int) -> float:
    return float(wei_per_wh / 10**ETH_PER_KWH_PLACES)
