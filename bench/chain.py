"""A local chain whose transactions tell what they cost."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from web3 import HTTPProvider
from web3.types import RPCEndpoint

from bench.codec import Log
from market.anvil import running_anvil

TRANSACTION_GAS_LIMIT = 2**24
"""The most gas one transaction may use on Ethereum (EIP-7825)."""
CONSUMERS = 200
HARDFORK = "osaka"
"""The rules that gas is counted by; named, so that a newer Anvil counts the same."""


class WrongOutcome(Exception):
    """The contract did something else than it should: what it cost means nothing."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a transaction used (gas), the contract that it made, if any, and its events."""

    gas: int
    contract: str | None
    logs: list[Log]


class Chain:
    """Accounts and transactions on one local chain; gas costs nobody any Ether.

    All accounts exist and hold Ether: the utility's, the consumers', and one of somebody who is
    never paid, in whose transactions no payee is touched already and so a little cheaper.
    """

    def __init__(self, url: str) -> None:
        self._provider = HTTPProvider(url)
        accounts: list[str] = self._request("eth_accounts")
        self.utility, self.bystander, *self.consumers = accounts

    def send(self, sender: str, to: str | None, data: str, value_wei: int = 0) -> Receipt:
        """Send a transaction and return what it used; WrongOutcome when it reverts."""
        transaction = {
            "from": sender,
            "data": data,
            "value": hex(value_wei),
            "gas": hex(TRANSACTION_GAS_LIMIT),
            "gasPrice": hex(0),
        }
        if to is not None:
            transaction["to"] = to
        receipt = self._request("eth_sendTransactionSync", transaction)
        if int(receipt["status"], 16) != 1:
            raise WrongOutcome(f"a transaction reverted: {data[:10]} from {sender}")
        return Receipt(int(receipt["gasUsed"], 16), receipt["contractAddress"], receipt["logs"])

    def ask(self, to: str, data: str) -> str:
        """Return what the contract answers to a call that changes nothing."""
        answer: str = self._request("eth_call", {"to": to, "data": data})
        return answer

    def balance_wei(self, account: str) -> int:
        """Return the Ether that an account holds."""
        return int(self._request("eth_getBalance", account, "latest"), 16)

    def pass_time(self, seconds: int) -> None:
        """Mine a block that comes this much later."""
        self._request("evm_increaseTime", seconds)
        self._request("evm_mine")

    def set_code(self, account: str, code: str) -> None:
        """Make the account a contract with this code, or a plain one again with "0x"."""
        self._request("anvil_setCode", account, code)

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Put the chain back, after the block, to what it was before."""
        snapshot = self._request("evm_snapshot")
        try:
            yield
        finally:
            self._request("evm_revert", snapshot)

    def _request(self, method: str, *params: object) -> Any:
        response = self._provider.make_request(RPCEndpoint(method), params)
        if "error" in response:
            raise WrongOutcome(f"{method}: {response['error']}")
        return response["result"]


@contextmanager
def local_chain() -> Iterator[Chain]:
    """Run a chain with `CONSUMERS` consumers while the block lasts."""
    with running_anvil("--accounts", str(CONSUMERS + 2), "--hardfork", HARDFORK) as url:
        yield Chain(url)
