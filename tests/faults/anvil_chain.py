"""A live network of Anvil's, whose blocks come fast."""

from collections.abc import Iterator
from contextlib import contextmanager

from market.anvil import running_anvil
from tests.faults.live_chain import LiveChain


class AnvilChain(LiveChain):
    """A live network of Anvil's."""

    block_s = 0.1

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.ask("anvil_setBlockTimestampInterval", 1)

    def _mine(self, blocks: int) -> None:
        self.ask("anvil_mine", hex(blocks), hex(1))

    def _replace(self, depth: int, returning: list[str]) -> None:
        if self.has_base_fee:
            self._begin_with_the_fee_of(self.head() - depth + 1)
        self.ask("anvil_reorg", depth, [[raw, depth - 1] for raw in returning])

    def _begin_with_the_fee_of(self, replaced: int) -> None:
        """Have gas cost in the next block what it does in one that is about to be replaced.

        Anvil would go on with the fee of the newest: what was in the blocks could never return.
        """
        block = self.ask("eth_getBlockByNumber", hex(replaced), False)
        self.set_base_fee(int(block["baseFeePerGas"], 16))

    def roll_back(self, depth: int) -> None:
        with self._mining:
            self.ask("anvil_rollback", depth)

    def is_pool_empty(self) -> bool:
        return not int(self.ask("txpool_status")["pending"], 16)

    def empty_pool(self) -> None:
        self.ask("anvil_dropAllTransactions")

    def _raw(self, sent_hash: str) -> str:
        return self.ask("eth_getRawTransactionByHash", sent_hash)


@contextmanager
def anvil(chain_id: int) -> Iterator[AnvilChain]:
    """Run a live network of Anvil's."""
    with running_anvil("--no-mining", "--chain-id", str(chain_id)) as url:
        yield AnvilChain(url)
