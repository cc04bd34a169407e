"""A node at full size: Ethereum's block and transaction limits, and questions in batches."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from requests import Session

from bench.chain import HARDFORK, WrongOutcome
from market.anvil import running_anvil

BLOCK_GAS = 60_000_000
"""The most gas in a block; Ethereum's."""
CHAIN_ID = 424242
"""Not that of a local chain, which the scripts treat in another way."""
_BATCH = 250
_TIMEOUT_S = 120

Call = tuple[str, Sequence[object]]
"""A method and its parameters."""


class Node:
    """What the benchmark asks of its node, directly and so without being counted."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = Session()

    def ask(self, method: str, *params: object) -> Any:
        """Return the answer to one question; WrongOutcome if it is refused."""
        (answer,) = self.ask_all([(method, params)])
        return answer

    def ask_all(self, calls: Sequence[Call]) -> list[Any]:
        """Return the answers to many questions, in their order; WrongOutcome if one is refused."""
        starts = range(0, len(calls), _BATCH)
        return [answer for start in starts for answer in self._batch(calls[start : start + _BATCH])]

    def mine_at_once(self) -> None:
        """Have every transaction in a block of its own as soon as it comes."""
        self.ask("evm_setAutomine", True)

    def mine_by_the_clock(self, block_s: int) -> None:
        """Have a block every so many seconds, with whatever fits into it."""
        self.ask("evm_setAutomine", False)
        self.ask("evm_setIntervalMining", block_s)

    def pass_time(self, seconds: int) -> None:
        """Have the next block come this much later."""
        self.ask("evm_increaseTime", seconds)
        self.ask("evm_mine")

    def block_number(self) -> int:
        """Return the newest block's number."""
        return int(self.ask("eth_blockNumber"), 16)

    def balances_wei(self, accounts: Sequence[str]) -> dict[str, int]:
        """Return what each account holds."""
        held = self.ask_all([("eth_getBalance", (account, "latest")) for account in accounts])
        return {account: int(amount, 16) for account, amount in zip(accounts, held, strict=True)}

    def receipts(self, first_block: int) -> list[dict[str, Any]]:
        """Return the receipts of everything from this block on."""
        numbers = range(first_block, self.block_number() + 1)
        blocks = self.ask_all([("eth_getBlockReceipts", (hex(number),)) for number in numbers])
        return [receipt for block in blocks for receipt in block]

    def _batch(self, calls: Sequence[Call]) -> list[Any]:
        asked = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            for number, (method, params) in enumerate(calls)
        ]
        response = self._session.post(self.url, json=asked, timeout=_TIMEOUT_S)
        response.raise_for_status()
        answers = sorted(response.json(), key=lambda answer: int(answer["id"]))
        for answer, (method, _) in zip(answers, calls, strict=True):
            if "error" in answer:
                raise WrongOutcome(f"{method}: {answer['error']}")
        return [answer["result"] for answer in answers]


@contextmanager
def running_node() -> Iterator[Node]:
    """Run a node with Ethereum's limits while the block lasts."""
    options = {
        "--chain-id": CHAIN_ID,
        "--gas-limit": BLOCK_GAS,
        "--hardfork": HARDFORK,
    }
    words = [str(word) for option in options.items() for word in option]
    with running_anvil(*words) as url:
        yield Node(url)
