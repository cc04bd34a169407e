"""A market in which as many wallets bid as a round is to have, and its state in between."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from time import monotonic
from typing import Any

from bench.codec import Codec
from bench.scale_market import PRICE_STEP_WEI, open_market
from bench.scale_node import Node
from bench.scale_wallets import FUNDS_WEI, fund, hand_over, wallets
from bench.waiting import until
from market.artifact import load_artifact
from market.model import BOOKS, Terms

BLOCK_S = 1
"""The time between blocks while bids come in and winners are paid."""
GATE_S = 3600
"""Longer than any round takes: time is put forward when the bids are in."""
_BIDS_S = 300


@dataclass(frozen=True, slots=True)
class Bidding:
    """What the bids of a round took."""

    gas: int
    blocks: int
    seconds: float
    bytes_each: int


class SizedRound:
    """A market of its own with `count` wallets, which bid in unused slots and then in used ones."""

    def __init__(self, node: Node, count: int) -> None:
        self.node = node
        self.utility = open_market(node)
        self.market = self.utility.market
        self.bidders = wallets(count, self.market.address, (1, 1 + BOOKS))
        fund(node, [one.address for one in self.bidders], FUNDS_WEI)
        self.codec = Codec(load_artifact()["abi"])
        # So little less than what is offered that nearly everybody wins.
        self.reduction_wh = max(1, sum(one.energy_wh for one in self.bidders) * 99 // 100)

    def first_use(self) -> Bidding:
        """Have everybody bid in slots that no one has used, and free them for use again."""
        terms = Terms(self.reduction_wh, PRICE_STEP_WEI, GATE_S)
        request = self.utility.request(terms)
        bidding = self.bid(request.request_id)
        self.node.mine_at_once()
        self.market.cancel_request(self.utility.sender, request.request_id)
        for _ in range(BOOKS - 1):
            unused = self.utility.request(Terms(1, PRICE_STEP_WEI, GATE_S))
            self.market.cancel_request(self.utility.sender, unused.request_id)
        return bidding

    def bid(self, request_id: int) -> Bidding:
        """Have everybody bid, and return when all bids are in blocks; these go on coming."""
        signed = [one.signed[request_id // BOOKS] for one in self.bidders]
        first = self.node.block_number() + 1
        self.node.mine_by_the_clock(BLOCK_S)
        begin_s = monotonic()
        hand_over(self.node, signed)
        count = len(signed)
        until(
            lambda: self.market.request(request_id).bid_count == count,
            f"not all of the {count} bids got into blocks",
            _BIDS_S,
            0.1,
        )
        taken_s = monotonic() - begin_s
        receipts = [one for one in self.node.receipts(first) if self._tells(one, "BidsSubmitted")]
        return Bidding(
            gas=gas_of(receipts),
            blocks=len({one["blockNumber"] for one in receipts}),
            seconds=taken_s,
            bytes_each=round(median(one.signed_bytes for one in self.bidders)),
        )

    def holdings_wei(self) -> dict[str, int]:
        """Return what everybody holds who has to do with the round."""
        parties = [self.market.address.lower(), self.utility.sender.signer.address.lower()]
        return self.node.balances_wei([*parties, *(one.address for one in self.bidders)])

    def of_kind(self, receipts: Sequence[Mapping[str, Any]], event: str) -> list[Mapping[str, Any]]:
        """Return those receipts that have such an event."""
        return [one for one in receipts if self._tells(one, event)]

    def _tells(self, receipt: Mapping[str, Any], event: str) -> bool:
        return any(self.codec.is_event(event, log) for log in receipt["logs"])


def gas_of(receipts: Sequence[Mapping[str, Any]]) -> int:
    """Return what the transactions used together."""
    return sum(int(receipt["gasUsed"], 16) for receipt in receipts)
