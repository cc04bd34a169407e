import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from web3 import Web3
from web3.exceptions import Web3RPCError

from market.masking import LONGEST_TEXT, Mask, printable
from market.node import NodeUnavailableError, node_errors
from market.patience import sensibly

ROOT = Path(__file__).parents[2]
KEY = "0123456789abcdef0123456789abcdef"
NODE = f"https://sepolia.infura.io/v3/{KEY}"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb\r\nc", "a b  c"),
        ("\x1b[2Jgone\x9b31m", " [2Jgone 31m"),
        ("next\x85line\u2028and\u2029more", "next line and more"),
        ("\u202etxt.exe\udcff", " txt.exe "),
        ("  Wärmepumpe … ½", "  Wärmepumpe … ½"),
    ],
)
def test_printable__foreign_text__is_one_line_without_commands(text, shown):
    assert printable(text) == shown


@given(st.text())
def test_printable__any_text__keeps_its_length_and_has_one_line(text):
    shown = printable(text)
    assert len(shown) == len(text)
    assert shown.isprintable()


@pytest.mark.parametrize(
    "text",
    [
        f"HTTPSConnectionPool(host='sepolia.infura.io', port=443): url: /v3/{KEY} (Caused by ...)",
        f"401 Client Error: Unauthorized for url: {NODE}",
        f"project {KEY.upper()} is over its limit",
    ],
)
def test_mask__url_with_a_key__hides_the_key_wherever_it_stands(text):
    assert KEY not in Mask([NODE])(text).lower()


def test_mask__url_with_a_key__leaves_the_host_to_be_read():
    assert Mask([NODE])(f"no answer from {NODE}") == "no answer from https://sepolia.infura.io/***"


@pytest.mark.parametrize(
    "url",
    [
        "https://user:pass%20word@node.example/",
        "https://node.example/rpc?network=sepolia&dkey=AbCdEfGhIjKlMn",
        "wss://0123456789abcdefABCDEF.node.example",
        "http://127.0.0.1:8545/key",
        "https://[not-an-address/0123",
    ],
)
@pytest.mark.parametrize("written", ["{url}", "for url: {url}", "\x1b[31m{url}\n"])
def test_mask__url_with_a_secret__hides_it(url, written):
    shown = Mask([url])(written.format(url=url))
    for secret in ("pass", "AbCdEf", "ABCDEF", "/key", "0123"):
        assert secret not in shown


def test_mask__password_in_a_url__is_hidden_as_it_was_before_it_was_quoted():
    assert Mask(["https://user:pass%20word@node.example"])("pass word, pass%20word") == "***, ***"


@pytest.mark.parametrize("url", ["http://127.0.0.1:8545", "https://sepolia.example/"])
def test_mask__url_without_a_secret__stays(url):
    assert Mask([url])(f"The node at {url} does not answer") == (
        f"The node at {url} does not answer"
    )


@pytest.mark.parametrize("network", ["rpc", "sepolia", "mainnet"])
def test_mask__short_path__is_no_secret_by_itself(network):
    mask = Mask([f"https://node.example/{network}"])
    assert mask(f"on {network}") == f"on {network}"


@pytest.mark.parametrize(
    "password", ["pass word", 'quo"te', "back\\slash", "tab\tnew\nline", "ä&?"]
)
@pytest.mark.parametrize("spelled", [str, repr, "{!a:}".format, lambda text: text.encode("utf-8")])
def test_mask__password__is_hidden_however_it_is_spelled(password, spelled):
    if len(password) < 4:
        password *= 2
    written = spelled(password)
    if isinstance(written, bytes):
        written = written.decode()
    shown = Mask([password])(f"cannot decrypt with {written} at all")
    assert shown.replace("'", "").replace('"', "") == "cannot decrypt with *** at all"


def test_mask__secrets_within_one_another__hides_the_longer_one_wholly():
    assert Mask(["pass", "password"])("a password") == "a ***"


@pytest.mark.parametrize("secret", ["", "5", "abc"])
def test_mask__too_short_a_secret__spoils_no_line(secret):
    assert Mask([secret])("request 5: abc") == "request 5: abc"


def test_mask__nested_json__is_masked_in_its_texts_and_keeps_its_numbers():
    value = {
        "url": [NODE, {"a\nb": "c\nd"}],
        "left_s": 5,
        "is": True,
        "none": None,
        "path": Path("x"),
    }
    assert Mask([NODE]).json(value) == {
        "url": ["https://sepolia.infura.io/***", {"a\nb": "c d"}],
        "left_s": 5,
        "is": True,
        "none": None,
        "path": "x",
    }


def fails(program):
    begin = (
        "import logging, threading\n"
        "from market.masking import Mask, guard_error_output\n"
        f"guard_error_output(Mask([{NODE!r}]))\n"
    )
    command = [sys.executable, "-c", begin + program]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_guard_error_output__uncaught_exception__is_a_traceback_without_the_secret():
    ended = fails(f"try:\n  1 / 0\nexcept Exception as e:\n  raise ValueError('at {NODE}') from e")
    assert ended.returncode == 1
    assert "ZeroDivisionError: division by zero\n" in ended.stderr
    assert ended.stderr.endswith("ValueError: at https://sepolia.infura.io/***\n")
    assert KEY not in ended.stderr


def test_guard_error_output__exception_in_a_thread__is_masked():
    ended = fails(
        f"def fail():\n  raise ValueError('at {NODE}')\n"
        "thread = threading.Thread(target=fail)\nthread.start()\nthread.join()"
    )
    assert ended.stderr.endswith("ValueError: at https://sepolia.infura.io/***\n")


def test_guard_error_output__thread_that_exits__says_nothing():
    ended = fails("thread = threading.Thread(target=exit)\nthread.start()\nthread.join()")
    assert ended.stderr == ""


def test_guard_error_output__warning_of_a_library__is_one_masked_line():
    ended = fails(f"logging.getLogger('urllib3').warning('retrying\\n{NODE}')")
    assert ended.stderr == "retrying https://sepolia.infura.io/***\n"


@given(st.integers(0, 1200), st.integers(0, 1200))
def test_mask__long_text_with_a_secret_anywhere__shows_no_part_of_it(before, after):
    secret = "0123456789abcdef" * 2
    shown = Mask([secret])("." * before + secret + "." * after)
    assert not re.search("[0-9a-f]{4}", shown)
    assert len(shown) <= LONGEST_TEXT


@pytest.mark.parametrize("length", [LONGEST_TEXT, LONGEST_TEXT + 1, 10**6])
def test_mask__text_that_is_too_long__is_cut_with_a_sign(length):
    shown = Mask([])("x" * length)
    assert len(shown) == LONGEST_TEXT
    assert shown.endswith("…") == (length > LONGEST_TEXT)


def test_node_errors__long_refusal_with_a_secret_in_it__is_masked_whole():
    secret = "0123456789abcdef" * 2
    said = "x" * 190 + secret
    refusal = Web3RPCError(said, rpc_response={"error": {"code": -32000, "message": said}})
    for problem in (_said_in(node_errors(Web3()), refusal), _told_sensibly(ValueError(said))):
        assert "0123" not in Mask([secret])(problem)


def _said_in(context, error):
    with pytest.raises(NodeUnavailableError) as problem, context:
        raise error
    return str(problem.value)


def _told_sensibly(error):
    def fail():
        raise error

    with pytest.raises(NodeUnavailableError) as problem:
        sensibly(fail)
    return str(problem.value)
