"""Wallets by the thousand: keys derived from their number, funded and bidding in batches."""

import multiprocessing
import os
import random
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from eth_keys.datatypes import PrivateKey
from eth_utils.crypto import keccak
from hexbytes import HexBytes

from bench.codec import Codec
from bench.scale_node import CHAIN_ID, Node
from market.artifact import load_artifact
from market.interrupts import ignore_interrupts
from market.units import PRICE_LEVELS

FUNDS_WEI = 10**16
"""What a wallet begins with: 0.01 ETH, more than its fees."""
BID_GAS_LIMIT = 120_000
_TRANSFER_GAS = 21_000
_FEE_WEI, _TIP_WEI = 2 * 10**9, 10**9
_BID_WH = (500, 5_000)
_AT_A_TIME = 50


@dataclass(frozen=True, slots=True)
class Wallet:
    """A consumer, its bid in the last of the requests, and its bids in all of them, signed.

    The address is in lower case, as events have it.
    """

    address: str
    energy_wh: int
    price_level: int
    signed: tuple[str, ...]

    @property
    def signed_bytes(self) -> int:
        """How long a transaction is."""
        return len(HexBytes(self.signed[0]))


def derived_key(number: int) -> LocalAccount:
    """Return a key that everybody can derive, and that no other chain should ever see."""
    key: LocalAccount = Account.from_key(_secret(number))
    return key


def wallets(count: int, contract: str, request_ids: Sequence[int]) -> list[Wallet]:
    """Return so many wallets, always the same ones, that bid anywhere on the price grid.

    Each has signed a bid in every one of the requests, in their order, at the same level but never
    twice the same: a slot that is written with what it holds already costs less than others do.
    """
    draw = random.Random(count)
    bids = [(n, draw.randint(*_BID_WH), draw.randint(1, PRICE_LEVELS)) for n in range(count)]
    # Python takes 15 ms a wallet. Forked, the signers leave no process of multiprocessing's own.
    signers = ProcessPoolExecutor(
        os.cpu_count(), multiprocessing.get_context("fork"), initializer=ignore_interrupts
    )
    sign = partial(_wallet, contract=contract, request_ids=request_ids)
    try:
        return [*signers.map(sign, bids, chunksize=_AT_A_TIME)]
    finally:
        signers.shutdown(cancel_futures=True)


def fund(node: Node, accounts: Sequence[str], amount_wei: int) -> None:
    """Send each account this much from the node's own rich one, a block full at a time."""
    (rich, *_) = node.ask("eth_accounts")
    transfer = {"from": rich, "value": hex(amount_wei), "gas": hex(_TRANSFER_GAS)}
    nonce = int(node.ask("eth_getTransactionCount", rich, "latest"), 16)
    node.ask("evm_setAutomine", False)
    # Numbered here: the node answers the questions of a batch side by side.
    transfers = [
        {**transfer, "to": to, "nonce": hex(nonce + turn)} for turn, to in enumerate(accounts)
    ]
    node.ask_all([("eth_sendTransaction", (one,)) for one in transfers])
    while int(node.ask("txpool_status")["pending"], 16):
        node.ask("evm_mine")
    node.mine_at_once()


def hand_over(node: Node, signed: Sequence[str]) -> None:
    """Give the node transactions for its next blocks."""
    node.ask_all([("eth_sendRawTransaction", (raw,)) for raw in signed])


def _secret(number: int) -> bytes:
    return keccak(text=f"wallet {number} of the benchmark")


def _wallet(bid: tuple[int, int, int], contract: str, request_ids: Sequence[int]) -> Wallet:
    number, energy_wh, level = bid
    key = PrivateKey(_secret(number))
    codec = Codec(load_artifact()["abi"])
    signed = []
    for nonce, request_id in enumerate(request_ids):
        later = len(request_ids) - 1 - nonce
        data = codec.call("submit_bids", (request_id, [(energy_wh + later, level)]))
        signed.append(_signed(key, contract, nonce, data))
    return Wallet(key.public_key.to_address(), energy_wh, level, tuple(signed))


def _signed(key: PrivateKey, contract: str, nonce: int, data: str) -> str:
    """Return a signed transaction; LocalAccount would derive its address anew for each."""
    fields: dict[str, Any] = {
        "type": 2,
        "to": contract,
        "data": data,
        "value": 0,
        "gas": BID_GAS_LIMIT,
        "maxFeePerGas": _FEE_WEI,
        "maxPriorityFeePerGas": _TIP_WEI,
        "nonce": nonce,
        "chainId": CHAIN_ID,
        "accessList": [],
    }
    signature = key.sign_msg_hash(TypedTransaction.from_dict(fields).hash())
    v, r, s = signature.vrs
    return HexBytes(
        TypedTransaction.from_dict({**fields, "v": v, "r": r, "s": s}).encode()
    ).to_0x_hex()
