"""Whatever people get wrong: one line that says what and how to mend it, and nothing is changed."""

import pytest
from eth_account import Account

from market.clearing import Access
from tests.scripts.ports import free_port
from tests.scripts.processes import PLAIN
from tests.scripts.servers import serving
from tests.scripts.stage import brownies_port, new_home, save_key

BIDS = '{"energy": [2.0], "price": [0.003]}'
SCRIPTS = ("consumer", "register", "utility")


@pytest.fixture(scope="module")
def market(chain):
    """One for all, as nothing here may change it."""
    return chain.new_market()


@pytest.fixture
def env_file(stage, market):
    """Settings with which everybody could start."""
    stage.use(market)


@pytest.fixture
def refused(run, chain, stage):
    """Run a script that must refuse with these words, send nothing and change no file."""

    def refused(script, *arguments, words, **options):
        before = chain.nonces(), stage.contents()
        run(script, *arguments, **options).refused_with(*words)
        assert (chain.nonces(), stage.contents()) == before

    return refused


@pytest.fixture
def bids_file(stage, env_file):
    """The bids of a consumer who could start, were they all right."""
    file = stage.files / "bids.json"
    file.write_text(BIDS, "utf-8")
    return file


@pytest.fixture
def keystore(home):
    """Put an account into Brownie's keystore."""

    def keystore(name, content=None):
        encrypted = Account.encrypt(Account.create().key, "right", kdf="pbkdf2", iterations=2)
        save_key(home, name, encrypted if content is None else content)
        return name

    return keystore


# bids.json


def test_consumer__no_bids_file__says_where_to_get_one(refused, bids_file):
    bids_file.unlink()
    refused("consumer", words=["There is no", "copy database/bids.json"])


@pytest.mark.parametrize("script", ["deploy", *SCRIPTS])
def test_script__no_database_folder__says_so_in_the_place_of_what_follows(
    refused, env_file, tmp_path, script
):
    words = ["There is no folder", str(tmp_path / "nosuch"), "mend DATABASE_FOLDER in the environ"]
    refused(script, words=words, DATABASE_FOLDER=tmp_path / "nosuch")


# .env


@pytest.mark.parametrize("script", SCRIPTS)
def test_script__no_env_file__says_how_to_get_one(refused, script):
    refused(script, words=["There is no .env", "install -m 600 .env.template .env"])


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("CONTRACT_ADDRESS=", ["There is no CONTRACT_ADDRESS", "ask the utility"]),
        ("CONTRACT_ADDRESS=0x12", ["CONTRACT_ADDRESS in .env", "40 hexadecimal digits"]),
        (f"CONTRACT_ADDRESS=0x{'1' * 40}", ["There is no contract at 0x1111", "ask the utility"]),
    ],
    ids=["missing", "malformed", "no contract there"],
)
def test_script__contract_address_is_wrong__says_how_to_mend_it(
    refused, stage, script, line, words
):
    stage.env_file.write_text(f"{line}\n", "utf-8")
    refused(script, words=words)


@pytest.mark.parametrize(
    "code",
    ["0x00", "0xfe", "0x60016000526020600 0f3".replace(" ", ""), "0x620000000060005260406000f3"],
    ids=["answers nothing", "refuses", "answers one", "answers zeros"],
)
def test_script__contract_of_another_kind__is_not_worked_with(refused, chain, stage, code):
    address = "0x" + "2" * 40
    chain.ask("anvil_setCode", address, code)
    stage.env_file.write_text(f"CONTRACT_ADDRESS={address}\n", "utf-8")
    refused("consumer", words=[address, "is not a Demand_Reduction", "check CONTRACT_ADDRESS"])


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ACCESS=EVERYBODY", ["ACCESS in .env", "OPEN, REGISTERED, APPROVED"]),
        ("PRICING=CHEAP", ["PRICING in .env", "UNIFORM, PAY_AS_BID"]),
        ("MINIMUM_BID_KWH=some", ["MINIMUM_BID_KWH in .env", "not a number"]),
        ("RPC_URLS=http://a,localhost", ["RPC_URLS in .env", "http://127.0.0.1:8545"]),
        ("REMOTE_RPC_URL=http://a", ["REMOTE_RPC_URL in .env", "RPC_URLS", "rename"]),
        ("QUIET_HOURS=at night", ["QUIET_HOURS in .env", "22:00-07:00"]),
        ("DRY_RUN=perhaps", ["DRY_RUN in .env", "yes or no"]),
        ("MAX_FEE_GWEI=0", ["MAX_FEE_GWEI in .env", "more than 0"]),
        ("LOG_FORMAT=xml", ["LOG_FORMAT in .env", "TEXT, JSON"]),
        ("no setting at all", [".env, line 1", "NAME=value"]),
    ],
)
def test_deploy__setting_is_wrong__names_it(refused, stage, line, words):
    stage.env_file.write_text(f"{line}\n", "utf-8")
    refused("deploy", words=words)


def test_deploy__env_file_is_a_folder__deploys_nothing(refused, stage):
    stage.env_file.mkdir()
    refused("deploy", words=[".env", "must be a file"])


# Accounts


@pytest.mark.parametrize(
    ("script", "variable"), [("consumer", "CONSUMER_ACCOUNT"), ("utility", "UTILITY_ACCOUNT")]
)
def test_script__unknown_account__says_where_names_are(refused, bids_file, script, variable):
    words = ["no account nobody", ".brownie/accounts", "market account NAME", "NAME.json"]
    refused(script, words=words, **{variable: "nobody"})


def test_script__account_outside_the_keystore__is_not_an_account(refused, bids_file, keystore):
    words = ["'../accounts/home' is not the name of an account", "without its .json"]
    keystore("home")
    refused("consumer", words=words, CONSUMER_ACCOUNT="../accounts/home")


def test_script__keystore_elsewhere__is_looked_for_there(refused, bids_file, tmp_path):
    words = ["no account home", str(tmp_path)]
    refused("consumer", words=words, CONSUMER_ACCOUNT="home", KEYSTORE_FOLDER=tmp_path)


def test_script__account_number_too_high__says_how_many_there_are(refused, bids_file):
    refused("consumer", words=["has 10 accounts", "account 99"], CONSUMER_ACCOUNT=99)


def test_script__wrong_password__names_the_account(refused, bids_file, keystore):
    account = {"CONSUMER_ACCOUNT": keystore("locked"), "CONSUMER_ACCOUNT_PASS": "mistyped"}
    refused("consumer", words=["password of account locked is wrong"], **account)


def test_script__nobody_types_the_password__says_where_to_write_it(refused, bids_file, keystore):
    words = ["password of account locked", "no terminal", "write it into .env"]
    refused("consumer", words=words, CONSUMER_ACCOUNT=keystore("locked"))


@pytest.mark.parametrize("content", ["", "not JSON", "{}", "[]", '{"version": 3}'])
def test_script__keystore_file_is_damaged__says_so(refused, bids_file, keystore, content):
    account = {"CONSUMER_ACCOUNT": keystore("broken", content), "CONSUMER_ACCOUNT_PASS": "right"}
    refused("consumer", words=["keystore file of account broken is damaged"], **account)


def test_utility__not_the_contracts_owner__names_both(refused, chain, env_file):
    words = [chain.accounts[3], "is not the utility", chain.accounts[0], "UTILITY_ACCOUNT"]
    refused("utility", words=words, UTILITY_ACCOUNT=3)


def test_consumer__not_registered__says_how_to_register(refused, chain, stage, bids_file):
    stage.use(chain.new_market(Access.REGISTERED))
    refused("consumer", words=["may not bid", "scripts/register.py"])


# Money


def test_deploy__too_little_ether__says_how_much_there_is(refused, chain):
    with chain.balance(9, 10**9):
        refused("deploy", words=["holds 0.000000001 ETH", "send Ether"], UTILITY_ACCOUNT=9)


def test_utility__too_little_ether_for_the_escrow__says_how_much_it_is(refused, env_file):
    words = ["40000.0 ETH", "send Ether"]
    refused("utility", "10000000", "0.004", "60", function="request", words=words)


# Nodes


@pytest.mark.parametrize("script", ["deploy", *SCRIPTS])
def test_script__no_node__says_that_none_is_running(refused, script):
    url = f"http://127.0.0.1:{free_port()}"
    refused(script, words=["No local chain is running", url, "run_chain.sh"], LOCAL_RPC_URL=url)


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, "hello"), (200, "{}"), (200, "[]"), (200, "null"), (404, "{}"), (500, "{}")],
)
def test_script__something_else_than_a_node_answers__says_so(refused, env_file, status, body):
    with serving(lambda *_: (status, body)) as url:
        refused("consumer", words=["No local chain", url, "mend"], LOCAL_RPC_URL=url)


@pytest.mark.parametrize("script", ["deploy", *SCRIPTS])
def test_script__network_is_mistyped__names_the_right_word(refused, env_file, script):
    refused(script, "remot", words=['"remot" is not a network', "write remote"])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, ["No live network is named", "REMOTE_NETWORK", "base-sepolia", "RPC_URLS"]),
        (
            {"REMOTE_NETWORK": "sepolai"},
            ["sepolai is not one of", "sepolia", "mend REMOTE_NETWORK"],
        ),
        ({"REMOTE_NETWORK": "development"}, ["development is not one of the ready-made networks"]),
    ],
)
def test_script__no_live_network__says_what_to_write_into_env(refused, env_file, settings, words):
    refused("consumer", "remote", words=words, **settings)


@pytest.mark.parametrize("script", ["deploy", *SCRIPTS])
def test_script__main_is_left_out_before_remote__works_on_the_live_network(
    refused, env_file, script
):
    refused(script, function="remote", words=["No live network is named"])


def test_script__node_of_another_chain__names_both(refused, chain, env_file):
    words = ["is on chain 31337", "chain 11155111", "mend REMOTE_NETWORK or RPC_URLS"]
    settings = {"REMOTE_NETWORK": "sepolia", "RPC_URLS": chain.url}
    refused("consumer", "remote", words=words, **settings)


def test_script__nodes_of_different_chains__names_the_odd_one(refused, chain, env_file):
    words = ["is on chain 1,", "chain 31337", "mend"]
    with serving(lambda *_: (200, '{"jsonrpc": "2.0", "id": 0, "result": "0x1"}')) as url:
        refused("register", "remote", words=[url, *words], RPC_URLS=f"{chain.url} {url}")


@pytest.mark.parametrize(
    ("script", "variable"), [("register", "CONSUMER_ACCOUNT"), ("deploy", "UTILITY_ACCOUNT")]
)
def test_script__no_account_for_a_live_network__names_the_variable(
    refused, chain, env_file, script, variable
):
    words = [f"{variable} is not set", ".env", ".brownie/accounts"]
    refused(script, "remote", words=words, RPC_URLS=chain.url)


def test_script__local_chain_is_away__its_address_is_shown_without_the_key(run, env_file):
    address = f"127.0.0.1:{free_port()}"
    url = f"http://user:password@{address}/v3/key?token=token"
    ended = run("register", "local", LOCAL_RPC_URL=url).refused_with(f"http://{address}")
    assert not [
        secret for secret in ("user", "password", "v3", "key", "token") if secret in ended.err
    ]


# What is typed


@pytest.mark.parametrize(
    ("reduction", "price", "seconds", "words"),
    [
        ("0", "0.004", "60", ["reduction 0 kWh must be more than zero"]),
        ("-5", "0.004", "60", ["reduction -5 kWh must be more than zero"]),
        ("274877907", "0.004", "60", ["reduction 274877907 kWh is too large", "at most"]),
        ("0.0005", "0.004", "60", ["reduction 0.0005 kWh is too precise", "3 digits"]),
        ("five", "0.004", "60", ['"five" is not a number']),
        ("5 kWh", "0.004", "60", ['"5 kWh" is not a number', "digits only"]),
        ("5,5", "0.004", "60", ["comma", "decimal point"]),
        ("", "0.004", "60", ['"" is not a number']),
        ("5", "0", "60", ["price 0 ETH/kWh must be more than zero"]),
        ("5", "-1", "60", ["price -1 ETH/kWh must be more than zero"]),
        ("5", "0.0000000000001", "60", ["maximum price 0.0000000000001 ETH/kWh is too low"]),
        ("5", "1" + "0" * 30, "60", ["too large", "ETH/kWh"]),
        ("5", "cheap", "60", ['"cheap" is not a number']),
        ("5", "0.004", "0", ["bidding time 0 s must be more than zero"]),
        ("5", "0.004", "1.5", ["bidding time 1.5 s is too precise", "whole number"]),
        ("5", "0.004", "999999999", ["bidding time 999999999 s is too large", "2592000 s"]),
        ("5", "0.004", "soon", ['"soon" is not a number']),
    ],
)
def test_utility__answer_that_cannot_be__names_the_mistake(
    refused, env_file, reduction, price, seconds, words
):
    refused("utility", typed=f"{reduction}\n{price}\n{seconds}\ny\n", words=words)


@pytest.mark.parametrize("answers", [[], ["5"], ["5", "0.004"], ["5", "0.004", "60"]])
def test_utility__nobody_answers__says_how_to_do_without(refused, env_file, answers):
    typed = "".join(f"{answer}\n" for answer in answers)
    refused("utility", typed=typed, words=["Nobody answers", "scripts/utility.py request"])


def test_utility__answer_is_no__sends_nothing(run, chain, env_file):
    nonces = chain.nonces()
    assert "Nothing was sent" in run("utility", typed="5\n0.004\n60\nn\n").succeeded().out
    assert chain.nonces() == nonces


@pytest.mark.parametrize("arguments", [(), ("5",), ("5", "0.004", "60", "local", "now")])
def test_utility_request__wrong_number_of_arguments__shows_the_form(refused, env_file, arguments):
    words = ["utility.py request 5 0.004 60"]
    refused("utility", *arguments, function="request", words=words)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("consumer", ["withdrawl", "withdraw"]),
        ("utility", ["now", "request, finish, cancel, approve, revoke, withdraw"]),
        ("deploy", ["remote please", "write remote"]),
    ],
)
def test_script__word_it_does_not_know__lists_what_it_knows(refused, env_file, script, words):
    refused(script, words[0], words=[f'"{words[0]}" is not a network', *words[1:]])


# Without the shortcut that the tests above take


def test_scripts__in_processes_of_their_own__refuse_alike(stage, bids_file, tmp_path):
    home = new_home(tmp_path / "home")
    url = f"http://127.0.0.1:{brownies_port(home)}"
    # The only chain is the one that Brownie has started for this script alone.
    alone = stage.start("consumer", brownie=PLAIN, home=home, LOCAL_RPC_URL=url)
    asking = stage.start("utility")
    asking.finish().refused_with("Nobody answers the questions")
    alone.finish().refused_with("No local chain is running", url, "run_chain.sh")
    assert not stage.survivors()
