"""Sending a transaction and waiting until it is in a block."""

from dataclasses import dataclass
from typing import Any

from hexbytes import HexBytes
from requests.exceptions import RequestException
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed
from web3 import Web3
from web3.contract.contract import ContractConstructor, ContractFunction
from web3.exceptions import (
    BadResponseFormat,
    ContractLogicError,
    TransactionNotFound,
    Web3RPCError,
)
from web3.types import TxParams, TxReceipt, Wei

from market.errors import MarketError
from market.node import next_block, node_errors, rpc_message
from market.reverts import explained
from market.signer import Signer
from market.units import format_eth

MAX_GAS = 2**24
"""The most that a transaction may use on Ethereum (EIP-7825)."""

# A node that is away, overloaded or behind says nothing of the transaction.
_NO_RECEIPT_YET = (TransactionNotFound, RequestException, Web3RPCError, BadResponseFormat)
_RECEIPT_TIMEOUT_S = 180
_RECEIPT_POLL_S = 0.25
# What others do between the estimate and the block can make a call somewhat dearer.
_GAS_MARGIN_PERCENT = 25


class UnconfirmedError(MarketError):
    """The transaction was sent and may still be carried out: to send it again could do it twice."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A transaction that was carried out."""

    hash: str
    block_number: int
    gas_used: int
    fee_wei: int
    receipt: TxReceipt


class Sender:
    """Sends transactions from one account."""

    def __init__(self, web3: Web3, signer: Signer) -> None:
        self.web3 = web3
        self.signer = signer

    def has_pending(self) -> bool:
        """Return whether a transaction of this account waits for a block."""
        address = self.signer.address
        with node_errors(self.web3):
            sent = self.web3.eth.get_transaction_count(address, "pending")
            return sent > self.web3.eth.get_transaction_count(address, "latest")

    def balance_wei(self) -> int:
        """Return what the account holds."""
        with node_errors(self.web3):
            return self.web3.eth.get_balance(self.signer.address)

    def send(
        self,
        call: ContractFunction | ContractConstructor,
        *,
        value_wei: int = 0,
        spare_gas: int = 0,
    ) -> Sent:
        """Carry out `call` and return once it is in a block.

        `spare_gas` is what the call may need beyond the usual margin. RevertError if the contract
        refuses, which costs nothing if it is seen beforehand; MarketError if there is too little
        Ether; UnconfirmedError if the transaction is not in a block after three minutes.
        """
        with node_errors(self.web3):
            try:
                transaction = self._prepared(call, value_wei, spare_gas)
                sent_hash = self._handed_over(transaction)
            except ContractLogicError as error:
                raise explained(error) from None
            except Web3RPCError as problem:
                if "insufficient" in str(problem).lower():
                    raise self._unaffordable(value_wei) from None
                raise MarketError(
                    f"The node refused the transaction: {rpc_message(problem)}"
                ) from None
        return self._carried_out(transaction, self._receipt(sent_hash))

    def _handed_over(self, transaction: dict[str, Any]) -> HexBytes:
        """Return the hash under which the node has taken the transaction."""
        try:
            return self.signer.send(self.web3, transaction)
        except RequestException as problem:
            raise UnconfirmedError(
                f"The node went away while a transaction was sent ({type(problem).__name__}): "
                "look whether it was carried out before you try again"
            ) from None

    def _prepared(
        self, call: ContractFunction | ContractConstructor, value_wei: int, spare_gas: int
    ) -> dict[str, Any]:
        """Return the transaction with its gas limit and fees."""
        base: TxParams = {"from": self.signer.address, "value": Wei(value_wei)}
        estimate = call.estimate_gas(base, next_block(self.web3))
        gas = min(estimate * (100 + _GAS_MARGIN_PERCENT) // 100 + spare_gas, MAX_GAS)
        return dict(call.build_transaction({**base, "gas": gas}))

    def _receipt(self, sent_hash: HexBytes) -> TxReceipt:
        """Return the receipt as soon as there is one; the node may be away for a while."""
        for attempt in Retrying(
            retry=retry_if_exception_type(_NO_RECEIPT_YET),
            stop=stop_after_delay(_RECEIPT_TIMEOUT_S),
            wait=wait_fixed(_RECEIPT_POLL_S),
            retry_error_callback=lambda _: None,
        ):
            with attempt:
                return self.web3.eth.get_transaction_receipt(sent_hash)
        raise UnconfirmedError(
            f"Transaction {sent_hash.to_0x_hex()} is not in a block after {_RECEIPT_TIMEOUT_S} s: "
            "look it up before you try again, it may still be carried out"
        )

    def _carried_out(self, transaction: dict[str, Any], receipt: TxReceipt) -> Sent:
        """Return what was done; RevertError with the contract's reason if it was refused."""
        sent_hash = receipt["transactionHash"].to_0x_hex()
        if not receipt["status"]:
            if "to" in transaction:
                self._raise_reason(transaction, receipt["blockNumber"])
            raise MarketError(
                f"Transaction {sent_hash} failed with {receipt['gasUsed']:,} of "
                f"{transaction['gas']:,} gas used: try again"
            )
        return Sent(
            hash=sent_hash,
            block_number=receipt["blockNumber"],
            gas_used=receipt["gasUsed"],
            fee_wei=receipt["gasUsed"] * receipt["effectiveGasPrice"],
            receipt=receipt,
        )

    def _raise_reason(self, transaction: dict[str, Any], block_number: int) -> None:
        """Raise the RevertError of a transaction that failed, if the node can still tell it."""
        asked = {key: transaction[key] for key in ("from", "to", "value", "data", "gas")}
        try:
            self.web3.eth.call(asked, block_number)  # type: ignore[arg-type]
        except ContractLogicError as error:
            raise explained(error) from None
        except (RequestException, Web3RPCError):
            return

    def _unaffordable(self, value_wei: int) -> MarketError:
        needed = f"{format_eth(value_wei)} ETH and the fee are" if value_wei else "the fee is"
        return MarketError(
            f"Account {self.signer.address} holds {format_eth(self.balance_wei())} ETH, and "
            f"{needed} more than that: send Ether to it, or use another account"
        )
