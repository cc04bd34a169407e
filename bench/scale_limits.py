"""What the figures at size are held to, whatever machine they were measured on."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from bench.chain import TRANSACTION_GAS_LIMIT
from bench.figures import share
from bench.scale_figures import RoundFigures, Scale
from market.units import PRICE_LEVELS

SELECT_LIMIT = 750_000
PAYMENT_LIMIT = 19_000
"""A payment in a batch (gas)."""
FLAT_PERCENT = 2
"""By how much more may be used for ten times the bids, where it should make no difference."""
CALLS_FOR_A_REFRESH = 4

# A selection keeps one number of a bid for every seven levels, in as few slots as hold them: more
# bids have longer numbers. What a slot costs that was never used before.
_LEVELS_A_NUMBER = 7
_SLOT_BITS, _SLOT_GAS = 256, 22_100


def above_limit(scale: Scale) -> list[str]:
    """Return a line for whatever is above its limit, or grows where it should not."""
    return [f"Above its limit: {line}" for line in (*_each(scale), *_growth(_full(scale)))]


def _each(scale: Scale) -> Iterator[str]:
    for one in scale.rounds:
        if one.select_gas > SELECT_LIMIT:
            yield f"{one.bids:,} bids: select_winners takes {one.select_gas:,} gas"
        if one.dearest_gas > TRANSACTION_GAS_LIMIT:
            yield f"{one.bids:,} bids: a transaction takes {one.dearest_gas:,} gas"
        if one.refresh_calls > CALLS_FOR_A_REFRESH:
            yield f"{one.bids:,} bids: a refresh asks the node {one.refresh_calls} times"


def _full(scale: Scale) -> list[RoundFigures]:
    """Return the rounds with bids at as good as every level, from which nothing should grow."""
    return [one for one in scale.rounds if one.bids >= PRICE_LEVELS]


def _growth(rounds: Sequence[RoundFigures]) -> Iterator[str]:
    for smaller, larger in pairwise(rounds):
        longer_gas = _SLOT_GAS * (_slots(larger.bids) - _slots(smaller.bids))
        if _grows(smaller.select_gas, larger.select_gas - longer_gas):
            yield f"select_winners is not flat from {smaller.bids:,} to {larger.bids:,} bids"
        payments = [share(one.pay_gas, one.winners) for one in (smaller, larger)]
        if _grows(*payments) or payments[1] > PAYMENT_LIMIT:
            yield f"payment is not linear from {smaller.bids:,} to {larger.bids:,} bids"


def _slots(bids: int) -> int:
    """Return how many slots hold the numbers that a selection keeps."""
    numbers = -(-PRICE_LEVELS // _LEVELS_A_NUMBER)
    return -(-numbers // (_SLOT_BITS // bids.bit_length()))


def _grows(before: int, after: int) -> bool:
    return after * 100 > before * (100 + FLAT_PERCENT)
