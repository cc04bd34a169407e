from contextlib import ExitStack

import pytest

from market import provider
from market.errors import MarketError
from market.node import NodeUnavailableError, address_name, node_errors
from market.provider import NodePool, StandstillError, WrongChainError, connect, connect_pool
from tests.scripts.ports import free_port
from tests.unit.rpc import CHAIN_ID, KEY, error, hang_up, running_node, says, tells_of_block

OVERLOADED = [
    error("Too Many Requests"),
    error("daily request limit reached"),
    error("your app has exceeded its rate limit", -32090),
    error("limit exceeded", -32005),
    error("capacity", 429),
]
SENSELESS = [
    says("not JSON"),
    says("<html>"),
    says('{"jsonrpc": "2.0"'),
    says("[]"),
    says("null"),
    says('"text"'),
    says("", 200),
]
DOWN = [
    hang_up,
    says("", 500),
    says("", 502),
    says("", 503),
    says("forbidden", 403),
    says("not found", 404),
    says("[]", 400),
    error("no such project", -32002, 401),
    error("internal error", -32603, 500),
]


@pytest.fixture
def start():
    """Start nodes, which end with the test."""
    with ExitStack() as nodes:
        yield lambda **attributes: nodes.enter_context(running_node(**attributes))


@pytest.fixture
def clock(monkeypatch):
    """The clock that rests and pauses are measured with; it moves only when it is told to."""

    class Clock:
        now_s = 1000.0

    monkeypatch.setattr(provider, "monotonic", lambda: Clock.now_s)
    return Clock


def block_of(pool):
    """Return the number of the newest block, which tells the nodes of these tests apart."""
    return int(pool.make_request("eth_blockNumber", [])["result"], 16)


def nobody():
    """Return an address where nobody listens."""
    return f"http://127.0.0.1:{free_port()}/v3/{KEY}"


# Whom it asks


@pytest.mark.parametrize("fault", DOWN + SENSELESS + OVERLOADED)
def test_make_request__first_node_fails__next_one_answers(start, fault):
    first, second = start(fault=fault), start(block=2)
    pool = NodePool([first.url, second.url], None)
    assert block_of(pool) == 2
    assert pool.endpoint_uri == second.url


def test_make_request__nobody_listens_at_the_first__next_one_answers(start):
    second = start(block=2)
    assert block_of(NodePool([nobody(), second.url], CHAIN_ID)) == 2


def test_make_request__first_node_back_to_life__goes_on_with_the_one_that_answered(start, clock):
    first, second = start(fault=hang_up), start(block=2)
    pool = NodePool([first.url, second.url], CHAIN_ID)
    block_of(pool)
    first.fault = None
    clock.now_s += 3600
    assert [block_of(pool) for _ in range(3)] == [2, 2, 2]
    assert first.work() == []


def test_make_request__second_node_fails_later__returns_to_the_first(start, clock):
    first, second = start(fault=hang_up), start(block=2)
    pool = NodePool([first.url, second.url], CHAIN_ID)
    assert block_of(pool) == 2
    first.fault, second.fault = None, hang_up
    assert block_of(pool) == 1
    second.fault = None
    assert block_of(pool) == 1


def test_make_request__all_nodes_fail__the_next_call_tries_each_again(start):
    nodes = [start(fault=hang_up), start(block=2, fault=hang_up)]
    pool = NodePool([node.url for node in nodes], CHAIN_ID)
    with pytest.raises(provider.RequestException):
        block_of(pool)
    nodes[1].fault = None
    assert block_of(pool) == 2


def head_of(pool):
    return pool.make_request("eth_getBlockByNumber", ["latest", False])["result"]["hash"]


def test_make_request__node_stands_still__the_next_one_is_asked_from_then_on(start, clock):
    first, second = start(fault=tells_of_block("0xa")), start(fault=tells_of_block("0xb"))
    pool = NodePool([first.url, second.url], CHAIN_ID)
    assert head_of(pool) == "0xa"
    clock.now_s += 120
    assert head_of(pool) == "0xa"
    clock.now_s += 1
    assert head_of(pool) == "0xb"
    clock.now_s += 3600
    second.fault = tells_of_block("0xc")
    asked = len(first.asked)
    assert head_of(pool) == "0xc"
    assert len(first.asked) == asked


def test_make_request__every_node_stands_still__says_so_until_one_moves_on(start, clock):
    nodes = [start(fault=tells_of_block(block_hash)) for block_hash in ("0xa", "0xb")]
    pool = NodePool([node.url for node in nodes], CHAIN_ID)
    assert head_of(pool) == "0xa"
    clock.now_s += 121
    assert head_of(pool) == "0xb"
    clock.now_s += 121
    for _ in range(3):
        with pytest.raises(StandstillError, match="no new block for 2 minutes"):
            head_of(pool)
    nodes[0].fault = tells_of_block("0xc")
    assert head_of(pool) == "0xc"


def test_make_request__other_questions_while_it_stands_still__are_answered(start, clock):
    pool = NodePool([start(fault=tells_of_block("0xa")).url], CHAIN_ID)
    head_of(pool)
    clock.now_s += 3600
    assert pool.make_request("eth_getBlockByNumber", ["0x1", False])["result"]["hash"] == "0xa"


def test_make_request__local_chain_stands_still__is_as_it_should_be(start, clock):
    node = start(chain_id=31337, fault=tells_of_block("0xa", 31337))
    pool = NodePool([node.url], None)
    for _ in range(2):
        assert head_of(pool) == "0xa"
        clock.now_s += 3600


def test_make_request__contract_refuses__is_an_answer(start):
    first, second = start(), start(block=2)
    pool = NodePool([first.url, second.url], None)
    block_of(pool)
    first.fault = error("execution reverted", 3)
    answer = pool.make_request("eth_call", [])
    assert answer["error"]["message"] == "execution reverted"
    assert second.work() == []


@pytest.mark.parametrize("status", [400, 404, 413])
def test_make_request__error_told_in_json_with_another_http_status__is_an_answer(start, status):
    node = start()
    pool = NodePool([node.url], CHAIN_ID)
    block_of(pool)
    node.fault = error("at most 10 blocks", -32600, status)
    answer = pool.make_request("eth_getLogs", [])
    assert answer["error"]["message"] == "at most 10 blocks"


def test_make_request__transaction_to_be_signed_by_the_node__is_not_given_to_another(start):
    first, second = start(), start(block=2)
    pool = NodePool([first.url, second.url], CHAIN_ID)
    block_of(pool)
    first.fault = hang_up
    with pytest.raises(provider.RequestException):
        pool.make_request("eth_sendTransaction", [{}])
    assert second.asked == []


def test_make_request__signed_transaction__is_given_to_the_next(start):
    first, second = start(), start(block=2)
    pool = NodePool([first.url, second.url], CHAIN_ID)
    block_of(pool)
    first.fault = hang_up
    assert pool.make_request("eth_sendRawTransaction", ["0x"])["result"] == "0x2"


# Pauses


def test_make_request__node_asks_for_a_pause__is_left_alone_meanwhile(start, clock):
    first, second = start(fault=says("", 429, Retry_After="30")), start(block=2)
    pool = NodePool([first.url, second.url], CHAIN_ID)
    block_of(pool)
    first.fault, second.fault = None, hang_up
    asked = len(first.asked)
    clock.now_s += 29
    with pytest.raises(provider.RequestException):
        block_of(pool)
    assert len(first.asked) == asked
    clock.now_s += 30 * 1.2
    assert block_of(pool) == 1


@pytest.mark.parametrize("fault", [says("", 429), says("", 429, Retry_After="soon"), *OVERLOADED])
def test_make_request__no_length_of_the_pause_told__is_a_few_seconds(start, clock, fault):
    node = start()
    web3 = connect_pool([node.url])
    node.fault = fault
    with pytest.raises(provider.RequestException):
        block_of(web3.provider)
    asked = len(node.asked)
    with pytest.raises(NodeUnavailableError, match="allows no more requests at present"):
        block_of(web3.provider)
    assert len(node.asked) == asked
    node.fault = None
    clock.now_s += 3
    assert block_of(web3.provider) == 1


def test_make_request__pause_of_a_year__is_a_minute_or_so(start, clock):
    node = start(fault=says("", 429, Retry_After="31536000"))
    pool = NodePool([node.url], CHAIN_ID)
    with pytest.raises(provider.RequestException):
        block_of(pool)
    node.fault = None
    clock.now_s += 73
    assert block_of(pool) == 1


def test_connect_pool__node_asks_for_a_pause__is_left_alone_meanwhile(start, clock):
    node = start(fault=says("", 429, Retry_After="30"))
    web3 = connect_pool([node.url])
    with pytest.raises(NodeUnavailableError, match="allows no more requests"), node_errors(web3):
        _ = web3.eth.block_number
    assert node.asked == ["eth_chainId"]


def test_make_request__logs_over_a_limit__is_an_answer(start):
    node = start()
    pool = NodePool([node.url], CHAIN_ID)
    block_of(pool)
    node.fault = error("query returned more than 10000 results", -32005)
    assert "error" in pool.make_request("eth_getLogs", [])


# Chains


def test_connect_pool__nodes_on_two_chains__the_other_is_refused_by_name(start):
    first, second = start(), start(chain_id=8)
    with pytest.raises(WrongChainError) as problem:
        connect_pool([first.url, second.url])
    assert str(problem.value) == (
        f"The node at {address_name(second.url)} is on chain 8, and the network is chain 7: "
        "mend REMOTE_NETWORK or RPC_URLS in .env"
    )


def test_connect_pool__network_with_a_chain_id__refuses_the_first_node_too(start):
    node = start()
    with pytest.raises(WrongChainError, match="is on chain 7, and the network is chain 1:"):
        connect_pool([node.url], 1)


def test_connect_pool__first_node_down__chain_is_the_next_ones(start):
    first, second = start(fault=hang_up), start(chain_id=8, block=2)
    web3 = connect_pool([first.url, second.url])
    assert web3.eth.chain_id == 8
    first.fault = None
    second.fault = hang_up
    with pytest.raises(NodeUnavailableError), node_errors(web3):
        _ = web3.eth.block_number
    assert first.work() == []


def test_connect_pool__nobody_answers__is_noticed_at_the_first_call():
    web3 = connect_pool([nobody(), nobody()])
    told = r"does not answer \(ConnectionError\)"
    with pytest.raises(NodeUnavailableError, match=told), node_errors(web3):
        _ = web3.eth.chain_id


def test_make_request__node_comes_back_on_another_chain__is_refused(start):
    node = start()
    web3 = connect_pool([node.url])
    assert web3.eth.block_number == 1
    node.fault = hang_up
    with pytest.raises(NodeUnavailableError), node_errors(web3):
        _ = web3.eth.block_number
    node.fault, node.chain_id, node.block = None, 8, 5
    with pytest.raises(WrongChainError, match="is on chain 8"), node_errors(web3):
        _ = web3.eth.block_number
    node.chain_id = CHAIN_ID
    assert web3.eth.block_number == 5


def test_make_request__one_node_on_another_chain_later__the_others_are_asked(start):
    first, second = start(), start(block=2)
    web3 = connect_pool([first.url, second.url])
    first.fault = hang_up
    assert web3.eth.block_number == 2
    first.fault, first.chain_id = None, 8
    assert web3.eth.block_number == 2
    second.fault = hang_up
    with pytest.raises(MarketError), node_errors(web3):
        _ = web3.eth.block_number
    second.fault = None
    assert web3.eth.block_number == 2
    assert first.work() == ["eth_blockNumber"]


@pytest.mark.parametrize("fault", [says("{}"), error("not now"), says('{"result": "many"}')])
def test_connect__node_does_not_tell_its_chain__is_unavailable(start, fault):
    node = start(fault=fault)
    with pytest.raises(NodeUnavailableError, match="BadResponseFormat"):
        connect(node.url)


def test_chain_id__asked_often__is_one_request(start):
    node = start()
    web3 = connect(node.url)
    assert [web3.eth.chain_id for _ in range(5)] == [CHAIN_ID] * 5
    assert node.asked == ["eth_chainId"]


# Errors in words


@pytest.mark.parametrize("fault", [*DOWN, *SENSELESS, *OVERLOADED, error("try again later")])
def test_node_errors__whatever_all_nodes_do__is_one_line_without_a_key(start, fault):
    nodes = [start(), start()]
    web3 = connect_pool([node.url for node in nodes])
    for node in nodes:
        node.fault = fault
    for _ in range(3):
        with pytest.raises(NodeUnavailableError) as problem, node_errors(web3):
            _ = web3.eth.block_number
        assert KEY not in str(problem.value)
        assert "http://127.0.0.1:" in str(problem.value)
        assert problem.value.__cause__ is None


def test_node_errors__http_status__is_told(start):
    web3 = connect_pool([start(fault=says("", 502)).url])
    with pytest.raises(NodeUnavailableError, match="HTTP 502"), node_errors(web3):
        _ = web3.eth.block_number


@pytest.mark.parametrize(
    ("url", "name"),
    [
        (f"https://node.example/v3/{KEY}", "https://node.example"),
        (f"https://user:{KEY}@node.example:8545/", "https://node.example:8545"),
        (f"https://node.example?key={KEY}#{KEY}", "https://node.example"),
    ],
)
def test_address_name__key_anywhere__is_left_out(url, name):
    assert address_name(url) == name
