"""What a consumer finds at its start: a node that is not ready, bids that cannot be read."""

import pytest
import requests
from web3 import Web3

from market.anvil import running_anvil
from market.bidder import BidsUnreadableError
from market.consumer import Consumer
from market.contract import DemandReduction
from market.errors import MarketError
from market.node import NodeUnavailableError
from market.progress import State
from market.provider import connect
from tests.roles.conftest import ALICE, HEAT_PUMP, Line

NOBODY = "0x" + "1" * 40


# The contract


@pytest.mark.parametrize("call", range(1, 3))
def test_contract__answer_lost_while_its_kind_is_looked_up__may_be_tried_again(
    town, chain_url, call
):
    line, calls = Line(chain_url), []

    def before(method):
        calls.append(method)
        if calls.count("eth_call") == call and method == "eth_call":
            raise requests.exceptions.ConnectionError

    line.before = before
    with pytest.raises(NodeUnavailableError):
        DemandReduction(Web3(line), town.market.address)
    assert DemandReduction(Web3(line), town.market.address).request_count() == 0


@pytest.mark.parametrize(
    ("options", "behind"),
    [
        (("--chain-id", "7", "--timestamp", "1600000000"), True),
        (("--chain-id", "7"), False),
        (("--timestamp", "1600000000"), False),
    ],
    ids=["old blocks", "new blocks", "a local chain that stood still"],
)
def test_contract__none_at_the_address__node_may_be_behind(options, behind):
    with running_anvil(*options) as url, pytest.raises(MarketError) as problem:
        DemandReduction(connect(url), NOBODY)
    assert isinstance(problem.value, NodeUnavailableError) == behind
    assert ("catching up" if behind else "There is no contract") in str(problem.value)


def test_contract__none_at_the_address_of_a_node_that_is_syncing__is_waited_for():
    class Syncing(Line):
        def make_request(self, method, params):
            answer = super().make_request(method, params)
            progress = {"startingBlock": "0x0", "currentBlock": "0x1", "highestBlock": "0x2"}
            return {**answer, "result": progress} if method == "eth_syncing" else answer

    waited_for = pytest.raises(NodeUnavailableError, match="catching up")
    with running_anvil("--chain-id", "7") as url, waited_for:
        DemandReduction(Web3(Syncing(url)), NOBODY)


# bids.json


@pytest.fixture
def broken(town):
    """A consumer whose bids cannot be read since its start."""
    good = town.consumer()
    text = good.bids_file.read_text("utf-8")
    good.bids_file.write_text('{"energy": [3', "utf-8")
    return Consumer(good.desk, good.bids_file), text


def test_bids__broken_since_the_start_and_mended__are_sent(town, broken):
    consumer, text = broken
    request_id = town.request()
    for _ in range(3):
        consumer.step()
    (problem,) = consumer.desk.report.problems()
    assert problem.endswith("Nothing is bid until it is mended")
    assert consumer.problem == problem
    assert consumer.desk.rounds == {}
    consumer.bids_file.write_text(text, "utf-8")
    consumer.step()
    consumer.step()
    assert [bid.energy_wh for bid in town.market.bids(request_id)] == [HEAT_PUMP.energy_wh]
    assert consumer.problem is None


def test_bids__broken_and_mended_while_nothing_is_requested__are_a_problem_until_then(town, broken):
    consumer, text = broken
    with pytest.raises(BidsUnreadableError):
        consumer.bidder.refresh()
    consumer.step()
    assert "bids.json" in consumer.problem
    consumer.bids_file.write_text(text, "utf-8")
    town.mine()
    consumer.step()
    assert consumer.problem is None


def test_bids__broken_until_gate_closure__request_is_passed(town, broken):
    consumer, _ = broken
    request_id = town.request()
    consumer.step()
    town.close_gate()
    consumer.step()
    known = consumer.desk.rounds[request_id]
    assert (known.state, known.reason) == (State.PASSED, "its gate closed before there were bids")


def test_bids__broken_and_on_chain_already__request_is_taken_up(town, broken):
    consumer, _ = broken
    request_id = town.request()
    town.market.submit_bids(town.sender(ALICE), request_id, [(3000, 500)])
    consumer.step()
    assert consumer.desk.rounds[request_id].state == State.PLACED
    assert consumer.desk.report.problems() == []
