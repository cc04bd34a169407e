import errno
import os
import traceback
from datetime import time
from pathlib import Path
from stat import S_IMODE

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from market.clearing import Pricing
from market.envfile import SECRETS, exposure_warning
from market.errors import MarketError
from market.happenings import LogFormat
from market.quiet_hours import QuietHours
from market.settings import (
    Access,
    Account,
    Settings,
    env_file_path,
    environment_without_settings,
    load_settings,
    remember_contract,
    variable_names,
)
from tests.unit.nobody import as_nobody

TEMPLATE = Path(__file__).parents[2] / ".env.template"
ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
OTHER = "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"
VARIABLES = [name for name in variable_names() if name != "ENV_FILE"]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    for variable in [*VARIABLES, "ENV_FILE"]:
        # Set first, so that a variable the test itself exports is taken back as well.
        monkeypatch.setenv(variable, "")
        monkeypatch.delenv(variable)


@pytest.fixture
def env_file(tmp_path):
    return tmp_path / ".env"


@pytest.fixture
def load(env_file):
    def load_from(text):
        env_file.write_text(text)
        return load_settings(env_file)

    return load_from


def mode(path):
    return S_IMODE(path.stat().st_mode)


# Reading


def test_load_settings__no_file__has_the_defaults(env_file):
    assert load_settings(env_file) == Settings(
        env_file=env_file,
        contract_address="",
        utility_account="",
        utility_account_pass=SecretStr(""),
        consumer_account="",
        consumer_account_pass=SecretStr(""),
        keystore_folder=Path.home() / ".brownie" / "accounts",
        local_rpc_url="http://127.0.0.1:8545",
        remote_network="",
        rpc_urls=(),
        web3_infura_project_id=SecretStr(""),
        etherscan_token=SecretStr(""),
        explorer_api_url="https://api.etherscan.io/v2/api",
        access=Access.OPEN,
        pricing=Pricing.UNIFORM,
        minimum_bid_wh=0,
        lowest_price_wei_per_wh=0,
        maximum_requests_per_day=None,
        quiet_hours=None,
        dry_run=False,
        maximum_fee_wei_per_gas=500 * 10**9,
        replace_seconds=15.0,
        low_balance_wei=None,
        confirmations=None,
        poll_seconds=2.0,
        database_folder=Path("database"),
        log_format=LogFormat.TEXT,
        log_file=Path("database/consumer.log"),
        page_host="127.0.0.1",
        page_port=8000,
        page_password_hash=SecretStr(""),
    )


def test_load_settings__the_template__has_the_defaults(tmp_path):
    expected = load_settings(tmp_path / "missing").model_copy(update={"env_file": TEMPLATE})
    assert load_settings(TEMPLATE) == expected


def test_variable_names__of_all_fields__are_as_written_in_the_environment():
    assert {"ENV_FILE", "CONTRACT_ADDRESS", "MINIMUM_BID_KWH"} < set(variable_names())
    assert all(name == name.upper() for name in variable_names())


def test_env_template__every_variable__is_there_once_and_empty():
    lines = TEMPLATE.read_text().splitlines()
    assert sorted(line for line in lines if line and not line.startswith("#")) == sorted(
        f"{variable}=" for variable in VARIABLES
    )


@pytest.mark.parametrize("name", ["README.md", ".env.template", "deploy/energy-consumer.service"])
def test_env_template__steps_that_copy_it__keep_a_file_that_is_there(name):
    text, step = (TEMPLATE.parent / name).read_text("utf-8"), "install -m 600 .env.template .env"
    assert step in text
    assert text.count(step) == text.count(f"[ -e .env ] || {step}")


@pytest.mark.parametrize("host", ["::", "::1", "fe80::1:2", "::ffff:127.0.0.1", "home.local"])
def test_load_settings__page_host_in_any_form__is_taken(load, host):
    assert load(f"PAGE_HOST={host}\n").page_host == host


def test_load_settings__folder_of_somebody_else__says_so(tmp_path):
    folder = tmp_path / "private"
    folder.mkdir(mode=0)
    said = as_nobody(lambda: load_settings(folder / ".env"))
    assert said.startswith(f"{folder}/.env cannot be looked for (Permission denied): mend ENV_FILE")


def test_load_settings__every_variable_in_the_file__is_read(load, env_file):
    settings = load(
        f"CONTRACT_ADDRESS={ADDRESS}\n"
        "UTILITY_ACCOUNT = grid\n"
        "export UTILITY_ACCOUNT_PASS='it is # ${HOME} \"quoted\" '\n"
        'CONSUMER_ACCOUNT="home"\n'
        "CONSUMER_ACCOUNT_PASS=$ecret\n"
        "KEYSTORE_FOLDER=/etc/market/keys\n"
        "LOCAL_RPC_URL=http://localhost:9000  # the other node\n"
        "REMOTE_NETWORK=sepolia\n"
        "RPC_URLS=https://node.example/v3/key,http://10.0.0.1:8545\n"
        "WEB3_INFURA_PROJECT_ID=infura\n"
        "ETHERSCAN_TOKEN=etherscan\n"
        "EXPLORER_API_URL=https://explorer.example/api\n"
        "ACCESS=approved\n"
        "PRICING=PAY_AS_BID\n"
        "MINIMUM_BID_KWH=0.5\n"
        "LOWEST_PRICE_ETH_PER_KWH=0.002\n"
        "MAX_REQUESTS_PER_DAY=3\n"
        "QUIET_HOURS=22:00-07:30\n"
        "DRY_RUN=yes\n"
        "MAX_FEE_GWEI=30.5\n"
        "REPLACE_SECONDS=20\n"
        "LOW_BALANCE_ETH=0.01\n"
        "CONFIRMATIONS=6\n"
        "POLL_SECONDS=2.5\n"
        "DATABASE_FOLDER=/var/lib/market\n"
        "LOG_FORMAT=json\n"
        "LOG_FILE=/var/log/market.log\n"
        "PAGE_HOST=192.168.1.7\n"
        "PAGE_PORT=8443\n"
        "PAGE_PASSWORD_HASH='scrypt:32768:8:1$salt$hash'\n"
        "SOMETHING_ELSE=1\n"
    )
    assert settings == Settings(
        env_file=env_file,
        contract_address=ADDRESS,
        utility_account="grid",
        utility_account_pass=SecretStr('it is # ${HOME} "quoted" '),
        consumer_account="home",
        consumer_account_pass=SecretStr("$ecret"),
        keystore_folder=Path("/etc/market/keys"),
        local_rpc_url="http://localhost:9000",
        remote_network="sepolia",
        rpc_urls=(SecretStr("https://node.example/v3/key"), SecretStr("http://10.0.0.1:8545")),
        web3_infura_project_id=SecretStr("infura"),
        etherscan_token=SecretStr("etherscan"),
        explorer_api_url="https://explorer.example/api",
        access=Access.APPROVED,
        pricing=Pricing.PAY_AS_BID,
        minimum_bid_wh=500,
        lowest_price_wei_per_wh=2 * 10**12,
        maximum_requests_per_day=3,
        quiet_hours=QuietHours(time(22), time(7, 30)),
        dry_run=True,
        maximum_fee_wei_per_gas=305 * 10**8,
        replace_seconds=20.0,
        low_balance_wei=10**16,
        confirmations=6,
        poll_seconds=2.5,
        database_folder=Path("/var/lib/market"),
        log_format=LogFormat.JSON,
        log_file=Path("/var/log/market.log"),
        page_host="192.168.1.7",
        page_port=8443,
        page_password_hash=SecretStr("scrypt:32768:8:1$salt$hash"),
    )


@pytest.mark.parametrize(
    ("written", "minimum_bid_wh"), [("0", 0), ("0.0", 0), ("0.001", 1), ("12", 12_000)]
)
def test_load_settings__smallest_bid__is_in_wh(load, written, minimum_bid_wh):
    assert load(f"MINIMUM_BID_KWH={written}\n").minimum_bid_wh == minimum_bid_wh


@pytest.mark.parametrize("variable", ["POLL_SECONDS", "REPLACE_SECONDS"])
@pytest.mark.parametrize(("written", "seconds"), [("0.1", 0.1), ("3600", 3600.0)])
def test_load_settings__shortest_and_longest_time__are_taken(load, variable, written, seconds):
    assert getattr(load(f"{variable}={written}\n"), variable.lower()) == seconds


@pytest.mark.parametrize(
    ("variable", "written", "field", "value"),
    [
        ("CONFIRMATIONS", "0", "confirmations", 0),
        ("CONFIRMATIONS", "100", "confirmations", 100),
        ("MAX_REQUESTS_PER_DAY", "1", "maximum_requests_per_day", 1),
        ("MAX_REQUESTS_PER_DAY", "10000", "maximum_requests_per_day", 10_000),
        ("MAX_FEE_GWEI", "0.000000001", "maximum_fee_wei_per_gas", 1),
        ("MAX_FEE_GWEI", "1000000", "maximum_fee_wei_per_gas", 10**15),
        ("LOW_BALANCE_ETH", "0", "low_balance_wei", 0),
        ("LOW_BALANCE_ETH", "0.000000000000000001", "low_balance_wei", 1),
        ("LOW_BALANCE_ETH", "1000000", "low_balance_wei", 10**24),
        ("LOWEST_PRICE_ETH_PER_KWH", "0", "lowest_price_wei_per_wh", 0),
        ("LOWEST_PRICE_ETH_PER_KWH", "0.000000000000001", "lowest_price_wei_per_wh", 1),
    ],
)
def test_load_settings__smallest_and_largest_amount__are_exact(
    load, variable, written, field, value
):
    assert getattr(load(f"{variable}={written}\n"), field) == value


@pytest.mark.parametrize(
    ("written", "dry_run"),
    [("yes", True), ("Yes", True), ("true", True), ("1", True), ("no", False), ("off", False)],
)
def test_load_settings__yes_or_no_in_other_words__is_understood(load, written, dry_run):
    assert load(f"DRY_RUN={written}\n").dry_run is dry_run


@pytest.mark.parametrize(
    "written",
    [
        "http://a,http://b",
        "http://a http://b",
        " http://a ,\thttp://b, ",
        "http://a,http://b,http://a",
    ],
)
def test_load_settings__several_addresses__are_each_there_once_in_their_order(load, written):
    urls = [url.get_secret_value() for url in load(f"RPC_URLS='{written}'\n").rpc_urls]
    assert urls == ["http://a", "http://b"]


def test_load_settings__log_file__is_beside_the_results_unless_it_is_named(load):
    assert load("DATABASE_FOLDER=here\n").log_file == Path("here/consumer.log")
    assert load("LOG_FILE=None\n").log_file is None


@pytest.mark.parametrize(
    ("variable", "field"),
    [
        ("KEYSTORE_FOLDER", "keystore_folder"),
        ("DATABASE_FOLDER", "database_folder"),
        ("LOG_FILE", "log_file"),
    ],
)
def test_load_settings__path_in_the_home__is_found_there(load, monkeypatch, variable, field):
    monkeypatch.setenv("HOME", "/home/somebody")
    assert getattr(load(f"{variable}=~/market\n"), field) == Path("/home/somebody/market")


@pytest.mark.parametrize(
    ("written", "remote", "blocks"),
    [
        ("", True, 12),
        ("", False, 0),
        ("CONFIRMATIONS=3\n", True, 3),
        ("CONFIRMATIONS=3\n", False, 3),
    ],
)
def test_final_after__unless_it_is_set__depends_on_the_network(load, written, remote, blocks):
    assert load(written).final_after(remote=remote) == blocks


def test_access__as_the_contract_numbers_it():
    assert [(access.name, access.value) for access in Access] == [
        ("OPEN", 0),
        ("REGISTERED", 1),
        ("APPROVED", 2),
    ]


def test_load_settings__byte_order_mark_and_windows_line_ends__are_read(env_file):
    env_file.write_bytes(b"\xef\xbb\xbfACCESS=APPROVED\r\nPOLL_SECONDS=3\r\n")
    settings = load_settings(env_file)
    assert (settings.access, settings.poll_seconds) == (Access.APPROVED, 3.0)


def test_load_settings__set_in_the_environment_too__the_environment_wins(load, monkeypatch):
    monkeypatch.setenv("REMOTE_NETWORK", " mainnet ")
    monkeypatch.setenv("ACCESS", "")
    monkeypatch.setenv("POLL_SECONDS", "  ")
    settings = load("REMOTE_NETWORK=sepolia\nACCESS=APPROVED\nPRICING=PAY_AS_BID\n")
    assert settings.remote_network == "mainnet"
    assert settings.access == Access.OPEN
    assert settings.pricing == Pricing.PAY_AS_BID


def test_load_settings__field_names_in_the_environment__are_not_variables(env_file, monkeypatch):
    monkeypatch.setenv("access", "APPROVED")
    monkeypatch.setenv("minimum_bid_wh", "7")
    monkeypatch.setenv("ENV_FILE", "/elsewhere")
    settings = load_settings(env_file)
    assert (settings.access, settings.minimum_bid_wh) == (Access.OPEN, 0)
    assert settings.env_file == env_file


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("ACCESS", "closed", "write one of OPEN, REGISTERED, APPROVED"),
        ("PRICING", "0", "write one of UNIFORM, PAY_AS_BID"),
        ("MINIMUM_BID_KWH", "0,5", '"0,5" has a comma: write a decimal point, such as 0.5'),
        ("MINIMUM_BID_KWH", "-1", "energy -1 kWh must be more than zero"),
        (
            "MINIMUM_BID_KWH",
            "0.0001",
            "energy 0.0001 kWh is too precise: write at most 3 digits after the decimal point",
        ),
        ("POLL_SECONDS", "often", '"often" is not a number: write digits only, such as 5 or 0.5'),
        ("POLL_SECONDS", "0", "write more than 0 and at most 3600 seconds"),
        ("POLL_SECONDS", "3601", "write more than 0 and at most 3600 seconds"),
        ("LOCAL_RPC_URL", "localhost:8545", "write a URL such as http://127.0.0.1:8545"),
        ("LOCAL_RPC_URL", "http://[::1", "write a URL such as http://127.0.0.1:8545"),
        ("EXPLORER_API_URL", "etherscan.io", "write a URL such as http://127.0.0.1:8545"),
        ("RPC_URLS", "wss://node/key", "write a URL such as http://127.0.0.1:8545"),
        ("RPC_URLS", "http://a, node/key", "write a URL such as http://127.0.0.1:8545"),
        ("RPC_URLS", ",", "write a URL such as http://127.0.0.1:8545"),
        ("CONFIRMATIONS", "-1", "write a whole number from 0 to 100"),
        ("CONFIRMATIONS", "101", "write a whole number from 0 to 100"),
        ("CONFIRMATIONS", "1.5", "write a whole number from 0 to 100"),
        ("CONFIRMATIONS", "few", '"few" is not a number: write digits only, such as 5 or 0.5'),
        ("PAGE_PORT", "0", "write a whole number from 1 to 65535"),
        ("PAGE_PORT", "65536", "write a whole number from 1 to 65535"),
        (
            "PAGE_HOST",
            "http://127.0.0.1:8000",
            "write an address of this machine such as 127.0.0.1, without a port",
        ),
        (
            "PAGE_HOST",
            "127.0.0.1:80",
            "write an address of this machine such as 127.0.0.1, without a port",
        ),
        ("MAX_REQUESTS_PER_DAY", "0", "write a whole number from 1 to 10000"),
        ("MAX_REQUESTS_PER_DAY", "10001", "write a whole number from 1 to 10000"),
        ("MAX_FEE_GWEI", "0", "write more than 0 and at most 1000000 gwei"),
        ("MAX_FEE_GWEI", "1" + "0" * 99, "write more than 0 and at most 1000000 gwei"),
        ("MAX_FEE_GWEI", "0.0000000001", "write at most 9 digits after the decimal point"),
        ("REPLACE_SECONDS", "0", "write more than 0 and at most 3600 seconds"),
        ("LOW_BALANCE_ETH", "-1", "write an amount from 0 to 1000000 ETH"),
        ("LOW_BALANCE_ETH", "1000001", "write an amount from 0 to 1000000 ETH"),
        (
            "LOW_BALANCE_ETH",
            "0." + "0" * 18 + "1",
            "write at most 18 digits after the decimal point",
        ),
        ("LOWEST_PRICE_ETH_PER_KWH", "-1", "price -1 ETH/kWh must be more than zero"),
        ("QUIET_HOURS", "at night", "write two times such as 22:00-07:00"),
        ("QUIET_HOURS", "22:00-07:60", "write two times such as 22:00-07:00"),
        ("QUIET_HOURS", "25:00-07:00", "write two times such as 22:00-07:00"),
        (
            "QUIET_HOURS",
            "00:00-24:00",
            "they begin and end at 00:00: write two times such as 22:00-07:00",
        ),
        ("DRY_RUN", "perhaps", "write yes or no"),
        ("LOG_FORMAT", "xml", "write one of TEXT, JSON"),
        ("LOG_FILE", "~nobody-of-that-name/log", "there is no home folder: write the whole path"),
    ],
)
def test_load_settings__unusable_value__names_variable_place_and_remedy(
    load, env_file, monkeypatch, variable, value, reason
):
    with pytest.raises(MarketError) as problem:
        load(f"{variable}={value}\n")
    assert str(problem.value) == f"{variable} in .env: {reason}"
    monkeypatch.setenv(variable, value)
    with pytest.raises(MarketError) as problem:
        load_settings(env_file)
    assert str(problem.value) == f"{variable} in the environment: {reason}"


@pytest.mark.parametrize(
    ("text", "line"),
    [("my password: hunter2\n", 1), ("ACCESS=OPEN\n\nhunter 2\n", 3), ("\n\n\n\n=2\n", 5)],
)
def test_load_settings__unreadable_line__is_named_without_its_content(load, text, line):
    with pytest.raises(MarketError) as problem:
        load(text)
    assert str(problem.value) == f".env, line {line} is not NAME=value: correct it"


def test_load_settings__a_folder_instead_of_the_file__says_so(env_file):
    env_file.mkdir()
    with pytest.raises(MarketError, match=r"\.env cannot be read \(Is a directory\)"):
        load_settings(env_file)


def test_env_file_path__nothing_said__is_in_this_folder(monkeypatch):
    assert env_file_path() == Path(".env")
    monkeypatch.setenv("ENV_FILE", "")
    assert env_file_path() == Path(".env")


def test_env_file_path__named_in_the_environment__is_that(monkeypatch):
    monkeypatch.setenv("ENV_FILE", "/etc/market.env")
    assert env_file_path() == Path("/etc/market.env")


def test_settings__any_field__cannot_be_changed(env_file):
    with pytest.raises(ValidationError):
        load_settings(env_file).access = Access.APPROVED


# Secrets


def test_settings__shown_in_any_way__hides_the_secrets(load):
    secrets = {variable: f"https://hidden.example/{variable}" for variable in SECRETS}
    settings = load("".join(f"{variable}={value}\n" for variable, value in secrets.items()))
    shown = f"{settings} {settings!r} {settings.model_dump()} {settings.model_dump_json()}"
    assert "hidden.example" not in shown
    assert settings.rpc_urls[0].get_secret_value() == secrets["RPC_URLS"]


def test_secrets__of_settings__are_all_that_is_hidden_and_the_local_address(load):
    written = {**{variable: f"https://hidden.example/{variable}" for variable in SECRETS}}
    settings = load("".join(f"{variable}={value}\n" for variable, value in written.items()))
    assert sorted(settings.secrets()) == sorted([*written.values(), settings.local_rpc_url])


def test_account__shown__hides_the_password():
    assert "hunter2" not in repr(Account("grid", SecretStr("hunter2")))


def test_load_settings__unusable_secret__is_not_in_the_error_nor_in_its_causes(load):
    with pytest.raises(MarketError) as problem:
        load("RPC_URLS=wss://node/hidden-key\nUTILITY_ACCOUNT_PASS=hidden-password\n")
    error = problem.value
    assert "hidden" not in "".join(traceback.format_exception(type(error), error, None))
    assert error.__context__ is None


def test_secrets__are_the_variables_that_hide_their_values():
    assert set(SECRETS) == {
        field.alias
        for field in Settings.model_fields.values()
        if "SecretStr" in str(field.annotation)
    }


@pytest.mark.parametrize("variable", SECRETS)
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644])
def test_exposure_warning__others_may_open_a_file_with_secrets__names_them(
    env_file, variable, mode
):
    env_file.write_text(f"{variable}=hidden\nACCESS=OPEN\n")
    env_file.chmod(mode)
    assert exposure_warning(env_file) == (
        f".env holds {variable}, and others on this machine can read it: run `chmod 600 {env_file}`"
    )


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("RPC_URLS=hidden\n", 0o600),
        ("RPC_URLS=hidden\n", 0o400),
        ("RPC_URLS=\nACCESS=OPEN\n", 0o644),
    ],
)
def test_exposure_warning__nothing_to_see_for_others__says_nothing(env_file, text, mode):
    env_file.write_text(text)
    env_file.chmod(mode)
    assert exposure_warning(env_file) is None


def test_exposure_warning__no_file__says_nothing(env_file):
    assert exposure_warning(env_file) is None


def test_load_settings__former_name_of_a_variable__says_how_it_is_called_now(load):
    with pytest.raises(MarketError) as problem:
        load("REMOTE_RPC_URL=http://127.0.0.1:9000/hidden\n")
    assert str(problem.value) == "REMOTE_RPC_URL in .env is called RPC_URLS now: rename it"


# What a command cannot do without


def required_problem(settings, requirement):
    with pytest.raises(MarketError) as problem:
        getattr(settings, requirement)()
    return str(problem.value)


@pytest.mark.parametrize("written", [ADDRESS, ADDRESS.lower(), "0x" + ADDRESS[2:].upper()])
def test_require_contract__address__is_checksummed(load, written):
    assert load(f"CONTRACT_ADDRESS={written}\n").require_contract() == ADDRESS


def test_require_contract__digits_only__is_an_address(load):
    address = "0x" + "1234567890" * 4
    assert load(f"CONTRACT_ADDRESS={address}\n").require_contract() == address


def test_require_contract__in_the_environment_only__needs_no_file(env_file, monkeypatch):
    monkeypatch.setenv("CONTRACT_ADDRESS", ADDRESS)
    assert load_settings(env_file).require_contract() == ADDRESS


def test_require_contract__no_file__says_how_to_get_one(env_file):
    assert required_problem(load_settings(env_file), "require_contract") == (
        "There is no .env: `install -m 600 .env.template .env` makes one to fill in, and so does "
        "the utility's `python -m market deploy`"
    )


@pytest.mark.parametrize("text", ["", "CONTRACT_ADDRESS=\n", "CONTRACT_ADDRESS\n", "#\n"])
def test_require_contract__none_in_the_file__says_how_to_get_one(load, text):
    assert required_problem(load(text), "require_contract") == (
        "There is no CONTRACT_ADDRESS in .env: write the contract's address there, "
        "or ask the utility for it, whose `python -m market deploy` makes one"
    )


@pytest.mark.parametrize(
    "written",
    [ADDRESS[2:], ADDRESS[:-1], ADDRESS + "0", "0x" + "g" * 40, "0x" + "ab" * 32, "vitalik.eth"],
)
def test_require_contract__not_an_address__says_so_without_showing_it(load, written):
    problem = required_problem(load(f"CONTRACT_ADDRESS={written}\n"), "require_contract")
    assert problem == (
        "CONTRACT_ADDRESS in .env is not an address: write 0x and 40 hexadecimal digits"
    )


def test_require_contract__wrong_in_the_environment__says_where(load, monkeypatch):
    monkeypatch.setenv("CONTRACT_ADDRESS", "0x12")
    settings = load(f"CONTRACT_ADDRESS={ADDRESS}\n")
    assert required_problem(settings, "require_contract").startswith(
        "CONTRACT_ADDRESS in the environment is not an address"
    )


def test_require_contract__wrong_checksum__says_it_is_mistyped(load):
    written = ADDRESS.replace("5Fb", "5fb")
    assert required_problem(load(f"CONTRACT_ADDRESS={written}\n"), "require_contract") == (
        "CONTRACT_ADDRESS in .env is mistyped (its checksum is wrong): copy it again"
    )


def test_require_database_folder__it_is_one__is_content(load, tmp_path):
    load(f"DATABASE_FOLDER={tmp_path}\n").require_database_folder()


def test_require_database_folder__missing__says_what_to_make(load):
    settings = load("DATABASE_FOLDER=nosuch\n")
    assert required_problem(settings, "require_database_folder") == (
        "There is no folder nosuch: make it (a consumer's bids.json belongs there), "
        "or mend DATABASE_FOLDER in .env"
    )


def test_require_database_folder__is_a_file__says_so_and_where_it_was_named(env_file, monkeypatch):
    env_file.touch()
    monkeypatch.setenv("DATABASE_FOLDER", str(env_file))
    assert required_problem(load_settings(env_file), "require_database_folder") == (
        f"The folder {env_file} cannot be entered (Not a directory): see to it that the user who "
        "runs this can, or mend DATABASE_FOLDER in the environment"
    )


def test_require_database_folder__of_somebody_else__says_so(load, tmp_path):
    folder = tmp_path / "private"
    folder.mkdir(mode=0)
    settings = load(f"DATABASE_FOLDER={folder}\n")
    said = as_nobody(settings.require_database_folder)
    assert said.startswith(f"The folder {folder} cannot be entered (Permission denied): ")


@pytest.mark.parametrize("role", ["utility", "consumer"])
def test_require_account__named__has_its_own_password(load, role):
    settings = load(
        "UTILITY_ACCOUNT=the-utility\nUTILITY_ACCOUNT_PASS=utility-pass\n"
        "CONSUMER_ACCOUNT=the-consumer\nCONSUMER_ACCOUNT_PASS=consumer-pass\n"
    )
    account = getattr(settings, f"require_{role}_account")()
    assert account == Account(f"the-{role}", SecretStr(f"{role}-pass"))


@pytest.mark.parametrize("role", ["utility", "consumer"])
def test_require_account__not_named__says_where_to_write_it(env_file, role):
    assert required_problem(load_settings(env_file), f"require_{role}_account") == (
        f"{role.upper()}_ACCOUNT is not set: write its name into .env "
        f"(the accounts are the files in {Path.home()}/.brownie/accounts)"
    )


# Writing


@pytest.mark.parametrize(
    ("text", "before"),
    [
        (None, None),
        ("", None),
        ("CONTRACT_ADDRESS=\n", None),
        (f"CONTRACT_ADDRESS={OTHER}\n", OTHER),
        (f"CONTRACT_ADDRESS='{OTHER}' # sepolia\n", OTHER),
        (f"CONTRACT_ADDRESS=0x{'ab' * 32}\n", None),
    ],
    ids=["no file", "empty", "none", "one", "quoted", "a key pasted by mistake"],
)
def test_remember_contract__address_before__is_returned(env_file, text, before):
    if text is not None:
        env_file.write_text(text)
    assert remember_contract(env_file, TEMPLATE, ADDRESS) == before


def test_remember_contract__no_file__makes_it_from_the_template_for_the_owner_only(env_file):
    remember_contract(env_file, TEMPLATE, ADDRESS)
    assert env_file.read_text() == TEMPLATE.read_text().replace(
        "CONTRACT_ADDRESS=\n", f"CONTRACT_ADDRESS={ADDRESS}\n"
    )
    assert mode(env_file) == 0o600
    assert load_settings(env_file).require_contract() == ADDRESS


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", f"CONTRACT_ADDRESS={ADDRESS}\n"),
        ("A=1", f"A=1\nCONTRACT_ADDRESS={ADDRESS}\n"),
        ("A=1\r\n", f"A=1\r\nCONTRACT_ADDRESS={ADDRESS}\r\n"),
        ("# CONTRACT_ADDRESS=x\n", f"# CONTRACT_ADDRESS=x\nCONTRACT_ADDRESS={ADDRESS}\n"),
        ("MY_CONTRACT_ADDRESS=x\n", f"MY_CONTRACT_ADDRESS=x\nCONTRACT_ADDRESS={ADDRESS}\n"),
        (
            f"\n\nA='x' # y\n  export CONTRACT_ADDRESS={OTHER}   # sepolia\n\nB=2",
            f"\n\nA='x' # y\n  export CONTRACT_ADDRESS={ADDRESS}   # sepolia\n\nB=2",
        ),
        (
            f'CONTRACT_ADDRESS = "{OTHER}"\r\nB=2\r\n',
            f"CONTRACT_ADDRESS ={ADDRESS}\r\nB=2\r\n",
        ),
        ("CONTRACT_ADDRESS=  # later\n", f"CONTRACT_ADDRESS={ADDRESS}  # later\n"),
        (
            f"CONTRACT_ADDRESS={OTHER}\nCONTRACT_ADDRESS=\n",
            f"CONTRACT_ADDRESS={OTHER}\nCONTRACT_ADDRESS={ADDRESS}\n",
        ),
        ("\ufeffCONTRACT_ADDRESS=\n", f"\ufeffCONTRACT_ADDRESS=\nCONTRACT_ADDRESS={ADDRESS}\n"),
    ],
)
def test_remember_contract__existing_file__keeps_every_other_byte(env_file, before, after):
    env_file.write_bytes(before.encode())
    env_file.chmod(0o640)
    remember_contract(env_file, TEMPLATE, ADDRESS)
    assert env_file.read_bytes() == after.encode()
    assert mode(env_file) == 0o640
    assert load_settings(env_file).require_contract() == ADDRESS


@given(
    st.lists(
        st.sampled_from(
            ["A=1", "", "  ", "# note", f"CONTRACT_ADDRESS={OTHER}", "CONTRACT_ADDRESS", "B='c d'"]
        )
    ),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_remember_contract__any_file__is_read_back_and_stays_so(env_file, lines, line_end, ended):
    env_file.write_bytes((line_end.join(lines) + line_end * ended).encode())
    remember_contract(env_file, TEMPLATE, ADDRESS)
    once = env_file.read_bytes()
    assert load_settings(env_file).require_contract() == ADDRESS
    remember_contract(env_file, TEMPLATE, ADDRESS)
    assert env_file.read_bytes() == once


def test_remember_contract__linked_file__changes_what_it_links_to(env_file, tmp_path):
    real = tmp_path / "real.env"
    real.write_text("A=1\n")
    env_file.symlink_to(real)
    remember_contract(env_file, TEMPLATE, ADDRESS)
    assert env_file.is_symlink()
    assert real.read_text() == f"A=1\nCONTRACT_ADDRESS={ADDRESS}\n"


def test_remember_contract__no_template_either__says_so(env_file, tmp_path):
    with pytest.raises(MarketError, match=r"There is no .*\.env.template: get it from"):
        remember_contract(env_file, tmp_path / ".env.template", ADDRESS)


def test_remember_contract__disk_full__keeps_the_file(env_file, monkeypatch):
    def disk_full(_descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    env_file.write_text("A=1\n")
    monkeypatch.setattr(os, "fsync", disk_full)
    with pytest.raises(MarketError, match=r"\.env cannot be written \(No space left on device\)"):
        remember_contract(env_file, TEMPLATE, ADDRESS)
    assert env_file.read_text() == "A=1\n"


def test_environment_without_settings__keeps_everything_else(monkeypatch):
    monkeypatch.setenv("CONSUMER_ACCOUNT_PASS", "secret")
    monkeypatch.setenv("SOMETHING_ELSE", "kept")
    kept = environment_without_settings()
    assert kept["SOMETHING_ELSE"] == "kept"
    assert "CONSUMER_ACCOUNT_PASS" not in kept
