"""Machines of their own: each with its copy of what the README says a device needs, and no more.

Nothing is shared but the node: not the folder, not the home with its keystore, no setting.
"""

import shutil
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from eth_account import Account

from market.bids import Offer
from market.contract import DemandReduction
from market.settings import load_settings
from market.store import Outcome, load_results, save_offers
from tests.scripts.chain import running_chain, wait_until
from tests.scripts.processes import ROOT, Script, environment, survivors
from tests.scripts.stage import WAITING, save_key

CHAIN_ID = 515151
PASSWORD = "a password"
CARRIED = ("market", "database/bids.json", ".env.template", "requirements-device.txt")


class Machine:
    """A folder with a home, an account and a `.env`; what runs there has it as its own folder."""

    def __init__(self, folder: Path, role: str, chain) -> None:
        self.folder, self.home = folder / "energy-market", folder / "home"
        for name in CARRIED:
            _carry(ROOT / name, self.folder / name)
        self.account = Account.create()
        chain.ask("anvil_setBalance", self.account.address, hex(10**18))
        save_key(self.home, role, Account.encrypt(self.account.key, PASSWORD, iterations=1))
        self._env_file.touch(0o600)
        self.set(
            RPC_URLS=chain.url,
            POLL_SECONDS="0.2",
            CONFIRMATIONS="1",
            **{f"{role}_ACCOUNT": role, f"{role}_ACCOUNT_PASS": f"'{PASSWORD}'"},
        )
        self._mark, self._scripts = uuid4().hex, []

    @property
    def _env_file(self) -> Path:
        return self.folder / ".env"

    @property
    def results_file(self) -> Path:
        return self.folder / "database" / "results.json"

    def set(self, **settings: str) -> None:
        with self._env_file.open("a", encoding="utf-8") as file:
            file.writelines(f"{name}={value}\n" for name, value in settings.items())

    def contract(self) -> str:
        return load_settings(self._env_file).require_contract()

    def start(self, *words: str) -> Script:
        """Start `python -m market <words> remote` in the machine's folder."""
        output = self.folder.parent / f"script-{len(self._scripts)}"
        output.mkdir()
        there = ("env", "--chdir", str(self.folder))
        command = [*there, sys.executable, "-m", "market", *words, "remote"]
        script = Script(command, environment(self.home, self._mark), output)
        self._scripts.append(script)
        return script

    def close(self) -> None:
        for script in self._scripts:
            script.stop()
        assert not survivors(self._mark)


def _carry(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


@pytest.fixture
def chain():
    with running_chain("--chain-id", str(CHAIN_ID)) as chain:
        yield chain


@pytest.fixture
def machine(chain, tmp_path):
    made = []

    def make(role: str) -> Machine:
        made.append(Machine(tmp_path / f"machine-{len(made)}", role, chain))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_deploy__sources_to_publish_are_not_there__says_so_and_spends_nothing(chain, machine):
    utility = machine("UTILITY")
    utility.set(ETHERSCAN_TOKEN="0123456789abcdef")
    words = ["to be published", "./run_demo.sh", "leave ETHERSCAN_TOKEN empty"]
    utility.start("deploy").finish().refused_with(*words)
    assert chain.web3.eth.get_transaction_count(utility.account.address) == 0
    utility.set(ETHERSCAN_TOKEN="")
    utility.start("deploy").finish().succeeded()


def test_round__each_on_a_machine_of_its_own__all_are_paid_by_the_rule(chain, machine):
    utility, *consumers = machine("UTILITY"), machine("CONSUMER"), machine("CONSUMER")
    utility.start("deploy").finish().succeeded()
    market = DemandReduction(chain.web3, utility.contract())
    for number, consumer in enumerate(consumers, 2):
        consumer.set(CONTRACT_ADDRESS=market.address)
        save_offers(consumer.folder / "database/bids.json", [Offer(3000, number * 10**12, "pump")])
        consumer.start("consumer").wait_for(WAITING)
    request = utility.start("utility", "request", "5", "0.004", "600").wait_for("is open")
    wait_until(lambda: len(market.bids(1)) == 2, "bids of both")
    chain.close_gate(market, 1)
    request.finish().succeeded()
    for consumer in consumers:
        wait_until(consumer.results_file.exists, "the consumer's results")
        results = load_results(consumer.results_file)
        assert (results.status, results.chain_id) == (Outcome.WON, CHAIN_ID)
        won = [(r.energy_wh, r.price_wei_per_wh, r.payment_wei) for r in results.results]
        assert won == chain.due(market, 1, consumer.account.address)
    assert sum(bid.energy_wh for bid in market.bids(1)) == 6000
