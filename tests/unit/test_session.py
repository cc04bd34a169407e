from types import SimpleNamespace

import pytest
from web3 import Web3

from market.happenings import LogFormat
from market.invocation import command
from market.session import run, split_network
from market.settings import variable_names

PASSWORD = "correct 'horse' #battery"
KEY = "0123456789abcdef"


@pytest.fixture(autouse=True)
def env_file(tmp_path, monkeypatch):
    """Settings with secrets, which nobody else may read."""
    monkeypatch.setenv("MARKET_NETWORK", "")
    for variable in variable_names():
        monkeypatch.delenv(variable, raising=False)
    env_file = tmp_path / ".env"
    env_file.touch(0o600)
    env_file.write_text(
        f'CONSUMER_ACCOUNT_PASS="{PASSWORD}"\nRPC_URLS=http://127.0.0.1:1/v3/{KEY}\n'
    )
    monkeypatch.setenv("ENV_FILE", str(env_file))
    return env_file


@pytest.fixture(autouse=True)
def no_signals(monkeypatch):
    """The tests' own process keeps its handlers."""
    monkeypatch.setattr("market.session.raise_interrupts", lambda **_: None)
    monkeypatch.setattr("market.session.end_interrupts", lambda: None)


@pytest.mark.parametrize(
    ("words", "given", "network"),
    [
        ([], [], "local"),
        (["remote"], [], "remote"),
        (["local"], [], "local"),
        (["5", "0.004", "remote"], ["5", "0.004"], "remote"),
        (["remote", "5"], ["remote", "5"], "local"),
    ],
)
def test_split_network__last_word__is_the_network_if_it_is_one(words, given, network):
    assert split_network(words) == (given, network)


@pytest.mark.parametrize(("network", "remote"), [("local", False), ("remote", True)])
def test_run__command_that_needs_no_node__is_run_without_one(network, remote, capsys):
    sessions = []
    run(sessions.append, network)
    assert [session.remote for session in sessions] == [remote]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("network", "typed"),
    [("remote", "python -m market register remote"), ("local", "python -m market register")],
)
def test_run__network_of_the_command__is_that_of_the_commands_it_tells(monkeypatch, network, typed):
    monkeypatch.delenv("MARKET_STARTED_BY", raising=False)
    told = []
    run(lambda _: told.append(command("register")), network)
    assert told == [typed]


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        (f"RPC_URLS=http://127.0.0.1:1/v3/{KEY}\n", True),
        ("REMOTE_NETWORK=sepolia\n", True),
        ("", False),
    ],
)
def test_run__no_local_chain__reminds_of_the_live_network_where_one_is_named(
    env_file, capsys, written, hint
):
    env_file.write_text(f"LOCAL_RPC_URL=http://127.0.0.1:1\n{written}")
    with pytest.raises(SystemExit):
        run(lambda session: session.web3, "local")
    said = "or write `remote` behind the command for the live network in .env"
    assert (said in capsys.readouterr().err) == hint


def test_run__log_format_given__wins_over_the_settings(monkeypatch):
    formats = []
    monkeypatch.setenv("LOG_FORMAT", "text")
    run(lambda session: formats.append(session.settings.log_format), "local")
    run(
        lambda session: formats.append(session.settings.log_format),
        "local",
        log_format=LogFormat.JSON,
    )
    assert formats == [LogFormat.TEXT, LogFormat.JSON]


def test_run__something_to_prepare__is_done_first():
    done = []
    run(lambda _: done.append("command"), "local", prepare=lambda: done.append("prepared"))
    assert done == ["prepared", "command"]


def test_run__file_that_others_can_read__is_warned_about_once(env_file, capsys):
    env_file.chmod(0o644)
    run(lambda _: None, "local")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == (
        "Warning: .env holds CONSUMER_ACCOUNT_PASS, RPC_URLS, and others on this machine can read "
        f"it: run `chmod 600 {env_file}`\n"
    )


def test_run__mistake_in_the_program__shows_a_traceback_without_secrets(capsys):
    def fail(session):
        raise RuntimeError(f"{PASSWORD} and http://127.0.0.1:1/v3/{KEY} of {session}")

    with pytest.raises(SystemExit) as end:
        run(fail, "local")
    shown = capsys.readouterr()
    assert end.value.code == 1
    assert "Traceback" in shown.err
    assert "RuntimeError: *** and http://127.0.0.1:1/*** of Session" in shown.err
    assert PASSWORD not in shown.err
    assert KEY not in shown.err


@pytest.mark.parametrize("host", ["127.0.0.1", f"{2 * KEY}.example"])
def test_tell__node_that_is_away__is_shown_without_a_key(env_file, capsys, host):
    url = f"http://{host}:1/v3/{KEY}"
    env_file.write_text(f"RPC_URLS={url}\n")
    run(lambda session: session.tell(f"The node at {url} does not answer [not markup]"), "remote")
    shown, _ = capsys.readouterr()
    assert KEY not in shown
    assert "does not answer [not markup]" in " ".join(shown.split())


def test_consumer_sender__made_ready_again__asks_for_the_password_once(env_file, monkeypatch):
    """The node may be away while a consumer is set up, which then begins anew."""
    contract, asked, senders = "0x" + "11" * 20, [], []
    env_file.write_text(
        f"CONTRACT_ADDRESS={contract}\nCONSUMER_ACCOUNT=alice\nREMOTE_NETWORK=sepolia\n"
    )

    def asked_for(*_, remote):
        asked.append(remote)
        return SimpleNamespace(address=contract)

    def twice(session):
        senders.extend(session.consumer_sender() for _ in range(2))

    monkeypatch.setattr("market.accounts.consumer_signer", asked_for)
    monkeypatch.setattr("market.session.connect_pool", lambda *_: Web3())
    run(twice, "remote")
    assert len(senders) == 2
    assert asked == [True]
