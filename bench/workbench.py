"""What every case is measured on."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

from bench.artifact import Artifact
from bench.chain import Chain
from bench.contract import Market
from bench.rounds import BID_WH, Round
from market.clearing import Pricing
from market.model import BOOKS

WARM_BIDS = 1200
"""How many bids of the used book have been used: more than any case enters."""
PRICINGS = {Pricing.UNIFORM: "uniform", Pricing.PAY_AS_BID: "pay as bid"}


class Workbench:
    """A market whose next book has been used, and others nobody has used.

    Every round begins from the same state, whatever has been measured before.
    """

    def __init__(self, chain: Chain, artifact: Artifact) -> None:
        self.chain = chain
        self._artifact = artifact
        self._used = Market(chain, artifact)
        self.levels = self._used.read("PRICE_LEVELS")
        self._use_next_book()

    @contextmanager
    def used_market(self) -> Iterator[Market]:
        """A market that an earlier, settled request has left every level and bid slot written."""
        with self.chain.undone():
            yield self._used

    @contextmanager
    def new_market(self) -> Iterator[Market]:
        """A market that has just been deployed."""
        with self.chain.undone():
            yield Market(self.chain, self._artifact)

    def some_levels(self, count: int) -> list[int]:
        """Return levels drawn at random, the same in every run; some come more than once."""
        draw = random.Random(count)
        return [int(draw.random() * self.levels) + 1 for _ in range(count)]

    def some_different_levels(self, count: int) -> list[int]:
        """Return different levels drawn at random, the same in every run."""
        draw = random.Random(count)
        return sorted(range(1, self.levels + 1), key=lambda _: draw.random())[:count]

    def _use_next_book(self) -> None:
        """Sell at all levels, and go once around the ring of books."""
        first = Round(self._used, reduction_wh=WARM_BIDS * BID_WH)
        first.submit_all([number % self.levels + 1 for number in range(WARM_BIDS)])
        first.finish()
        for _ in range(BOOKS - 1):
            Round(self._used, reduction_wh=1).cancel()
