import math
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.exceptions import ConnectionError as NoConnection
from requests.exceptions import HTTPError, ReadTimeout
from requests.models import Response
from web3 import Web3
from web3.exceptions import Web3RPCError

from market import logs
from market.logs import logs_in_ranges
from market.node import NodeUnavailableError
from market.portions import Portion
from market.provider import connect
from tests.unit.rpc import CHAIN_ID, error, result, running_node, says

NOWHERE = Web3()
# How a node, or a gateway before it, may say that a question is too large.
TOO_LARGE = [
    Web3RPCError("query returned more than 10000 results"),
    Web3RPCError("block range is too wide"),
    ReadTimeout(),
    HTTPError(response=Response()),
]


class Chain:
    """Blocks with some logs each, behind a node that limits what it is asked at a time."""

    def __init__(self, counts, most_blocks=10**9, most_logs=10**9, problem=TOO_LARGE[0]):
        self.logs = [(block, i) for block, count in enumerate(counts) for i in range(count)]
        self.most_blocks, self.most_logs, self.problem = most_blocks, most_logs, problem
        self.broken_from = 10**9
        self.asked = []

    def read(self, first, last):
        self.asked.append((first, last))
        if last >= self.broken_from:
            raise NoConnection
        found = [log for log in self.logs if first <= log[0] <= last]
        if last - first + 1 > self.most_blocks or len(found) > self.most_logs:
            raise self.problem
        return found

    def widths(self):
        return [last - first + 1 for first, last in self.asked]


def read_all(chain, first, last, width=None):
    ranges = logs_in_ranges(NOWHERE, chain.read, first, last, width)
    return [log for _, found in ranges for log in found]


def test_logs_in_ranges__no_limit__asks_for_bounded_ranges_without_gaps():
    chain = Chain([0] * 2501)
    assert read_all(chain, 1, 2500) == []
    assert chain.asked == [(1, 1000), (1001, 2000), (2001, 2500)]


@pytest.mark.parametrize(("first", "last"), [(5, 4), (1, 0)])
def test_logs_in_ranges__no_block_in_it__asks_nothing(first, last):
    chain = Chain([1] * 10)
    assert read_all(chain, first, last) == []
    assert chain.asked == []


@pytest.mark.parametrize("problem", TOO_LARGE, ids=repr)
def test_logs_in_ranges__range_refused__is_halved_and_stays_so(problem):
    chain = Chain([1] * 1500, most_blocks=300, problem=problem)
    assert read_all(chain, 0, 1499) == chain.logs
    assert chain.widths() == [1000, 500, *[250] * 6]


def test_logs_in_ranges__node_with_a_limit__is_seldom_asked_for_more():
    chain = Chain([1] * 100_000, most_blocks=300)
    assert read_all(chain, 0, 99_999) == chain.logs
    refused = [width for width in chain.widths() if width > 300]
    assert len(refused) <= 2 + math.log2(400)


def test_logs_in_ranges__next_search_by_the_connection__begins_with_what_was_taken():
    chain, width = Chain([1] * 1500, most_blocks=300), Portion(1000)
    read_all(chain, 0, 1499, width)
    chain.asked.clear()
    read_all(chain, 0, 1499, width)
    assert chain.widths() == [250] * 6


def test_logs_in_ranges__limit_gone_after_a_while__ranges_are_wide_again():
    chain = Chain([1] * 5000, most_blocks=10)
    ranges = logs_in_ranges(NOWHERE, chain.read, 0, 4999)
    next(ranges)
    chain.most_blocks = 10**9
    assert sum(len(found) for _, found in ranges) == 5000 - 7
    assert chain.widths()[-2:] == [1000, 5000 - chain.asked[-1][0]]


def test_logs_in_ranges__many_logs_in_a_few_blocks__narrow_there_only():
    chain = Chain([0] * 1500 + [40] * 5 + [0] * 1500, most_logs=50)
    assert read_all(chain, 0, 3004) == chain.logs
    assert {first for first, last in chain.asked if first == last} <= set(range(1499, 1506 + 16))


def test_logs_in_ranges__single_block_refused__is_an_error_after_what_was_found():
    chain = Chain([1] * 10, most_logs=0)
    with pytest.raises(NodeUnavailableError, match="more than 10000 results"):
        read_all(chain, 0, 9)
    assert chain.asked == [(0, 9), (0, 4), (0, 1), (0, 0)]


def test_logs_in_ranges__node_away__is_not_asked_for_less():
    chain = Chain([1] * 10, most_blocks=1, problem=NoConnection())
    with pytest.raises(NodeUnavailableError):
        read_all(chain, 0, 9)
    assert chain.asked == [(0, 9)]


@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=60),
    st.integers(1, 70),
    st.integers(6, 60),
    st.integers(1, 64),
    st.data(),
)
def test_logs_in_ranges__any_limits__finds_each_log_once_in_order(
    counts, most_blocks, most_logs, widest, data
):
    chain = Chain(counts, most_blocks, most_logs)
    first = data.draw(st.integers(0, len(counts) - 1))
    last = data.draw(st.integers(first, len(counts) - 1))
    found = read_all(chain, first, last, Portion(widest))
    assert found == [log for log in chain.logs if first <= log[0] <= last]
    assert max(chain.widths()) <= widest
    # A refusal for each halving, and at most one more for every range that was read.
    assert len(chain.asked) <= 2 * (last - first + 1) + 8


@pytest.mark.parametrize(
    "fault",
    [
        error("query returned more than 10000 results", -32005),
        error("up to a 10 block range", -32600, 400),
        says("too large", 413),
        says("", 504),
    ],
)
def test_log_reader__node_refuses_every_range__is_asked_for_less_down_to_a_block(fault):
    with running_node() as node:
        web3 = connect(node.url)
        node.fault = lambda asked: fault(asked) if asked == "eth_getLogs" else result(CHAIN_ID)
        read = logs.log_reader(web3, "0x" + "0" * 40, [])
        with pytest.raises(NodeUnavailableError):
            list(logs_in_ranges(web3, read, 1, 8))
        assert node.work() == ["eth_getLogs"] * 4


def test_log_reader__node_asks_for_a_pause__is_left_alone():
    with running_node() as node:
        web3 = connect(node.url)
        node.fault = says("", 429, Retry_After="30")
        read = logs.log_reader(web3, "0x" + "0" * 40, [])
        with pytest.raises(NodeUnavailableError, match="no more requests at present"):
            list(logs_in_ranges(web3, read, 1, 8))
        assert node.work() == ["eth_getLogs"]


# A search by a contract's connection


@contextmanager
def searching(most_blocks=10**9):
    """Run a node with a log in every block, and search it; its limit may be changed."""
    with running_node() as node:
        web3 = connect(node.url)
        chain = Chain([1] * 3000, most_blocks)
        search = logs.LogSearch(web3, "0x" + "0" * 40)
        read = search.ranges
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(logs, "log_reader", lambda *_: chain.read)
            yield chain, search, lambda: [log for found in read(1, 2500, []) for log in found]


def test_search__range_after_range__tells_how_far_it_has_come():
    with searching() as (_, search, read):
        told = []
        search.on_range = lambda block, last: told.append((block, last))
        read()
    assert told == [(1000, 2500), (2000, 2500), (2500, 2500)]


def test_search__broken_off__goes_on_from_there():
    with searching() as (chain, _search, read):
        chain.broken_from = 2001
        with pytest.raises(NodeUnavailableError):
            read()
        chain.asked.clear()
        chain.broken_from = 10**9
        assert read() == [log for log in chain.logs if 1 <= log[0] <= 2500]
        assert chain.asked[0][0] == 2001
        chain.asked.clear()
        read()
        assert chain.asked[0][0] == 1


def test_search__broken_off_near_its_end__reads_what_a_reorganisation_may_replace_again():
    with searching(most_blocks=100) as (chain, _search, read):
        chain.broken_from = 2490
        with pytest.raises(NodeUnavailableError):
            read()
        chain.asked.clear()
        chain.broken_from = 10**9
        read()
        assert 2300 < chain.asked[0][0] <= 2500 - 128 + 1
