"""Who signs: a key in this process, or an account that the node keeps unlocked."""

from typing import Any, Protocol

from eth_account.datastructures import SignedTransaction
from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress


class Signer(Protocol):
    """An account that transactions can be sent from."""

    @property
    def address(self) -> ChecksumAddress:
        """Return the account's address."""

    def sign(self, transaction: dict[str, Any]) -> SignedTransaction | None:
        """Sign a transaction whose nonce is set; None if the node is to do it."""


class KeySigner:
    """Signs with a private key, which never leaves this process."""

    def __init__(self, account: LocalAccount) -> None:
        self._account = account

    @property
    def address(self) -> ChecksumAddress:
        """Return the account's address."""
        return self._account.address

    def sign(self, transaction: dict[str, Any]) -> SignedTransaction:
        """Return the signed transaction; the same one always has the same hash."""
        return self._account.sign_transaction(transaction)


class UnlockedSigner:
    """Has the node sign, which only a local test chain does."""

    def __init__(self, address: ChecksumAddress) -> None:
        self.address = address

    def sign(self, transaction: dict[str, Any]) -> None:
        """Leave it to the node."""
        return
