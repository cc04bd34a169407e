import errno
import os
import traceback
from pathlib import Path
from stat import S_IMODE

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from market.clearing import Pricing
from market.errors import MarketError
from market.settings import (
    Access,
    Account,
    Settings,
    env_file_path,
    environment_without_settings,
    export_for_brownie,
    load_settings,
    remember_contract,
    variable_names,
)

TEMPLATE = Path(__file__).parents[2] / ".env.template"
ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
OTHER = "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"
VARIABLES = [name for name in variable_names() if name != "ENV_FILE"]
SECRETS = [
    "UTILITY_ACCOUNT_PASS",
    "CONSUMER_ACCOUNT_PASS",
    "REMOTE_RPC_URL",
    "WEB3_INFURA_PROJECT_ID",
    "ETHERSCAN_TOKEN",
]


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
        local_rpc_url="http://127.0.0.1:8545",
        remote_network="",
        remote_rpc_url=SecretStr(""),
        web3_infura_project_id=SecretStr(""),
        etherscan_token=SecretStr(""),
        access=Access.OPEN,
        pricing=Pricing.UNIFORM,
        minimum_bid_wh=0,
        poll_seconds=1.0,
        database_folder=Path("database"),
        explorer_api_url="https://api.etherscan.io/v2/api",
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


def test_load_settings__every_variable_in_the_file__is_read(load, env_file):
    settings = load(
        f"CONTRACT_ADDRESS={ADDRESS}\n"
        "UTILITY_ACCOUNT = grid\n"
        "export UTILITY_ACCOUNT_PASS='it is # ${HOME} \"quoted\" '\n"
        'CONSUMER_ACCOUNT="home"\n'
        "CONSUMER_ACCOUNT_PASS=$ecret\n"
        "LOCAL_RPC_URL=http://localhost:9000  # the other node\n"
        "REMOTE_NETWORK=sepolia\n"
        "REMOTE_RPC_URL=https://node.example/v3/key\n"
        "WEB3_INFURA_PROJECT_ID=infura\n"
        "ETHERSCAN_TOKEN=etherscan\n"
        "ACCESS=approved\n"
        "PRICING=PAY_AS_BID\n"
        "MINIMUM_BID_KWH=0.5\n"
        "POLL_SECONDS=2.5\n"
        "DATABASE_FOLDER=/var/lib/market\n"
        "EXPLORER_API_URL=https://explorer.example/api\n"
        "SOMETHING_ELSE=1\n"
    )
    assert settings == Settings(
        env_file=env_file,
        contract_address=ADDRESS,
        utility_account="grid",
        utility_account_pass=SecretStr('it is # ${HOME} "quoted" '),
        consumer_account="home",
        consumer_account_pass=SecretStr("$ecret"),
        local_rpc_url="http://localhost:9000",
        remote_network="sepolia",
        remote_rpc_url=SecretStr("https://node.example/v3/key"),
        web3_infura_project_id=SecretStr("infura"),
        etherscan_token=SecretStr("etherscan"),
        access=Access.APPROVED,
        pricing=Pricing.PAY_AS_BID,
        minimum_bid_wh=500,
        poll_seconds=2.5,
        database_folder=Path("/var/lib/market"),
        explorer_api_url="https://explorer.example/api",
    )


@pytest.mark.parametrize(
    ("written", "minimum_bid_wh"), [("0", 0), ("0.0", 0), ("0.001", 1), ("12", 12_000)]
)
def test_load_settings__smallest_bid__is_in_wh(load, written, minimum_bid_wh):
    assert load(f"MINIMUM_BID_KWH={written}\n").minimum_bid_wh == minimum_bid_wh


@pytest.mark.parametrize(("written", "seconds"), [("0.1", 0.1), ("3600", 3600.0)])
def test_load_settings__shortest_and_longest_poll__are_taken(load, written, seconds):
    assert load(f"POLL_SECONDS={written}\n").poll_seconds == seconds


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
        ("REMOTE_RPC_URL", "wss://node/key", "write a URL such as http://127.0.0.1:8545"),
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
    assert settings.remote_rpc_url.get_secret_value() == secrets["REMOTE_RPC_URL"]


def test_account__shown__hides_the_password():
    assert "hunter2" not in repr(Account("grid", SecretStr("hunter2")))


def test_load_settings__unusable_secret__is_not_in_the_error_nor_in_its_causes(load):
    with pytest.raises(MarketError) as problem:
        load("REMOTE_RPC_URL=wss://node/hidden-key\nUTILITY_ACCOUNT_PASS=hidden-password\n")
    error = problem.value
    assert "hidden" not in "".join(traceback.format_exception(type(error), error, None))
    assert error.__context__ is None


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
        "There is no .env: copy .env.template to .env, or run `brownie run scripts/deploy.py`"
    )


@pytest.mark.parametrize("text", ["", "CONTRACT_ADDRESS=\n", "CONTRACT_ADDRESS\n", "#\n"])
def test_require_contract__none_in_the_file__says_how_to_get_one(load, text):
    assert required_problem(load(text), "require_contract") == (
        "There is no CONTRACT_ADDRESS in .env: write the contract's address there, "
        "or run `brownie run scripts/deploy.py`"
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
        "(`brownie accounts list` shows the names)"
    )


# Writing


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


def test_export_for_brownie__keys_in_the_file__only_the_one_of_the_networks_is_exported(load):
    export_for_brownie(load("WEB3_INFURA_PROJECT_ID=infura\nETHERSCAN_TOKEN=etherscan\n"))
    assert os.environ["WEB3_INFURA_PROJECT_ID"] == "infura"
    assert "ETHERSCAN_TOKEN" not in os.environ


def test_export_for_brownie__no_keys__sets_nothing(env_file):
    export_for_brownie(load_settings(env_file))
    assert "WEB3_INFURA_PROJECT_ID" not in os.environ


def test_environment_without_settings__keeps_everything_else(monkeypatch):
    monkeypatch.setenv("CONSUMER_ACCOUNT_PASS", "secret")
    monkeypatch.setenv("SOMETHING_ELSE", "kept")
    kept = environment_without_settings()
    assert kept["SOMETHING_ELSE"] == "kept"
    assert "CONSUMER_ACCOUNT_PASS" not in kept
