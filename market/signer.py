"""Who signs: a key in this process, or an account that the node keeps unlocked."""

from typing import Any, Protocol

from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from hexbytes import HexBytes
from web3 import Web3


class Signer(Protocol):
    """An account that transactions can be sent from."""

    @property
    def address(self) -> ChecksumAddress:
        """Return the account's address."""

    def send(self, web3: Web3, transaction: dict[str, Any]) -> HexBytes:
        """Sign the transaction, hand it to the node and return its hash."""


class KeySigner:
    """Signs with a private key, which never leaves this process."""

    def __init__(self, account: LocalAccount) -> None:
        self._account = account

    @property
    def address(self) -> ChecksumAddress:
        """Return the account's address."""
        return self._account.address

    def send(self, web3: Web3, transaction: dict[str, Any]) -> HexBytes:
        """Sign the transaction, hand it to the node and return its hash."""
        nonce = web3.eth.get_transaction_count(self.address, "pending")
        signed = self._account.sign_transaction({**transaction, "nonce": nonce})
        return web3.eth.send_raw_transaction(signed.raw_transaction)


class UnlockedSigner:
    """Has the node sign, which only a local test chain does."""

    def __init__(self, address: ChecksumAddress) -> None:
        self.address = address

    def send(self, web3: Web3, transaction: dict[str, Any]) -> HexBytes:
        """Have the node sign and send the transaction, and return its hash."""
        return web3.eth.send_transaction(transaction)  # type: ignore[arg-type]
