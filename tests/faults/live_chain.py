"""A live network in a test's hands: its blocks, its clock, its fees and its past."""

import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from functools import cache
from typing import Any

from eth_utils import event_abi_to_log_topic, to_checksum_address
from web3 import Web3

from market.artifact import load_artifact
from market.clearing import Access
from market.contract import DemandReduction
from market.model import Status, Terms
from market.units import PRICE_LEVELS
from tests.faults.waiting import wait_until
from tests.faults.wire import Wire
from tests.scripts.chain import UTILITY, Chain

STEP_WEI = 4 * 10**12 // PRICE_LEVELS
(_EVENT,) = [part for part in load_artifact()["abi"] if part.get("name") == "BidsSubmitted"]
_BIDS_SUBMITTED = "0x" + event_abi_to_log_topic(_EVENT).hex()


@cache
def _deployment(web3: Web3, access: Access) -> str:
    artifact = load_artifact()
    factory = web3.eth.contract(abi=artifact["abi"], bytecode=artifact["bytecode"])
    return factory.constructor(int(access)).data_in_transaction


class Fate(Enum):
    """What becomes of the transactions in blocks that a reorganisation replaces."""

    GONE = "gone"
    LATER = "in the last of the new blocks"
    POOL = "waiting for a block again"


class LiveChain(Chain, ABC):
    """A chain whose blocks come at a steady pace, a second of chain time each, unless held.

    The methods that begin with `hardhat_` are known to Anvil by these names, too.
    """

    block_s: float
    """How long it takes until the next block."""
    has_base_fee = False
    """Whether gas has ever cost anything."""

    def __init__(self, url: str) -> None:
        self._wire = Wire(url)
        super().__init__(url)
        self._burnt = 0, 0
        self._held_base_fee: int | None = None
        self._mining = threading.RLock()
        self._ended = threading.Event()
        self._problem: Exception | None = None
        self._miner = threading.Thread(target=self._mine_steadily, daemon=True)
        self._miner.start()

    def ask(self, method: str, *arguments: object) -> Any:
        asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": arguments}
        answer = json.loads(self._wire.post(json.dumps(asked).encode())[1])
        assert "error" not in answer, answer
        return answer["result"]

    def new_market(self, access: Access = Access.OPEN) -> DemandReduction:
        receipt = self.send(UTILITY, {"data": _deployment(self.web3, access)})
        return DemandReduction(self.web3, to_checksum_address(receipt["contractAddress"]))

    def send(self, account: int, transaction: dict[str, object]) -> dict[str, str]:
        """Have an account send a transaction, mine the next block, and return the receipt."""
        with self._mining:
            # Anvil drops a transaction whose fee is below that of the next block, which after a
            # reorganisation is that of none of these two.
            blocks = [self.ask("eth_getBlockByNumber", b, False) for b in ("latest", "pending")]
            fee = 10 * max(int(block["baseFeePerGas"], 16) for block in blocks) + 10**13
            fees = {"maxFeePerGas": hex(fee), "maxPriorityFeePerGas": hex(10**9)}
            sender = {"from": self.accounts[account], "gas": hex(10**7)}
            sent = self.ask("eth_sendTransaction", {**sender, **fees, **transaction})
            self.mine()
            receipt = self.ask("eth_getTransactionReceipt", sent)
        assert receipt, "the transaction is not in the block"
        assert receipt["status"] == "0x1", "the transaction failed"
        return receipt

    def mine(self, blocks: int = 1) -> None:
        with self._mining:
            if self._held_base_fee is not None:
                self.set_base_fee(self._held_base_fee)
            self._mine(blocks)

    @abstractmethod
    def _mine(self, blocks: int) -> None:
        """Mine that many blocks."""

    @contextmanager
    def still(self) -> Iterator[None]:
        """Let no block come for a while but those that this thread mines."""
        with self._mining:
            self._check_miner()
            yield

    def close_gate(self, market: DemandReduction, request_id: int) -> None:
        """Let time pass on chain until nobody can bid any more."""
        self.move_to(market.request(request_id).gate_closure + 1)

    def move_to(self, time_s: int) -> None:
        """Mine a block of that time, unless it has passed."""
        with self._mining:
            newest = self.ask("eth_getBlockByNumber", "latest", False)
            if int(newest["timestamp"], 16) < time_s:
                self.ask("evm_setNextBlockTimestamp", time_s)
            self.mine()

    def do(
        self,
        market: DemandReduction,
        account: int,
        function: str,
        *arguments: object,
        value: int = 0,
    ) -> None:
        """Have an account call the contract, in a block that is mined here."""
        data = market._contract.encode_abi(function, arguments)
        self.send(account, {"to": market.address, "data": data, "value": hex(value)})

    def has_bid(self, market: DemandReduction, request_id: int, consumer: str) -> bool:
        """Return whether somebody's bids are on chain; asked often, so it asks for little."""
        topics = [_BIDS_SUBMITTED, f"0x{request_id:064x}", f"0x{int(consumer, 16):064x}"]
        wanted = {"address": market.address, "fromBlock": "0x0", "topics": topics}
        return bool(self.ask("eth_getLogs", wanted))

    def request(
        self,
        market: DemandReduction,
        reduction_wh: int = 5000,
        price_step_wei: int = STEP_WEI,
        bidding_seconds: int = 600,
    ) -> int:
        """Open a request in a block that is mined here, and return its id."""
        terms = Terms(reduction_wh, price_step_wei, bidding_seconds)
        written = (reduction_wh, price_step_wei, bidding_seconds, 0, 0, 0, 0)
        self.do(market, UTILITY, "request_reduction", *written, value=terms.escrow_wei)
        return market.request_count()

    def bid(self, market: DemandReduction, request_id: int, account: int) -> None:
        """Have an account bid 2 kWh at half of the highest price."""
        self.do(market, account, "submit_bids", request_id, [(2000, PRICE_LEVELS // 2)])

    def settle(self, market: DemandReduction, request_id: int) -> None:
        """Close the gate, select the winners and pay them, in a block each, as far as needed."""
        if market.request(request_id).status == Status.BIDDING:
            self.close_gate(market, request_id)
            self.do(market, UTILITY, "select_winners", request_id)
        if market.request(request_id).status == Status.CLEARED:
            self.do(market, UTILITY, "pay_winners", request_id, 100)

    def wait_for_pool(self) -> None:
        """Return once a transaction waits for a block."""
        wait_until(lambda: not self.is_pool_empty())

    def set_base_fee(self, wei: int) -> None:
        """Have gas cost that much in the next block; it gets an eighth cheaper with each after."""
        self.has_base_fee = True
        self.ask("hardhat_setNextBlockBaseFeePerGas", hex(wei))

    def hold_base_fee(self, wei: int | None) -> None:
        """Have gas cost that much in every block from now on; None lets it become cheaper."""
        with self._mining:
            self._held_base_fee = wei
            self.mine()

    def head(self) -> int:
        return int(self.ask("eth_blockNumber"), 16)

    def miner(self) -> str:
        """Return whom tips go to."""
        return self.ask("eth_getBlockByNumber", "latest", False)["miner"]

    def balance_wei(self, holder: str) -> int:
        return int(self.ask("eth_getBalance", holder, "latest"), 16)

    def burnt_wei(self) -> int:
        """Return what base fees have taken out of the world."""
        if not self.has_base_fee:
            return 0
        head = self.head()
        # No reorganisation reaches what is older, so it is counted once.
        settled = max(self._burnt[0], head - 50)
        known = self._burnt[1] + sum(map(self._burnt_in, range(self._burnt[0], settled)))
        self._burnt = settled, known
        return known + sum(map(self._burnt_in, range(settled, head + 1)))

    def _burnt_in(self, number: int) -> int:
        block = self.ask("eth_getBlockByNumber", hex(number), False)
        return int(block["gasUsed"], 16) * int(block["baseFeePerGas"], 16)

    def reorganise(self, depth: int, fate: Fate = Fate.GONE) -> None:
        """Replace that many of the newest blocks by as many others."""
        with self._mining:
            raws = [*self._raw_transactions(depth)]
            self._replace(depth, raws if fate == Fate.LATER else [])
            for raw in raws if fate == Fate.POOL else ():
                self.ask("eth_sendRawTransaction", raw)

    @abstractmethod
    def _replace(self, depth: int, returning: list[str]) -> None:
        """Replace the newest blocks by others, the last of which has these transactions."""

    @abstractmethod
    def roll_back(self, depth: int) -> None:
        """Take away that many of the newest blocks; the chain is shorter until more are mined."""

    @abstractmethod
    def is_pool_empty(self) -> bool:
        """Return whether no transaction waits for a block."""

    @abstractmethod
    def empty_pool(self) -> None:
        """Drop all transactions that wait for a block."""

    def stop(self) -> None:
        self._ended.set()
        self._miner.join()
        self._check_miner()

    def _raw_transactions(self, depth: int) -> Iterator[str]:
        head = self.head()
        for number in range(head - depth + 1, head + 1):
            for hash_ in self.ask("eth_getBlockByNumber", hex(number), False)["transactions"]:
                yield self._raw(hash_)

    @abstractmethod
    def _raw(self, sent_hash: str) -> str:
        """Return a transaction as it was signed."""

    def _mine_steadily(self) -> None:
        try:
            while not self._ended.wait(self.block_s):
                self.mine()
        except Exception as problem:
            self._problem = problem

    def _check_miner(self) -> None:
        """Raise what has ended the miner before its time."""
        if self._problem:
            raise self._problem
