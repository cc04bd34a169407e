"""The proxy is what the other tests here rely on: it does what its rules say."""

import threading

import pytest
import requests
from web3 import HTTPProvider, Web3

from market.anvil import running_anvil
from tests.faults import rules
from tests.faults.lagging import Lagging
from tests.faults.proxy import proxied


@pytest.fixture(scope="module")
def node():
    with running_anvil("--no-mining") as url:
        web3 = Web3(HTTPProvider(url))
        for _ in range(5):
            web3.provider.make_request("evm_mine", [])
        yield url


@pytest.fixture
def proxy(node):
    with proxied(node) as proxy:
        yield proxy


@pytest.fixture
def ask(proxy):
    web3 = Web3(HTTPProvider(proxy.url, exception_retry_configuration=None))

    def ask(method, *params):
        return web3.provider.make_request(method, [*params])

    return ask


def test_proxy__no_rule__passes_on_and_counts(ask, proxy):
    assert ask("eth_blockNumber")["result"] == "0x5"
    assert ask("eth_chainId")["result"] == hex(31337)
    assert proxy.methods() == {"eth_blockNumber": 1, "eth_chainId": 1}


def test_proxy__batch__answers_each(proxy):
    batch = [{"jsonrpc": "2.0", "id": i, "method": "eth_blockNumber"} for i in (1, 2)]
    answers = requests.post(proxy.url, json=batch, timeout=5).json()
    assert [(answer["id"], answer["result"]) for answer in answers] == [(1, "0x5"), (2, "0x5")]


def test_refusing__port_closed__same_address_afterwards(ask, proxy):
    with proxy.refusing(), pytest.raises(requests.ConnectionError):
        ask("eth_blockNumber")
    assert ask("eth_blockNumber")["result"] == "0x5"


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        (rules.reset, requests.ConnectionError),
        (rules.answer_lost, requests.ConnectionError),
        (rules.http_error(502), requests.HTTPError),
        (rules.too_many_requests(1), requests.HTTPError),
        (rules.broken_json, ValueError),
    ],
)
def test_rule__no_answer__client_is_told_so(ask, proxy, rule, problem):
    with proxy.following(rule), pytest.raises(problem):
        ask("eth_blockNumber")
    assert ask("eth_blockNumber")["result"] == "0x5"


def test_hanging__event__breaks_off(ask, proxy):
    ended = threading.Event()
    threading.Timer(0.1, ended.set).start()
    with proxy.following(rules.hanging(ended)), pytest.raises(requests.ConnectionError):
        ask("eth_blockNumber")


def test_first__more_calls__later_ones_are_left_alone(ask, proxy):
    with proxy.following(rules.first(1, rules.refused(), "eth_blockNumber")):
        assert "result" in ask("eth_chainId")
        assert ask("eth_blockNumber")["error"]["code"] == -32005
        assert "result" in ask("eth_blockNumber")


def test_narrow_logs__wide_range__refused(ask, proxy):
    with proxy.following(rules.narrow_logs(3)):
        assert "result" in ask("eth_getLogs", {"fromBlock": "0x1", "toBlock": "0x3"})
        assert "error" in ask("eth_getLogs", {"fromBlock": "0x1", "toBlock": "0x4"})


def test_lagging__newest_blocks__are_missing(ask, proxy):
    with proxy.following(Lagging(lambda: 5, 2)):
        assert ask("eth_blockNumber")["result"] == "0x3"
        assert ask("eth_getBlockByNumber", "latest", False)["result"]["number"] == "0x3"
        assert ask("eth_getBlockByNumber", "0x4", False)["result"] is None
        assert "error" in ask("eth_getBalance", "0x" + "1" * 40, "0x4")
        assert ask("eth_getLogs", {"fromBlock": "0x5", "toBlock": "0x5"})["result"] == []


def test_other_chain__asked__claims_it(ask, proxy):
    with proxy.following(rules.other_chain(5)):
        assert ask("eth_chainId")["result"] == "0x5"
