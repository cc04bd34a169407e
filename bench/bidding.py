"""What bidding costs."""

from bench.contract import REGISTERED
from bench.figures import Figure, Section, share
from bench.rounds import BID_WH, Round
from bench.workbench import Workbench

ONE_BID_LIMIT = 41_000
ONE_OF_TEN_LIMIT = 16_000
FIRST_USE_LIMIT = 62_000
ONE_BID_REPLACED = "95,091"

TEN = 10
FAR_APART = range(51, 1000, 100)
"""Ten levels in ten different storage words."""
LEVEL = 501
REDUCTION_WH = TEN * BID_WH


def section(bench: Workbench) -> Section:
    """Measure `submit_bids`."""
    figures = (
        Figure("one bid in a transaction", _one_bid(bench), ONE_BID_LIMIT, ONE_BID_REPLACED),
        Figure("one bid in a transaction, registered consumers only", _registered_bid(bench)),
        Figure(
            "ten bids in a transaction, at levels far apart, per bid",
            _one_of_ten(bench, list(FAR_APART)),
            ONE_OF_TEN_LIMIT,
        ),
        Figure(
            "ten bids in a transaction, at one level, per bid", _one_of_ten(bench, [LEVEL] * TEN)
        ),
        *_first_uses(bench),
    )
    note = (
        "On a book that an earlier, settled request has used, but for first uses. "
        "Anybody may bid, if not stated otherwise."
    )
    return Section("Bidding: submit_bids", note, figures)


def _one_bid(bench: Workbench) -> int:
    with bench.used_market() as market:
        one = Round(market, REDUCTION_WH)
        gas = one.submit(bench.chain.consumers[0], [LEVEL])
        one.finish()
    return gas


def _registered_bid(bench: Workbench) -> int:
    consumer = bench.chain.consumers[0]
    with bench.used_market() as market:
        market.transact("set_access", REGISTERED)
        market.transact("register", sender=consumer)
        one = Round(market, REDUCTION_WH)
        gas = one.submit(consumer, [LEVEL])
        one.finish()
    return gas


def _one_of_ten(bench: Workbench, levels: list[int]) -> int:
    with bench.used_market() as market:
        ten = Round(market, REDUCTION_WH)
        gas = ten.submit(bench.chain.consumers[0], levels)
        ten.finish()
    return share(gas, len(levels))


def _first_uses(bench: Workbench) -> tuple[Figure, Figure]:
    """The first two bids ever, at one level: only the first is also the first of its word."""
    with bench.new_market() as market:
        first = Round(market, REDUCTION_WH)
        both, slot = [first.submit(consumer, [LEVEL]) for consumer in bench.chain.consumers[:2]]
        first.finish()
    return (
        Figure(
            "one bid, first use of its slot; word of levels in use",
            slot,
            FIRST_USE_LIMIT,
            ONE_BID_REPLACED,
        ),
        Figure(
            "one bid, first use of its slot and of its word of levels",
            both,
            replaced=ONE_BID_REPLACED,
        ),
    )
