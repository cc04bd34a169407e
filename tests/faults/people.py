"""People with a folder, a .env, a keystore and a way to the node of their own."""

import json
import threading
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from eth_account import Account
from eth_account.signers.local import LocalAccount

from market.bids import Offer
from market.contract import DemandReduction
from market.errors import MarketError
from market.status import Status, load_status, status_path
from market.store import Results, load_results, save_offers
from tests.faults.nursery import Copy
from tests.faults.waiting import wait_until
from tests.scripts.processes import environment

if TYPE_CHECKING:
    from tests.faults.world import World

PASSWORD = "a pass phrase"
WAITING = "Waiting for requests"
_MNEMONIC = "test test test test test test test test test test test junk"


@cache
def wallet(number: int) -> LocalAccount:
    """Return an account that Anvil, like Hardhat's node, has given Ether at the start."""
    Account.enable_unaudited_hdwallet_features()
    return Account.from_mnemonic(_MNEMONIC, account_path=f"m/44'/60'/0'/0/{number}")


@cache
def _keystore(number: int) -> str:
    # As weak as it can be: what is tested here is not the keystore.
    return json.dumps(Account.encrypt(wallet(number).key, PASSWORD, kdf="pbkdf2", iterations=1))


class Person:
    """Somebody with a folder, a .env, a keystore and a way to the node of their own."""

    def __init__(self, world: "World", name: str, number: int, role: str) -> None:
        self.name, self.number = name, number
        self.address = wallet(number).address
        self.proxy = world.proxy()
        self.folder = world.folder / name
        self.database = self.folder / "database"
        self.database.mkdir(parents=True)
        (self.folder / "keystore").mkdir()
        (self.folder / "keystore" / f"{name}.json").write_text(_keystore(number), "utf-8")
        self.runs: list[Copy] = []
        self._starting = threading.Lock()
        self.nursery = world.nursery
        self._world, self._role = world, role
        self.configure()

    def configure(self, **settings: object) -> None:
        """Write .env: with what everybody here needs, and these settings."""
        block_s = self._world.chain.block_s
        needed = {
            "CONTRACT_ADDRESS": self._world.market.address,
            "RPC_URLS": self.proxy.url,
            "REMOTE_NETWORK": "testnet",
            f"{self._role}_ACCOUNT": self.name,
            f"{self._role}_ACCOUNT_PASS": PASSWORD,
            "KEYSTORE_FOLDER": self.folder / "keystore",
            "DATABASE_FOLDER": self.database,
            "CONFIRMATIONS": 2,
            "POLL_SECONDS": block_s,
            "REPLACE_SECONDS": max(1, 3 * block_s),
        }
        written = [f"{name}='{value}'" for name, value in {**needed, **settings}.items()]
        env_file = self.folder / ".env"
        env_file.write_text("\n".join([*written, ""]), "utf-8")
        env_file.chmod(0o600)

    def run(self, *words: str) -> Copy:
        """Start `python -m market <words> remote`."""
        folder = self.folder / f"run-{len(self.runs) + 1}"
        folder.mkdir()
        variables = environment(self.folder, self.name, ENV_FILE=self.folder / ".env")
        with self._starting:
            copy = self.nursery.start([*words, "remote"], variables, folder)
            self.runs.append(copy)
        return copy

    @property
    def process(self) -> Copy:
        """The newest run."""
        return self.runs[-1]

    def process_id(self) -> int:
        """Return the newest run's number, also while it starts."""
        with self._starting:
            return self.process.pid

    def lives(self) -> bool:
        return self.process.lives()

    def transactions(self) -> int:
        """Return how many transactions of its account are on the chain."""
        return self._world.chain.web3.eth.get_transaction_count(self.address)

    def forget(self) -> None:
        """Delete what its programs remember."""
        for file in self.database.glob("market.sqlite3*"):
            file.unlink()

    @property
    def told(self) -> str:
        """What all runs have printed."""
        return "".join(run.out for run in self.runs)

    def wait_for(self, text: str, times: int = 1) -> None:
        """Return once the newest run has printed a text; the test fails if it ends before."""
        run = self.process
        wait_until(lambda: run.out.count(text) >= times or not run.lives(), lambda: run.out)
        assert run.out.count(text) >= times, f'ended without "{text}":\n{run.out}'


class Household(Person):
    """A consumer."""

    def __init__(self, world: "World", name: str, number: int, *offers: Offer) -> None:
        super().__init__(world, name, number, "CONSUMER")
        self.offers = offers
        save_offers(self.database / "bids.json", offers)

    def start(self, *words: str) -> Copy:
        """Start the consumer."""
        return self.run("consumer", *words)

    def wait_for_first_look(self) -> None:
        """Return once the consumer has seen the chain: what it asks only at its start is asked."""
        self.wait_for(WAITING)
        wait_until(lambda: self._status().last_block is not None, lambda: self.told)

    def _status(self) -> Status:
        """Return what it says of itself."""
        return load_status(status_path(self.database))

    @property
    def market(self) -> DemandReduction:
        """The contract that it works with, as the chain itself shows it."""
        return self._world.market

    @property
    def results_file(self) -> Path:
        return self.database / "results.json"

    def results(self) -> Results:
        return load_results(self.results_file)

    def has_bid(self, request_id: int) -> bool:
        return self._world.chain.has_bid(self._world.market, request_id, self.address)

    def wait_for_bid(self, request_id: int) -> None:
        wait_until(lambda: self.has_bid(request_id), lambda: self.told)

    def has_results(self, request_id: int) -> bool:
        # A reorganisation may take the file away at any time.
        with suppress(MarketError):
            return self.results().request_id == request_id
        return False

    def wait_for_results(self, request_id: int) -> None:
        wait_until(lambda: self.has_results(request_id), lambda: self.told)
