"""What everything but the bids and their winners costs."""

from collections.abc import Iterator

from bench.figures import Figure, Section
from bench.hostile import NO_CODE, REVERTS
from bench.rounds import BID_WH, Round
from bench.workbench import Workbench

LEVEL = 501


def section(bench: Workbench) -> Section:
    """Measure the remaining functions."""
    figures = (*_beginning(bench), *_request(bench), *_consumer(bench))
    return Section("Everything else", "One of each in a transaction.", figures)


def _beginning(bench: Workbench) -> Iterator[Figure]:
    with bench.new_market() as market:
        yield Figure("deploying the contract", market.deploy_gas)
        first = Round(market, BID_WH)
        yield Figure("request_reduction, the first ever", first.request_gas)
        first.cancel()


def _request(bench: Workbench) -> Iterator[Figure]:
    with bench.used_market() as market:
        later = Round(market, BID_WH)
        yield Figure("request_reduction, a later one", later.request_gas)
        yield Figure("cancel_request", later.cancel())


def _consumer(bench: Workbench) -> Iterator[Figure]:
    consumer = bench.chain.consumers[0]
    with bench.used_market() as market:
        yield Figure("register", market.transact("register", sender=consumer).gas)
        case = Round(market, BID_WH)
        case.submit(consumer, [LEVEL, LEVEL])
        yield Figure(
            "withdraw_bids, one bid, the first that leaves its request", case.withdraw_bid(1)
        )
        bench.chain.set_code(consumer, REVERTS)
        case.finish()
        bench.chain.set_code(consumer, NO_CODE)
        yield Figure("withdraw", case.collect(consumer))
