"""The roles at work on a chain of their own, without Brownie and without scripts."""

import time
from contextlib import contextmanager
from itertools import count

import pytest
from eth_account import Account
from web3 import Web3
from web3.providers.base import JSONBaseProvider

from market import launching
from market.anvil import running_anvil
from market.artifact import load_artifact
from market.bids import Offer
from market.clearing import Access
from market.consumer import Consumer
from market.contract import DemandReduction
from market.deployment import deploy
from market.desk import Desk
from market.memory import Memory
from market.model import Terms
from market.node import chain_name
from market.provider import NodePool
from market.signer import UnlockedSigner
from market.store import save_offers
from market.transactions import Sender
from market.utility import Utility
from tests.scripts.chain import wait_until

UTILITY, ALICE, BOB = 0, 1, 2
BIDDING_S = 600
SENDING = ("eth_sendTransaction", "eth_sendRawTransaction")
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


class Line(JSONBaseProvider):
    """The way to the chain; a test may do something before each request, such as raise an error.

    It may also give an answer `instead` of the node. Where the node mines at once, what was sent
    is in a block when the request returns.
    """

    def __init__(self, url):
        super().__init__()
        self.pool = NodePool([url], None)
        self.before = lambda method: None
        self.instead = lambda method, params: None

    @property
    def endpoint_uri(self):
        return self.pool.endpoint_uri

    def make_request(self, method, params):
        self.before(method)
        answer = self.instead(method, params) or self.pool.make_request(method, params)
        if method in SENDING and "result" in answer and self._ask("anvil_getAutomine"):
            wait_until(lambda: self._ask("eth_getTransactionReceipt", answer["result"]), "a block")
        return answer

    def _ask(self, method, *params):
        return self.pool.make_request(method, [*params])["result"]


def refusal(message, code=-32000):
    """Return what a node says that does not do what it is asked."""
    return {"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": message}}


def once(line, method, answer):
    """Have a line answer the next request of a method so; return a list that then has it."""
    seen = []

    def instead(asked, params):
        if asked != method or seen:
            return None
        seen.append(method)
        return answer(params) if callable(answer) else answer

    line.instead = instead
    return seen


def result(value):
    """Return what a node answers with."""
    return {"jsonrpc": "2.0", "id": 1, "result": value}


def forgetting(town, kept_blocks):
    """Have a node tell what was at a block only for the newest ones: an `instead` of a Line."""

    def instead(method, params):
        block = params[1] if method in ("eth_call", "eth_getTransactionCount") else "latest"
        if block.startswith("0x") and int(block, 16) <= town.web3.eth.block_number - kept_blocks:
            return refusal("historical state is not available")
        return None

    return instead


def run_while(consumer, act, number):
    """Step, and `act` just before the request of this number; return whether it has so many."""
    line, numbers = consumer.desk.market.web3.provider, count()
    line.before = lambda _: next(numbers) == number and act()
    consumer.step()
    line.before = lambda _: None
    return next(numbers) > number


def storing(line, newest):
    """Have a node store the block after its newest one: calls know it already.

    An `instead` of a Line.
    """

    def instead(method, params):
        if method == "eth_getBlockByNumber" and params[0] == "latest":
            return line.pool.make_request(method, [hex(newest), *params[1:]])
        if method == "eth_call" and params[1] == hex(newest):
            return line.pool.make_request(method, [params[0], "latest"])
        return None

    return instead


def showing(line, newest):
    """Have a node know no block above the newest one it is to show: an `instead` of a Line."""

    def instead(method, params):
        ask, latest = line.pool.make_request, ("latest", "pending")
        if method == "eth_getBlockByNumber":
            if params[0] in latest:
                return ask(method, [hex(newest), *params[1:]])
            return result(None) if int(params[0], 16) > newest else None
        if method in ("eth_call", "eth_getTransactionCount") and params[1] in latest:
            return ask(method, [params[0], hex(newest)])
        if method == "eth_getTransactionReceipt":
            receipt = ask(method, params)["result"]
            return result(None) if receipt and int(receipt["blockNumber"], 16) > newest else None
        return None

    return instead


class Killed(BaseException):
    """The program has ended here."""


class Town:
    """A contract on a chain, and whoever works with it."""

    def __init__(self, web3: Web3, folder):
        self.web3 = web3
        self.folder = folder
        deployment = deploy(self.sender(UTILITY), Access.OPEN)
        self.market = DemandReduction(web3, deployment.address)
        self.utility = Utility(self.market, self.sender(UTILITY), wait=self.mine)

    def sender(self, account, **options):
        return Sender(self.web3, UnlockedSigner(self.web3.eth.accounts[account]), **options)

    def wallet(self, balance_wei=10**18):
        """Return a new key whose account holds some Ether."""
        wallet = Account.create()
        self.rpc("anvil_setBalance", wallet.address, hex(balance_wei))
        return wallet

    def call(self, function, *arguments):
        """Return a call of the contract, to be sent."""
        contract = self.web3.eth.contract(self.market.address, abi=load_artifact()["abi"])
        return contract.functions[function](*arguments)

    @contextmanager
    def still(self):
        """Have no block mined but by `mine`."""
        self.rpc("evm_setAutomine", False)
        yield
        self.rpc("evm_setAutomine", True)

    def price_gas(self, base_wei):
        """Have a unit of gas cost so much from the next block on, which is mined."""
        self.rpc("anvil_setNextBlockBaseFeePerGas", hex(base_wei))
        self.mine()

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
        """Open a request that nobody goes on with."""
        request_id = self.utility.request(Terms(reduction_wh, 4 * GWEI, BIDDING_S)).request_id
        self.utility.seen_through(request_id)
        return request_id

    def reorganise(self, depth, *returning):
        """Replace the newest blocks; the first of the new ones has these signed transactions."""
        self.rpc("anvil_reorg", depth, [[raw, 0] for raw in returning])

    def pool(self):
        """Return the hashes of the transactions that wait for a block."""
        return [sent.to_0x_hex() for sent in self.web3.eth.get_block("pending")["transactions"]]

    def newest_raws(self):
        """Return the newest block's signed transactions."""
        sent = self.web3.eth.get_block("latest")["transactions"]
        return [self.rpc("eth_getRawTransactionByHash", made.to_0x_hex()) for made in sent]

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


@pytest.fixture(autouse=True)
def _soon_known(monkeypatch):
    """Have a node that does not know a receipt be asked again a few times only."""
    monkeypatch.setattr(launching, "_RECEIPT_S", 0)


@pytest.fixture
def town(chain_url, tmp_path):
    town = Town(Web3(Line(chain_url)), tmp_path)
    yield town
    town.rpc("anvil_dropAllTransactions")
    town.rpc("evm_setAutomine", True)
    town.price_gas(0)


@pytest.fixture
def utc(monkeypatch):
    """Have this machine's time zone be UTC."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()
