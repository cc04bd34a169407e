"""What became of a transaction on chain."""

from bisect import bisect_left
from dataclasses import dataclass
from typing import Any, cast

from eth_typing import HexStr
from hexbytes import HexBytes
from requests.exceptions import RequestException
from web3 import Web3
from web3.exceptions import ContractLogicError, TransactionNotFound, Web3RPCError
from web3.types import TxData, TxReceipt

from market.errors import MarketError
from market.flight import Flight
from market.node import NodeUnavailableError, node_errors
from market.reverts import explained


class FailedError(MarketError):
    """The transaction is in a block and was not carried out; the node cannot tell why."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A transaction that was carried out."""

    hash: str
    block_number: int
    block_hash: str
    gas_used: int
    fee_wei: int
    receipt: TxReceipt


def landed(web3: Web3, flight: Flight) -> Sent | None:
    """Return the version of a flight that is in a block; None if none that it knows of is.

    RevertError if the contract refused it, FailedError if it failed otherwise.
    """
    for number, sent_hash in enumerate(flight.hashes):
        receipt = _receipt(web3, sent_hash) if sent_hash else None
        if receipt:
            return _carried_out(web3, flight.versions[number], receipt)
    return None


def is_known(web3: Web3, sent_hash: str) -> bool:
    """Return whether a node has a transaction, in a block or for one."""
    with node_errors(web3):
        try:
            return bool(web3.eth.get_transaction(HexStr(sent_hash)))
        except TransactionNotFound:
            return False


def landed_unnoticed(web3: Web3, flight: Flight) -> Sent | None:
    """Return a flight that is in a block though its hash there is not known.

    Only the node that signed it may know that, or another program that has replaced it. It is in
    the block that brought its account's number of transactions above its nonce. None if another
    transaction is there, or the node no longer knows what was at that time.
    """
    with node_errors(web3):
        try:
            found = _of_nonce(web3, flight)
        except Web3RPCError:
            return None
    if found is None or not _is_version(found, flight.newest):
        return None
    receipt = _receipt(web3, found["hash"].to_0x_hex())
    return _carried_out(web3, flight.newest, receipt) if receipt else None


def _of_nonce(web3: Web3, flight: Flight) -> TxData | None:
    """Return the account's transaction that has a flight's nonce; it is searched backwards.

    What was long ago, few nodes know.
    """

    def count_at(number: int) -> int:
        return web3.eth.get_transaction_count(flight.account, number)

    head, back = web3.eth.block_number, 1
    while back <= head and count_at(head - back) > flight.nonce:
        back *= 2
    blocks = range(max(0, head - back), head + 1)
    number = blocks.start + bisect_left(blocks, flight.nonce + 1, key=count_at)
    if number > head:
        return None
    inside = cast(list[TxData], web3.eth.get_block(number, full_transactions=True)["transactions"])
    mine = (sent for sent in inside if sent["from"] == flight.account)
    return next((sent for sent in mine if sent["nonce"] == flight.nonce), None)


def _is_version(found: TxData, version: dict[str, Any]) -> bool:
    """Return whether a transaction does the same as a version of a flight."""
    to, sent_to = version.get("to") or "", found.get("to") or ""
    return (
        str(to).lower() == str(sent_to).lower()
        and int(version["value"]) == found["value"]
        and HexBytes(version["data"]) == HexBytes(found["input"])
    )


def _receipt(web3: Web3, sent_hash: str) -> TxReceipt | None:
    with node_errors(web3):
        try:
            return web3.eth.get_transaction_receipt(HexStr(sent_hash))
        except TransactionNotFound:
            return None


def _carried_out(web3: Web3, transaction: dict[str, Any], receipt: TxReceipt) -> Sent:
    """Return what was done; RevertError or FailedError."""
    sent_hash = receipt["transactionHash"].to_0x_hex()
    if not receipt["status"]:
        if transaction.get("to"):
            _raise_reason(web3, transaction, receipt["blockNumber"])
        raise FailedError(
            f"Transaction {sent_hash} failed with {receipt['gasUsed']:,} of "
            f"{transaction['gas']:,} gas used: try again"
        )
    return Sent(
        hash=sent_hash,
        block_number=receipt["blockNumber"],
        block_hash=receipt["blockHash"].to_0x_hex(),
        gas_used=receipt["gasUsed"],
        fee_wei=receipt["gasUsed"] * receipt["effectiveGasPrice"] + _rollup_fee_wei(receipt),
        receipt=receipt,
    )


def _raise_reason(web3: Web3, transaction: dict[str, Any], block_number: int) -> None:
    """Raise the RevertError of a transaction that failed, if the node can still tell it."""
    asked = {key: transaction[key] for key in ("from", "to", "value", "data", "gas")}
    try:
        web3.eth.call(asked, block_number)  # type: ignore[arg-type]
    except ContractLogicError as error:
        raise explained(error) from None
    except (RequestException, Web3RPCError, NodeUnavailableError):
        return


def _rollup_fee_wei(receipt: TxReceipt) -> int:
    """Return what a rollup charged for Ethereum's share; other chains' receipts do not name it."""
    fee = receipt.get("l1Fee", 0)
    return int(fee, 16) if isinstance(fee, str) else int(fee)  # type: ignore[call-overload]
