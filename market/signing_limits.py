"""The last look at what is signed: whatever a node has said, it is a call of the own contract."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from eth_account.datastructures import SignedTransaction
from eth_typing import ChecksumAddress
from eth_utils.abi import function_abi_to_4byte_selector

from market.artifact import load_artifact
from market.errors import MarketError
from market.signer import Signer

MAX_GAS = 2**24
"""The most that a transaction may use on Ethereum (EIP-7825)."""

CONSUMER_CALLS = ("submit_bids", "withdraw_bids", "register", "withdraw")
"""What a consumer has to do with the contract. None of these takes Ether."""

_FIELDS = {
    *("from", "to", "value", "data", "gas", "nonce", "chainId", "type"),
    *("maxFeePerGas", "maxPriorityFeePerGas"),
}


class UnsafeTransactionError(MarketError):
    """A transaction that this account has no reason to sign."""


@dataclass(frozen=True, slots=True)
class ConsumerSigner:
    """Signs for a consumer: calls of its contract on its chain, without any Ether.

    A signer that holds the key signs what it is given; here is what a consumer gives it.
    `chain_id` is asked for with each transaction, as the chain is known once a node has answered.
    """

    signer: Signer
    contract: ChecksumAddress
    chain_id: Callable[[], int]
    ceiling_wei: int | None = None

    @property
    def address(self) -> ChecksumAddress:
        """Return the account's address."""
        return self.signer.address

    def sign(self, transaction: dict[str, Any]) -> SignedTransaction | None:
        """Sign a transaction; UnsafeTransactionError if it is not a consumer's."""
        if wrong := self._what_is_wrong(transaction):
            raise UnsafeTransactionError(
                f"A transaction was not signed because {wrong}: look at what your node tells you"
            )
        return self.signer.sign(transaction)

    def _what_is_wrong(self, transaction: dict[str, Any]) -> str:
        """Return in words why it is not signed, nothing if all is well."""
        faults = {
            "it has more than it should": transaction.keys() - _FIELDS,
            "it is of another account": transaction.get("from", self.address) != self.address,
            "it is to another address": transaction.get("to") != self.contract,
            "it sends Ether": transaction.get("value", 0) != 0,
            "it calls what no consumer calls": transaction["data"][:10] not in _selectors(),
            "it is for another chain": transaction["chainId"] != self.chain_id(),
            "its gas is out of bounds": not 0 < transaction["gas"] <= MAX_GAS,
            "its fee is out of bounds": not self._is_fee_sane(transaction),
        }
        return next((fault for fault, found in faults.items() if found), "")

    def _is_fee_sane(self, transaction: dict[str, Any]) -> bool:
        most_wei, tip_wei = int(transaction["maxFeePerGas"]), transaction["maxPriorityFeePerGas"]
        below_ceiling = self.ceiling_wei is None or most_wei <= self.ceiling_wei
        return below_ceiling and 0 <= int(tip_wei) <= most_wei


def _selectors() -> set[str]:
    """Return how the data of a consumer's calls begins, written as web3 writes it."""
    parts = [part for part in load_artifact()["abi"] if part.get("name") in CONSUMER_CALLS]
    return {"0x" + function_abi_to_4byte_selector(part).hex() for part in parts}
