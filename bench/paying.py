"""What paying the winners costs."""

from collections.abc import Iterator, Sequence

from bench.chain import WrongOutcome
from bench.figures import Figure, Section, share
from bench.hostile import BURNS_GAS, RETURNS_MUCH, REVERTS
from bench.rounds import BATCH, BID_WH, Batch, Round
from bench.workbench import PRICINGS, Workbench
from market.clearing import Pricing

LIMIT = 16_000

NEIGHBOURING = [401 + number % 10 for number in range(2 * BATCH)]
FAR_APART = range(1, 10 * BATCH + 1, 10)
"""Each in a word of its own, and not the last of it, which makes the walk look there again."""
LATE_BIDS = 1000
"""As many as one `pay_winners` passes over."""


def section(bench: Workbench) -> Section:
    """Measure `pay_winners`."""
    figures = (
        *_honest(bench, "100 winners on 100 levels far apart", FAR_APART),
        *_honest(bench, "200 winners on ten neighbouring levels", NEIGHBOURING),
        Figure("100 bids won by one wallet, per winner", _one_wallet(bench)),
        *_hostile(bench),
        Figure("1,000 bids passed over, which came too late, per bid", _late_bids(bench)),
    )
    note = (
        f"In batches of {BATCH}, sent by somebody who wins nothing. Every winner is another wallet "
        "and exists already, if not stated otherwise."
    )
    return Section("Paying: pay_winners", note, figures)


def _honest(bench: Workbench, case: str, levels: Sequence[int]) -> Iterator[Figure]:
    for pricing, name in PRICINGS.items():
        batches = _pay(bench, levels, pricing)
        for number, batch in enumerate(batches, start=1):
            which = f", batch {number} of {len(batches)}" if len(batches) > 1 else ""
            yield Figure(f"{case}, {name}{which}, per winner", _each(batch), LIMIT)


def _hostile(bench: Workbench) -> Iterator[Figure]:
    payees = {
        "burn all gas they get": BURNS_GAS,
        "revert": REVERTS,
        "return 96,000 bytes": RETURNS_MUCH,
    }
    for what, code in payees.items():
        (batch,) = _pay(bench, FAR_APART, Pricing.PAY_AS_BID, code)
        yield Figure(f"100 payees that {what}, per winner", _each(batch))


def _pay(bench: Workbench, levels: Sequence[int], pricing: Pricing, code: str = "") -> list[Batch]:
    """Pay one bid, of a consumer of its own, at each of the levels, as listed."""
    with bench.used_market() as market:
        case = Round(market, len(levels) * BID_WH, pricing)
        case.submit_all(levels, bids_each=1)
        if code:
            for consumer in bench.chain.consumers[: len(levels)]:
                bench.chain.set_code(consumer, code)
        return case.finish()


def _one_wallet(bench: Workbench) -> int:
    with bench.used_market() as market:
        case = Round(market, BATCH * BID_WH)
        case.submit_all(FAR_APART)
        (batch,) = case.finish()
    return _each(batch)


def _late_bids(bench: Workbench) -> int:
    """The first bid at a level is all that is wanted, and is reached last."""
    with bench.used_market() as market:
        case = Round(market, BID_WH)
        case.submit_all([1] * (1 + LATE_BIDS))
        passing, paying = case.finish()
    if (passing.winners, paying.winners) != (0, 1):
        raise WrongOutcome("one call does not pass over exactly as many late bids as it should")
    return share(passing.gas, LATE_BIDS)


def _each(batch: Batch) -> int:
    return share(batch.gas, batch.winners)
