"""A live network of Hardhat's node, a stage for the scripts, and people with keystore accounts."""

from types import SimpleNamespace

import pytest
from eth_account import Account

from market.contract import DemandReduction
from market.settings import load_settings
from tests.nodes.node import running_hardhat
from tests.scripts.chain import Chain
from tests.scripts.stage import Stage, Stem, new_home, save_key

PASSWORD = "a pass phrase"
PAGES_ACCOUNT = "cabin"


@pytest.fixture(scope="session")
def hardhat():
    with running_hardhat() as url:
        yield Chain(url)


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    return new_home(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def people(home, hardhat):
    """The addresses of the utility and the consumers, whose keys are in the keystore only.

    The page's consumer is another one than the scripts', which may be at work at the same time.
    """
    addresses = {}
    for name in ("grid", "flat", PAGES_ACCOUNT):
        account = Account.create()
        save_key(home, name, Account.encrypt(account.key, PASSWORD, kdf="pbkdf2", iterations=1))
        hardhat.ask("hardhat_setBalance", account.address, hex(10**18))
        addresses[name] = account.address
    return SimpleNamespace(
        utility=addresses["grid"],
        consumer=addresses["flat"],
        pages_consumer=addresses[PAGES_ACCOUNT],
    )


@pytest.fixture(scope="session")
def stage(tmp_path_factory, home, hardhat, people):
    stage = Stage(tmp_path_factory.mktemp("nodes"), home)
    stage.env_file.write_text(
        f"RPC_URLS={hardhat.url}\nREMOTE_NETWORK=hardhat\nACCESS=APPROVED\nCONFIRMATIONS=2\n"
        f"UTILITY_ACCOUNT=grid\nUTILITY_ACCOUNT_PASS={PASSWORD}\n"
        f"CONSUMER_ACCOUNT=flat\nCONSUMER_ACCOUNT_PASS={PASSWORD}\n",
        "utf-8",
    )
    stage.env_file.chmod(0o600)
    yield stage
    stage.close()


@pytest.fixture(scope="session")
def run(stage):
    """Run a script to its end on the live network."""
    stem = Stem(stage)

    def run(script, *words, function="main"):
        return stem.run(stage, script, *words, "remote", function=function)

    return run


@pytest.fixture(scope="session")
def deployed(run):
    return run("deploy").succeeded()


@pytest.fixture(scope="session")
def market(stage, deployed, hardhat):
    return DemandReduction(hardhat.web3, load_settings(stage.env_file).require_contract())


@pytest.fixture(scope="session")
def approved(run, market, people):
    """What the consumer's registration and the utility's approval printed."""
    registered = run("register")
    return registered, run("utility", people.consumer, function="approve").succeeded()


@pytest.fixture
def refusing(hardhat):
    """Have an address refuse whatever is paid to it, for a while."""
    codes = []

    def refusing(address):
        codes.append(address)
        hardhat.ask("hardhat_setCode", address, "0x5f5ffd")

    def accepting():
        while codes:
            hardhat.ask("hardhat_setCode", codes.pop(), "0x")

    yield SimpleNamespace(start=refusing, end=accepting)
    accepting()
