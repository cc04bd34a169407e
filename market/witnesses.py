"""Other nodes of the network, asked before a consumer signs: one that lies cannot do it alone.

A bid names its price by a level of the request's grid, and the grid is what a node says it is: with
a false one a household would bid below its price. Whoever sees another request, another number of
transactions or bids that are said not to be there keeps the bids from being signed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import time

from eth_typing import ChecksumAddress
from web3 import Web3

from market.contract import DemandReduction
from market.errors import MarketError
from market.model import Request, Status
from market.node import NodeUnavailableError, latest_block, node_errors, node_name

# More do not fit into the newest blocks, and older ones have been looked at already.
BIDS_OF_NEWEST_BLOCKS = 2_000
# By this device's clock; a node so far behind knows nothing of what is signed now.
_STALE_S = 600

_TERMS = ("reduction_wh", "price_step_wei", "gate_closure", "minimum_bid_wh", "pricing")


class DisagreementError(MarketError):
    """The nodes of the network tell different things; nothing is signed until they agree."""


@dataclass(slots=True)
class Witnesses:
    """The network's nodes, each by itself; with one node alone there is nobody else to ask."""

    nodes: Sequence[Web3] = ()
    now_s: Callable[[], float] = time
    _markets: dict[int, DemandReduction] = field(default_factory=dict)

    def require_agreement(
        self, market: DemandReduction, request: Request, account: ChecksumAddress, nonce: int
    ) -> None:
        """Raise DisagreementError unless the others see the same before bids are signed.

        All are asked, as what is known may come from any. Whoever does not answer, or has seen
        no block for ten minutes, is no witness.
        """
        for place in range(len(self.nodes)) if len(self.nodes) > 1 else ():
            self._ask(place, market.address, request, account, nonce)

    def _ask(
        self,
        place: int,
        address: ChecksumAddress,
        request: Request,
        account: ChecksumAddress,
        nonce: int,
    ) -> None:
        web3 = self.nodes[place]
        try:
            if self.now_s() - latest_block(web3).time_s > _STALE_S:
                return
            if place not in self._markets:
                self._markets[place] = DemandReduction(web3, address)
            difference = _difference(self._markets[place], request, account, nonce)
        except NodeUnavailableError:
            return
        except MarketError:
            difference = "another contract"
        if difference:
            raise DisagreementError(
                f"The node at {node_name(web3)} shows {difference} than the one that told of "
                f"request {request.request_id}: no bids are sent until they agree"
            )


def _difference(
    market: DemandReduction, request: Request, account: ChecksumAddress, nonce: int
) -> str:
    """Return in words what a node shows that is different, nothing if it is all the same."""
    seen = market.request(request.request_id)
    if seen.status == Status.NONE:
        return "fewer requests"
    if any(getattr(seen, term) != getattr(request, term) for term in _TERMS):
        return "other terms"
    with node_errors(market.web3):
        count = market.web3.eth.get_transaction_count(account, "latest")
    if count != nonce:
        return "another number of transactions of this account"
    first = max(0, seen.bid_count - BIDS_OF_NEWEST_BLOCKS)
    return "other bids" if market.bids_of(account, request.request_id, first=first) else ""
