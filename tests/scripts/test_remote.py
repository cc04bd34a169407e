"""A live network: a chain of another id that knows nobody's accounts, and an explorer."""

import json
import os
import re
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
from tests.scripts.chain import running_chain, wait_until
from tests.scripts.ports import free_port
from tests.scripts.processes import SUPERVISED, seen
from tests.scripts.servers import LOOK_UP, SUBMIT, Explorer, serving
from tests.scripts.stage import WAITING, Household, Stage, new_home, save_key

CHAIN_ID = 424242
PASSWORD = "correct 'horse' #battery"
TOKEN = "TOKEN1234567890"
KEY = "0123456789abcdef"
COMPILER = Path(os.environ["SOLCX_BINARY_PATH"], "solc-v0.8.30")


@pytest.fixture(scope="module")
def live_chain():
    with running_chain("--chain-id", str(CHAIN_ID)) as chain:
        chain.ask("anvil_setNextBlockBaseFeePerGas", hex(10**10))
        yield chain


@pytest.fixture(scope="module")
def explorer():
    return Explorer(
        submit=[("0", "Missing/Invalid API Key"), ("1", "ticket")],
        look_up=[("0", "Pending in queue"), ("1", "Pass - Verified")],
    )


@pytest.fixture(scope="module")
def rpc_urls(live_chain):
    """Two addresses of nodes; the first node is away."""
    return f"http://127.0.0.1:{free_port()}/v3/{KEY}, {live_chain.url}/?key={KEY}"


@pytest.fixture(scope="module")
def stage(tmp_path_factory, rpc_urls, explorer):
    """A person's home, with a .env for the live network, and nothing set elsewhere."""
    home = new_home(tmp_path_factory.mktemp("home"))
    stage = Stage(tmp_path_factory.mktemp("live"), home)
    with serving(explorer.answer) as url:
        stage.env_file.touch(0o600)
        stage.env_file.write_text(
            f"RPC_URLS={rpc_urls}\nACCESS=REGISTERED\n"
            f"ETHERSCAN_TOKEN={TOKEN}\nEXPLORER_API_URL={url}/v2/api\n"
            f'UTILITY_ACCOUNT=grid\nUTILITY_ACCOUNT_PASS="{PASSWORD}"\n'
            f'CONSUMER_ACCOUNT=flat\nCONSUMER_ACCOUNT_PASS="{PASSWORD}"\n',
            "utf-8",
        )
        yield stage
        stage.close()


@pytest.fixture(scope="module")
def people(stage, live_chain):
    """The addresses of the utility and two consumers, who all have Ether."""
    utility, consumer, cabin = (Account.create() for _ in range(3))
    for account in (utility, consumer, cabin):
        live_chain.ask("anvil_setBalance", account.address, hex(10**18))
    new = stage.start_command([*SUPERVISED, "accounts", "new", "grid"])
    new.type(utility.key.hex(), PASSWORD).finish().succeeded()
    save_key(stage.home, "flat", Account.encrypt(consumer.key, PASSWORD))
    return SimpleNamespace(
        utility=utility.address,
        consumer=consumer.address,
        cabin=cabin.address,
        cabin_file=json.dumps(Account.encrypt(cabin.key, PASSWORD)),
    )


@pytest.fixture(scope="module")
def device(tmp_path_factory, rpc_urls, people, market):
    """A device without Brownie, with a .env and a keystore of its own."""
    keystore = tmp_path_factory.mktemp("keystore")
    (keystore / "cabin.json").write_text(people.cabin_file, "utf-8")
    device = Stage(tmp_path_factory.mktemp("device"), tmp_path_factory.mktemp("bare-home"))
    device.env_file.touch(0o600)
    device.env_file.write_text(
        f"RPC_URLS={rpc_urls}\nCONTRACT_ADDRESS={market.address}\nKEYSTORE_FOLDER={keystore}\n"
        f'CONSUMER_ACCOUNT=cabin\nCONSUMER_ACCOUNT_PASS="{PASSWORD}"\n',
        "utf-8",
    )
    yield device
    device.close()


@pytest.fixture(scope="module")
def refused(stage, people):
    """A deployment whose source the explorer does not take."""
    return (
        stage.start("deploy", "main", "remote")
        .finish()
        .refused_with("deploy.py main remote` once more")
    )


@pytest.fixture(scope="module")
def deployed(stage, refused):
    """The same once more."""
    return stage.start("deploy", "main", "remote").finish().succeeded()


@pytest.fixture(scope="module")
def market(stage, deployed, live_chain):
    return DemandReduction(live_chain.web3, load_settings(stage.env_file).require_contract())


@pytest.fixture(scope="module")
def registered(stage, market, device):
    """What the flat's and the cabin's registration printed."""
    scripts = [
        stage.start("register", "main", "remote"),
        device.start_on_device("register", "remote"),
    ]
    return [script.finish().succeeded() for script in scripts]


@pytest.fixture(scope="module")
def round_played(stage, device, registered, market, live_chain):
    """Households that have taken part in the utility's request, and what everybody printed."""
    flat = Household(stage, None, Offer(2000, 2 * 10**12, "heat pump"))
    cabin = Household(device, None, Offer(2000, 3 * 10**12, "pump"))
    consumers = [flat.start("main", "remote"), cabin.start_on_device("remote")]
    for consumer in consumers:
        consumer.wait_for(WAITING)
    utility = stage.start("utility", "request", "5", "0.004", "600", "remote").wait_for("is open")
    command_lines = [
        line
        for home in (stage, device)
        for line in seen(home.mark, lambda process: " ".join(process.cmdline()))
    ]
    wait_until(lambda: len(market.bids(1)) == 2, "bids of both")
    live_chain.close_gate(market, 1)
    printed = utility.finish().succeeded().text
    for household in (flat, cabin):
        household.wait_for_results(1)
    printed += "".join(consumer.out + consumer.err for consumer in consumers)
    return SimpleNamespace(flat=flat, cabin=cabin, printed=printed, command_lines=command_lines)


def secrets_in(text):
    return [secret for secret in (TOKEN, PASSWORD, KEY) if secret in text]


def test_deploy__live_network__account_of_the_keystore_is_the_utility(people, market, live_chain):
    assert market.owner() == people.utility
    assert market.access() == Access.REGISTERED
    assert live_chain.nonces() == [0] * len(live_chain.accounts)


def test_deploy__token_set__published_source_reproduces_the_contract(
    deployed, explorer, live_chain
):
    submission = explorer.calls[SUBMIT][-1]
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


def test_deploy__source_was_not_published__publishes_it_without_deploying_another(
    refused, deployed
):
    first, second = (re.findall("Contract deployed at .*", r.out) for r in (refused, deployed))
    assert second == [f"{first[0]} by an earlier run"]


def test_deploy__token_set__waits_until_the_source_is_verified(deployed, explorer):
    assert "The source is published" in deployed.out
    assert [question["guid"] for question in explorer.calls[LOOK_UP]] == ["ticket"] * 2
    assert explorer.calls[SUBMIT][0]["chainid"] == str(CHAIN_ID)


def test_register__live_network__may_bid(people, registered, market):
    assert all("is registered" in script.out for script in registered)
    assert market.is_allowed(people.consumer)
    assert market.is_allowed(people.cabin)


@pytest.mark.parametrize(("name", "account"), [("flat", "consumer"), ("cabin", "cabin")])
def test_round__live_network__consumer_is_paid_by_the_rule(
    people, market, live_chain, round_played, name, account
):
    household = getattr(round_played, name)
    assert household.results().status == Outcome.WON
    assert household.won() == live_chain.due(market, 1, getattr(people, account))
    assert household.results().chain_id == CHAIN_ID


def test_scripts__live_network__show_no_secret(stage, deployed, registered, round_played):
    texts = [deployed.text, *(script.text for script in registered), round_played.printed]
    printed = "".join(texts)
    assert not secrets_in(printed)
    assert "Warning" not in printed


def test_processes__live_network__show_no_secret_in_their_command_lines(round_played):
    shown = "\n".join(round_played.command_lines)
    assert shown.count("consumer remote") == 2, shown
    assert "utility.py request" in shown
    assert not secrets_in(shown)


def test_files__live_network__show_no_secret(device, round_played, tmp_path):
    away = f"http://127.0.0.1:{free_port()}/v3/{KEY}"
    device.start_on_device("consumer", "remote", DATABASE_FOLDER=tmp_path, RPC_URLS=away)
    status = tmp_path / "status.json"
    wait_until(lambda: status.exists() and "node away" in status.read_text("utf-8"), "the status")
    for folder in (tmp_path, round_played.flat.folder, round_played.cabin.folder):
        files = [folder / "status.json", *folder.glob("consumer.log*")]
        kept = [file.read_text("utf-8") for file in files]
        assert len(kept) > 1
        assert not secrets_in("".join(kept))
        assert folder != tmp_path or all("http://127.0.0.1" in text for text in kept), kept


def test_register__node_is_away__waits_and_shows_its_address_without_the_key(stage, deployed):
    address = f"127.0.0.1:{free_port()}"
    url = f"http://user:secret@{address}/v3/{KEY}?token={TOKEN}"
    waiting = stage.start("register", "main", "remote", RPC_URLS=url)
    waiting.wait_for(f"The node at http://{address} does not answer")
    ended = waiting.press_ctrl_c().finish()
    assert ended.status == 130
    assert not [secret for secret in ("user", "secret", "v3", KEY, TOKEN) if secret in ended.text]


def test_script__others_can_read_the_passwords__warns_once(stage, deployed):
    stage.env_file.chmod(0o644)
    ended = stage.start_on_device("consumer", "withdraw", "remote").finish().succeeded()
    stage.env_file.chmod(0o600)
    assert ended.err.count("Warning") == 1
    assert "UTILITY_ACCOUNT_PASS" in ended.err
    assert "chmod 600" in ended.err
    assert PASSWORD not in ended.text
