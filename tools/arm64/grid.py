"""What is outside the device: a chain, the utility, and those who bid against the device."""

from collections.abc import Iterator
from contextlib import contextmanager

from eth_typing import ChecksumAddress

from market.bids import bids_for_request, parse_offers
from market.clearing import Access
from market.units import PRICE_LEVELS
from tests.scripts.chain import UTILITY, Chain, running_chain

_RIVAL = 1
# No consumer takes it for a local chain.
_CHAIN_ID = ("--chain-id", "424242")
_FINAL_BLOCKS = 15

Won = list[tuple[int, int, int]]
"""Of every bid that won: energy (Wh), price (wei per Wh), payment (wei)."""


class Grid:
    """A contract in which only the approved may bid, and its utility."""

    def __init__(self, chain: Chain) -> None:
        """Deploy the contract; the rival is approved, the device is not."""
        self._chain = chain
        self.url = chain.url
        self.market = chain.new_market(Access.APPROVED)
        self.approve(chain.accounts[_RIVAL])

    def approve(self, consumer: ChecksumAddress) -> None:
        """Let somebody bid."""
        self.market.approve(self._chain.sender(UTILITY), [consumer])

    def fund(self, account: ChecksumAddress) -> None:
        """Give an account Ether for fees."""
        self._chain.ask("anvil_setBalance", account, hex(10**18))

    def request(self) -> int:
        """Ask for a reduction; its gate stays open until `settle`."""
        return self._chain.request(self.market)

    def outbid(self, request_id: int, energy_wh: int) -> None:
        """Have the rival offer energy for less than the device does."""
        rival, cheap = self._chain.sender(_RIVAL), PRICE_LEVELS // 4
        self.market.submit_bids(rival, request_id, [(energy_wh, cheap)])

    def settle(self, request_id: int) -> None:
        """Close the gate, select the winners and pay them."""
        self._chain.settle(self.market, request_id)

    def let_become_final(self) -> None:
        """Have as many blocks follow as a consumer waits for."""
        self._chain.ask("anvil_mine", hex(_FINAL_BLOCKS))

    def bids(self, request_id: int, consumer: ChecksumAddress) -> list[tuple[int, int]]:
        """Return somebody's bids on chain: energy (Wh) and price level."""
        bids = self.market.bids_of(consumer, request_id)
        return [(bid.energy_wh, bid.price_level) for bid in bids]

    def wanted_bids(self, request_id: int, written: str) -> list[tuple[int, int]]:
        """Return the bids that a bids.json makes in a request: energy (Wh) and price level."""
        request = self.market.request(request_id)
        bids, _ = bids_for_request(
            parse_offers(written, "bids.json"),
            reduction_wh=request.reduction_wh,
            price_step_wei=request.price_step_wei,
            minimum_bid_wh=request.minimum_bid_wh,
        )
        return [(bid.energy_wh, bid.price_level) for bid in bids]

    def due(self, request_id: int, consumer: ChecksumAddress) -> Won:
        """Return what the market's rule gives somebody for the bids on chain."""
        return self._chain.due(self.market, request_id, consumer)

    def nonce(self, account: ChecksumAddress) -> int:
        """Return how many transactions an account has sent."""
        return self._chain.web3.eth.get_transaction_count(account)


@contextmanager
def running_grid() -> Iterator[Grid]:
    """Run the chain while the block lasts."""
    with running_chain(*_CHAIN_ID) as chain:
        yield Grid(chain)
