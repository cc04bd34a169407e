"""The roles at work on a chain of their own, without Brownie and without scripts."""

import pytest
from web3 import Web3

from market.anvil import running_anvil
from market.bids import Offer
from market.clearing import Access
from market.consumer import Consumer
from market.contract import DemandReduction, deploy
from market.desk import Desk
from market.memory import Memory
from market.model import Terms
from market.node import chain_name
from market.provider import connect
from market.signer import UnlockedSigner
from market.store import save_offers
from market.transactions import Sender
from market.utility import Utility

UTILITY, ALICE, BOB = 0, 1, 2
BIDDING_S = 600
GWEI = 10**9
HEAT_PUMP = Offer(3000, 2000 * GWEI, "heat pump")


class Recorder:
    """A reporter that remembers what it was told, by the names of its methods."""

    def __init__(self):
        self.told = []

    def __getattr__(self, name):
        return lambda *arguments: self.told.append((name, *arguments))

    def names(self):
        return [name for name, *_ in self.told]

    def problems(self):
        return [str(arguments[0]) for name, *arguments in self.told if name == "problem"]


class Town:
    """A contract on a chain, and whoever works with it."""

    def __init__(self, web3: Web3, folder):
        self.web3 = web3
        self.folder = folder
        address, _ = deploy(self.sender(UTILITY), Access.OPEN)
        self.market = DemandReduction(web3, address)
        self.utility = Utility(self.market, self.sender(UTILITY), wait=self.mine)

    def sender(self, account):
        return Sender(self.web3, UnlockedSigner(self.web3.eth.accounts[account]))

    def consumer(
        self,
        account=ALICE,
        sender=None,
        market=None,
        offers=(HEAT_PUMP,),
        *,
        remembers=True,
        confirmations=0,
        **options,
    ):
        """Return a consumer as it is after a start: it remembers nothing but its files."""
        folder = self.folder / str(account)
        folder.mkdir(exist_ok=True)
        if not (folder / "bids.json").exists():
            save_offers(folder / "bids.json", offers)
        market, sender = market or self.market, sender or self.sender(account)
        chain = chain_name(market.web3)
        memory_file = folder / "market.sqlite3" if remembers else None
        memory = Memory(memory_file, chain, market.address, sender.signer.address)
        sender.journal = memory
        desk = Desk(
            market, sender, memory, folder / "results.json", Recorder(), chain, confirmations
        )
        consumer = Consumer(desk, folder / "bids.json", **options)
        consumer.bidder.load()
        return consumer

    def request(self, reduction_wh=5000):
        return self.utility.request(Terms(reduction_wh, 4 * GWEI, BIDDING_S)).request_id

    def close_gate(self):
        self.rpc("evm_increaseTime", BIDDING_S)
        self.mine()

    def settle(self, request_id):
        self.close_gate()
        return list(self.utility.finish(request_id))

    def mine(self, *_):
        self.rpc("evm_mine")

    def rpc(self, method, *parameters):
        answer = self.web3.provider.make_request(method, list(parameters))
        assert "error" not in answer, answer
        return answer["result"]


@pytest.fixture(scope="session")
def chain_url():
    with running_anvil() as url:
        yield url


@pytest.fixture
def town(chain_url, tmp_path):
    web3 = connect(chain_url)
    town = Town(web3, tmp_path)
    yield town
    town.rpc("evm_setAutomine", True)
    town.mine()
