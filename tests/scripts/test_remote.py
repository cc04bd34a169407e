"""A live network: a chain of another id that knows nobody's accounts, and an explorer."""

import json
import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from eth_account import Account

from market.artifact import load_artifact
from market.bids import Offer
from market.clearing import Access
from market.contract import DemandReduction
from market.settings import load_settings
from market.store import Outcome
from tests.scripts.chain import running_chain
from tests.scripts.processes import SUPERVISED
from tests.scripts.servers import LOOK_UP, SUBMIT, Explorer, serving
from tests.scripts.stage import WAITING, Household, Stage, new_home, save_key

CHAIN_ID = 424242
PASSWORD = "correct 'horse' #battery"
TOKEN = "TOKEN1234567890"
COMPILER = Path(os.environ["SOLCX_BINARY_PATH"], "solc-v0.8.30")


@pytest.fixture(scope="module")
def live_chain():
    with running_chain("--chain-id", str(CHAIN_ID)) as chain:
        chain.ask("anvil_setNextBlockBaseFeePerGas", hex(10**10))
        yield chain


@pytest.fixture(scope="module")
def explorer():
    return Explorer(
        submit=[("1", "ticket")], look_up=[("0", "Pending in queue"), ("1", "Pass - Verified")]
    )


@pytest.fixture(scope="module")
def stage(tmp_path_factory, live_chain, explorer):
    """A person's home, with a .env for the live network, and nothing set elsewhere."""
    home = new_home(tmp_path_factory.mktemp("home"))
    stage = Stage(tmp_path_factory.mktemp("live"), home)
    with serving(explorer.answer) as url:
        stage.env_file.write_text(
            f"REMOTE_RPC_URL={live_chain.url}\nACCESS=REGISTERED\n"
            f"ETHERSCAN_TOKEN={TOKEN}\nEXPLORER_API_URL={url}/v2/api\n"
            f'UTILITY_ACCOUNT=grid\nUTILITY_ACCOUNT_PASS="{PASSWORD}"\n'
            f'CONSUMER_ACCOUNT=flat\nCONSUMER_ACCOUNT_PASS="{PASSWORD}"\n',
            "utf-8",
        )
        yield stage
        stage.close()


@pytest.fixture(scope="module")
def people(stage, live_chain):
    """The utility's and the consumer's addresses; Brownie has their keys, and they have Ether."""
    utility, consumer = Account.create(), Account.create()
    for account in (utility, consumer):
        live_chain.ask("anvil_setBalance", account.address, hex(10**18))
    new = stage.start_command([*SUPERVISED, "accounts", "new", "grid"])
    new.type(utility.key.hex(), PASSWORD).finish().succeeded()
    save_key(stage.home, "flat", Account.encrypt(consumer.key, PASSWORD))
    return SimpleNamespace(utility=utility.address, consumer=consumer.address)


@pytest.fixture(scope="module")
def deployed(stage, people):
    return stage.start("deploy", "main", "remote").finish().succeeded()


@pytest.fixture(scope="module")
def market(stage, deployed, live_chain):
    return DemandReduction(live_chain.web3, load_settings(stage.env_file).require_contract())


@pytest.fixture(scope="module")
def registered(stage, market):
    return stage.start("register", "main", "remote").finish().succeeded()


@pytest.fixture(scope="module")
def round_played(stage, registered):
    """A household that has taken part in the utility's request, and what everybody printed."""
    household = Household(stage, None, Offer(2000, 2 * 10**12, "heat pump"))
    consumer = household.start("main", "remote").wait_for(WAITING)
    utility = stage.start("utility", "request", "5", "0.004", "6", "remote").finish().succeeded()
    household.wait_for_results(1)
    return SimpleNamespace(household=household, printed=utility.text + consumer.out)


def test_deploy__live_network__account_of_the_keystore_is_the_utility(people, market, live_chain):
    assert market.owner() == people.utility
    assert market.access() == Access.REGISTERED
    assert live_chain.nonces() == [0] * len(live_chain.accounts)


def test_deploy__token_set__published_source_reproduces_the_contract(
    deployed, explorer, live_chain
):
    (submission,) = explorer.calls[SUBMIT]
    name, hash_ = submission["contractname"].split(":"), deployed.out.split("transaction ")[1]
    compiled = subprocess.run(
        [COMPILER, "--standard-json"],
        input=submission["sourceCode"],
        capture_output=True,
        text=True,
        check=True,
    )
    output = json.loads(compiled.stdout)["contracts"][name[0]][name[1]]
    created_with = live_chain.web3.eth.get_transaction(hash_.split()[0])["input"].hex()
    bytecode = output["evm"]["bytecode"]["object"]
    assert bytecode + submission["constructorArguements"] == created_with.removeprefix("0x")
    assert output["abi"] == load_artifact()["abi"]


def test_deploy__token_set__waits_until_the_source_is_verified(deployed, explorer):
    assert "The source is published" in deployed.out
    assert [question["guid"] for question in explorer.calls[LOOK_UP]] == ["ticket"] * 2
    assert explorer.calls[SUBMIT][0]["chainid"] == str(CHAIN_ID)


def test_register__live_network__may_bid(people, registered, market):
    assert "is registered" in registered.out
    assert market.is_allowed(people.consumer)


def test_round__live_network__consumer_is_paid_by_the_rule(
    people, market, live_chain, round_played
):
    household = round_played.household
    assert household.results().status == Outcome.WON
    assert household.won() == live_chain.due(market, 1, people.consumer)
    assert household.results().chain_id == CHAIN_ID


def test_scripts__live_network__show_no_secret(stage, deployed, registered, round_played):
    printed = deployed.text + registered.text + round_played.printed
    assert TOKEN not in printed
    assert PASSWORD not in printed
