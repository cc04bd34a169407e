"""What a consumer asks its node, and what it makes of answers that are too large or mad."""

from contextlib import suppress
from itertools import count

import pytest
import requests
from web3 import Web3

from market.contract import DemandReduction
from market.node import NodeUnavailableError
from market.signer import KeySigner
from market.store import Outcome, load_results
from market.transactions import Sender
from tests.roles.conftest import BOB, HEAT_PUMP, Line


class Listening(Line):
    """Remembers what a node is asked."""

    asked = ()

    def make_request(self, method, params):
        self.asked = [*self.asked, (method, params)]
        return super().make_request(method, params)


def test_outcome__one_look__asks_for_the_logs_once_and_for_one_head(town, chain_url):
    line = Listening(chain_url)
    web3 = Web3(line)
    sender = Sender(web3, KeySigner(town.wallet()))
    market = DemandReduction(web3, town.market.address)
    consumer = town.consumer("listens", sender, market, low_balance_wei=0)
    request_id = town.request()
    consumer.step()
    consumer.step()
    town.settle(request_id)
    line.asked = ()
    consumer.step()
    assert load_results(consumer.desk.results_file).status == Outcome.WON
    assert [method for method, _ in line.asked].count("eth_getLogs") == 1
    heads = [params for method, params in line.asked if method == "eth_getBlockByNumber"]
    assert [params[0] for params in heads].count("latest") == 1


@pytest.mark.parametrize("bids", [1, 250])
def test_payments__of_a_few_or_of_many_bids__are_the_consumers(town, bids):
    request_id = town.request(100_000)
    for _ in range(bids // 50 or 1):
        town.market.submit_bids(town.sender(BOB), request_id, [(10, 500)] * min(bids, 50))
    consumer = town.consumer()
    consumer.step()
    consumer.step()
    town.settle(request_id)
    consumer.step()
    (won,) = load_results(consumer.desk.results_file).results
    assert (won.energy_wh, won.device) == (HEAT_PUMP.energy_wh, HEAT_PUMP.device)
    everything = town.market.payments(town.market.request(request_id))
    assert len(everything) == bids + 1


class Capped(Line):
    """A node that lets a call use only so much gas."""

    calls = 0

    def make_request(self, method, params):
        if method == "eth_call":
            self.calls += 1
            params = [{**params[0], "gas": hex(1_000_000)}, *params[1:]]
        return super().make_request(method, params)


def test_bids_of__more_than_the_nodes_gas_allows__are_read_in_shorter_pages(town, chain_url):
    request_id = town.request(100_000)
    for number in range(7):
        rows = [(10 + number, 1 + bid) for bid in range(100)]
        town.market.submit_bids(town.sender(BOB), request_id, rows)
    line = Capped(chain_url)
    market = DemandReduction(Web3(line), town.market.address)
    assert market.bids(request_id) == town.market.bids(request_id)
    line.calls = 0
    assert len(market.bids(request_id)) == 700
    # 2,000, 1,000 and 500 were refused the first time only.
    assert line.calls == 3


class Mad(Line):
    """A node that tells a time of its blocks that no calendar has."""

    mad = True

    def make_request(self, method, params):
        answer = super().make_request(method, params)
        if self.mad and method == "eth_getBlockByNumber":
            return {**answer, "result": {**answer["result"], "timestamp": hex(2**60)}}
        return answer


def test_step__time_of_a_block_that_cannot_be__is_a_node_that_is_away(town, chain_url):
    line = Mad(chain_url)
    line.mad = False
    web3 = Web3(line)
    sender = Sender(web3, KeySigner(town.wallet()))
    consumer = town.consumer("mad", sender, DemandReduction(web3, town.market.address))
    request_id = town.request()
    line.mad = True
    with pytest.raises(NodeUnavailableError, match="a block that cannot be"):
        consumer.step()
    line.mad = False
    consumer.step()
    assert len(town.market.bids(request_id)) == 1


def test_outcome__node_fails_at_any_question__is_reported_once(town, chain_url):
    line = Line(chain_url)
    web3 = Web3(line)
    sender = Sender(web3, KeySigner(town.wallet(10**19)))
    consumer = town.consumer("once", sender, DemandReduction(web3, town.market.address))
    for number in count():
        request_id = town.request()
        consumer.step()
        consumer.step()
        town.settle(request_id)
        numbers = count()
        line.before = lambda _, at=number, numbers=numbers: fail_at(at, numbers)
        with suppress(NodeUnavailableError):
            consumer.step()
        line.before = lambda _: None
        consumer.step()
        ended = [told[1] for told in consumer.desk.report.told if told[0] == "request_ended"]
        assert [results.request_id for results in ended] == [*range(1, request_id + 1)]
        if next(numbers) <= number:
            break
    assert number > 10


def fail_at(number, numbers):
    if next(numbers) == number:
        raise requests.exceptions.ConnectionError
