"""What selecting the winners costs."""

from collections.abc import Iterator, Sequence

from bench.contract import Market
from bench.figures import Figure, Section
from bench.hostile import BURNS_GAS
from bench.rounds import BID_WH, Round
from bench.workbench import PRICINGS, Workbench
from market.clearing import Pricing

LIMIT = 750_000
SIX_HUNDRED_LEVELS_LIMIT = 450_000
REPLACED = {10: "0.77M", 100: "5.6M", 200: "13.5M", 1000: "over 16,777,216"}


def section(bench: Workbench) -> Section:
    """Measure `select_winners`."""
    figures = (
        *_full_grid(bench),
        *_six_hundred_levels(bench),
        *_numbers_of_bids(bench),
        *_same_levels(bench),
        *_half_wanted(bench),
        _first_use(bench),
    )
    note = (
        "The reduction is not reached, if not stated otherwise, so that every level bid at is "
        "read and every bid wins. The replaced contract also paid in this call, and could not "
        "make it for more than about 230 bids."
    )
    return Section("Clearing: select_winners", note, figures)


def _full_grid(bench: Workbench) -> Iterator[Figure]:
    levels = list(range(1, bench.levels + 1))
    case = f"{len(levels):,} bids on all {len(levels):,} levels"
    yield from _both_pricings(bench, case, levels)
    refused = _select(bench, levels, Pricing.UNIFORM, utility_code=BURNS_GAS)
    yield Figure(f"{case}, uniform; the refund burns gas and is credited", refused, LIMIT)


def _six_hundred_levels(bench: Workbench) -> Iterator[Figure]:
    lowest = list(range(1, 601))
    anywhere = bench.some_different_levels(600)
    limit = SIX_HUNDRED_LEVELS_LIMIT
    yield from _both_pricings(bench, "600 bids on the lowest 600 levels", lowest, limit)
    yield from _both_pricings(bench, "600 bids on 600 levels drawn at random", anywhere, limit)


def _numbers_of_bids(bench: Workbench) -> Iterator[Figure]:
    for bids, replaced in REPLACED.items():
        case = f"{bids:,} bids at random levels"
        yield from _both_pricings(bench, case, bench.some_levels(bids), replaced=replaced)


def _same_levels(bench: Workbench) -> Iterator[Figure]:
    for bids in (10, 1000):
        levels = [number % 10 * 100 + 51 for number in range(bids)]
        yield from _both_pricings(bench, f"{bids:,} bids on the same ten levels", levels)


def _half_wanted(bench: Workbench) -> Iterator[Figure]:
    levels = bench.some_levels(1000)
    case = "1,000 bids at random levels, half the energy wanted"
    for pricing, name in PRICINGS.items():
        gas = _select(bench, levels, pricing, reduction_wh=len(levels) * BID_WH // 2 + 1)
        yield Figure(f"{case}, {name}", gas, LIMIT)


def _first_use(bench: Workbench) -> Figure:
    """The first selection ever from a book, which no other has left anything written in."""
    levels = list(range(1, bench.levels + 1))
    with bench.new_market() as market:
        gas = _select_in(market, levels, Pricing.PAY_AS_BID)
    case = f"{len(levels):,} bids on all {len(levels):,} levels, pay as bid; first use of the book"
    return Figure(case, gas, LIMIT)


def _both_pricings(
    bench: Workbench, case: str, levels: Sequence[int], limit: int = LIMIT, replaced: str = ""
) -> Iterator[Figure]:
    for pricing, name in PRICINGS.items():
        yield Figure(f"{case}, {name}", _select(bench, levels, pricing), limit, replaced)


def _select(
    bench: Workbench,
    levels: Sequence[int],
    pricing: Pricing,
    reduction_wh: int | None = None,
    utility_code: str = "",
) -> int:
    """Return the gas of selecting from one bid at each of the levels, as listed."""
    with bench.used_market() as market:
        if utility_code:
            bench.chain.set_code(bench.chain.utility, utility_code)
        return _select_in(market, levels, pricing, reduction_wh)


def _select_in(
    market: Market, levels: Sequence[int], pricing: Pricing, reduction_wh: int | None = None
) -> int:
    case = Round(market, reduction_wh or len(levels) * BID_WH + 1, pricing)
    case.submit_all(levels)
    gas = case.select()
    case.settle()
    return gas
