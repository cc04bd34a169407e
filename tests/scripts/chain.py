"""A local chain as the tests see it: everybody's accounts, contracts, requests, and its clock."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic, sleep

from eth_typing import ChecksumAddress
from web3 import Web3

from market.anvil import running_anvil
from market.artifact import load_artifact
from market.clearing import Access, clear
from market.contract import DemandReduction
from market.deployment import deploy
from market.model import Terms
from market.provider import connect
from market.signer import UnlockedSigner
from market.transactions import Sender
from market.units import PRICE_LEVELS
from market.utility import Utility

UTILITY = 0
MAXIMUM_WEI_PER_WH = 4 * 10**12
_LONG_S = 600


class Chain:
    """A chain whose node keeps everybody's accounts unlocked."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.web3: Web3 = connect(url)
        self.accounts: list[ChecksumAddress] = [*self.web3.eth.accounts]

    def sender(self, account: int) -> Sender:
        return Sender(self.web3, UnlockedSigner(self.accounts[account]))

    def new_market(self, access: Access = Access.OPEN) -> DemandReduction:
        return DemandReduction(self.web3, deploy(self.sender(UTILITY), access).address)

    def request(self, market: DemandReduction, reduction_wh: int = 5000) -> int:
        """Open a request that stays open until `close_gate`, and return its id."""
        terms = Terms(reduction_wh, MAXIMUM_WEI_PER_WH // PRICE_LEVELS, _LONG_S)
        return market.request_reduction(self.sender(UTILITY), terms)[0]

    def bid(self, market: DemandReduction, request_id: int, account: int) -> None:
        """Have an account bid 2 kWh at half of the highest price."""
        market.submit_bids(self.sender(account), request_id, [(2000, PRICE_LEVELS // 2)])

    def close_gate(self, market: DemandReduction, request_id: int) -> None:
        """Let time pass on chain until nobody can bid any more."""
        left_s = market.request(request_id).gate_closure - self.now_s()
        self.ask("evm_increaseTime", max(0, left_s) + 1)
        self.ask("evm_mine")

    def settle(self, market: DemandReduction, request_id: int) -> None:
        """Close the gate, select the winners and pay them."""
        self.close_gate(market, request_id)
        for _ in Utility(market, self.sender(UTILITY)).finish(request_id):
            pass

    def call(self, market: DemandReduction, function: str, *arguments: object) -> None:
        """Have the utility call a function that no script calls."""
        contract = self.web3.eth.contract(market.address, abi=load_artifact()["abi"])
        self.sender(UTILITY).send(contract.functions[function](*arguments), function)

    def due(
        self, market: DemandReduction, request_id: int, consumer: ChecksumAddress
    ) -> list[tuple[int, int, int]]:
        """Return what the rule in Python gives a consumer for the bids on chain.

        For every bid that won the energy (Wh), the price (wei per Wh) and the payment (wei).
        """
        request = market.request(request_id)
        step = request.price_step_wei
        cleared = clear(market.bids(request_id), request.reduction_wh, step, request.pricing)
        return [
            (award.accepted_wh, award.price_level * step, award.payment_wei)
            for award in cleared.awards
            if award.consumer == consumer
        ]

    def bidders(self, market: DemandReduction, request_id: int) -> list[int]:
        """Return the account of each bid, in the order of arrival."""
        return [self.accounts.index(bid.consumer) for bid in market.bids(request_id)]

    def nonces(self) -> list[int]:
        """Return how many transactions each account has sent."""
        return [self.web3.eth.get_transaction_count(account) for account in self.accounts]

    def ether_wei(self, market: DemandReduction) -> int:
        """Return what everybody holds together, whoever mines the blocks included."""
        miner = self.web3.eth.get_block("latest")["miner"]
        holders = {*self.accounts, market.address, miner}
        return sum(self.web3.eth.get_balance(holder) for holder in holders)

    @contextmanager
    def refusing_ether(self, account: int) -> Iterator[None]:
        """Have an account refuse whatever is paid to it, for a while."""
        self.ask("anvil_setCode", self.accounts[account], "0x5f5ffd")
        try:
            yield
        finally:
            self.ask("anvil_setCode", self.accounts[account], "0x")

    @contextmanager
    def balance(self, account: int, amount_wei: int) -> Iterator[None]:
        """Give an account another balance for a while."""
        address = self.accounts[account]
        before = self.web3.eth.get_balance(address)
        self.ask("anvil_setBalance", address, hex(amount_wei))
        try:
            yield
        finally:
            self.ask("anvil_setBalance", address, hex(before))

    def now_s(self) -> int:
        return self.web3.eth.get_block("pending")["timestamp"]

    def ask(self, method: str, *arguments: object) -> object:
        answer = self.web3.provider.make_request(method, arguments)
        assert "error" not in answer, answer
        return answer["result"]


@contextmanager
def running_chain(*options: str) -> Iterator[Chain]:
    with running_anvil("--block-time", "1", "--mixed-mining", *options) as url:
        yield Chain(url)


def wait_until(condition: Callable[[], object], what: str, timeout_s: float = 30) -> None:
    deadline = monotonic() + timeout_s
    while not condition():
        assert monotonic() < deadline, f"waited in vain: {what}"
        sleep(0.05)
