"""A live network of Hardhat's node: another implementation, and blocks that take a second."""

from collections.abc import Iterator
from contextlib import contextmanager

from eth_account.typed_transactions.typed_transaction import TypedTransaction
from eth_utils import to_checksum_address

from market.provider import connect
from tests.faults.live_chain import LiveChain
from tests.faults.proxy import proxied
from tests.nodes.node import running_hardhat

_DEEPEST = 50
_FEES = ("maxPriorityFeePerGas", "maxFeePerGas")
_SIGNED = (*_FEES, "type", "chainId", "nonce", "gas", "value", "accessList", "v", "r", "s")


class HardhatChain(LiveChain):
    """A live network of Hardhat's node.

    What it was before each of the newest blocks is kept, so that they can be replaced by others.
    """

    block_s = 1.0
    has_base_fee = True

    def __init__(self, url: str) -> None:
        self._snapshots: dict[int, str] = {}
        super().__init__(url)

    def _mine(self, blocks: int) -> None:
        for parent in range(self.head(), self.head() + blocks):
            self._snapshots[parent] = self.ask("evm_snapshot")
            self._snapshots.pop(parent - _DEEPEST, None)
            self.ask("evm_mine")

    def _replace(self, depth: int, returning: list[str]) -> None:
        kept = [self._raw(sent_hash) for sent_hash in self._waiting()]
        self.roll_back(depth)
        # Going back brings back the pool of that time.
        self.empty_pool()
        self.mine(depth - 1)
        for raw in returning:
            self.ask("eth_sendRawTransaction", raw)
        self.mine()
        for raw in kept:
            self.ask("eth_sendRawTransaction", raw)

    def roll_back(self, depth: int) -> None:
        with self._mining:
            assert self.ask("evm_revert", self._snapshots[self.head() - depth])

    def is_pool_empty(self) -> bool:
        return not self._waiting()

    def empty_pool(self) -> None:
        for sent_hash in self._waiting():
            self.ask("hardhat_dropTransaction", sent_hash)

    def _waiting(self) -> list[str]:
        return [transaction["hash"] for transaction in self.ask("eth_pendingTransactions")]

    def _raw(self, sent_hash: str) -> str:
        found = self.ask("eth_getTransactionByHash", sent_hash)
        # What makes a contract goes to nobody.
        called = found["to"] and to_checksum_address(found["to"])
        call = {"to": called, "data": found["input"]}
        signed = {**{name: found[name] for name in _SIGNED}, **call}
        return "0x" + TypedTransaction.from_dict(signed).encode().hex()


@contextmanager
def hardhat(chain_id: int) -> Iterator[HardhatChain]:
    """Run a live network of Hardhat's node."""
    with running_hardhat(chain_id, block_ms=0) as url, proxied(url) as way:
        chain = HardhatChain(url)
        # The node closes a connection that was idle, even if it is just about to be used again.
        chain.web3 = connect(way.url)
        yield chain
