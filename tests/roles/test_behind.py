"""A node that has not come as far as it was before is waited for: nothing was reorganised."""

import pytest

from market.consumer import _BEHIND_S
from market.signer import KeySigner
from market.store import Outcome, load_results
from market.transactions import Sender
from tests.roles.conftest import showing


@pytest.fixture
def clock(monkeypatch):
    """A clock that only the test moves."""
    now_s = [0.0]
    monkeypatch.setattr("market.consumer.monotonic", lambda: now_s[0])
    return now_s


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("newer_requests", [0, 17])
def test_consumer__outcome_told_and_the_node_set_back__stays_told_once(
    town, clock, restarted, newer_requests
):
    sender = Sender(town.web3, KeySigner(town.wallet()))
    consumer = town.consumer("behind", sender, confirmations=12)
    before = town.web3.eth.block_number
    request_id = town.request()
    for _ in range(2):
        consumer.step()
    town.settle(request_id)
    consumer.step()
    told = consumer.desk.report.names()
    if restarted:
        consumer.desk.memory.close()
        consumer = town.consumer("behind", sender, confirmations=12)
    line = town.web3.provider
    line.instead = showing(line, before)
    if not restarted:
        consumer.step()
        # As long as it could still be two nodes behind one address.
        clock[0] += _BEHIND_S
    consumer.step()
    assert "is behind" in consumer.problem
    line.instead = lambda method, params: None
    for _ in range(newer_requests):
        town.market.cancel_request(town.utility.sender, town.request())
    for _ in range(13):
        town.mine()
        consumer.step()
    names = [] if not restarted else told
    names = [*names, *consumer.desk.report.names()]
    assert names.count("outcome_undone") == 0
    assert names.count("request_ended") == 1
    assert names.count("result_final") == 1
    results = load_results(consumer.desk.results_file)
    assert (results.request_id, results.status, results.final) == (request_id, Outcome.WON, True)


def test_consumer__bids_in_a_block_and_the_node_set_back__have_not_vanished(town, clock):
    consumer = town.consumer("behind", Sender(town.web3, KeySigner(town.wallet())))
    before, request_id = town.web3.eth.block_number, town.request()
    for _ in range(3):
        consumer.step()
    line = town.web3.provider
    line.instead = showing(line, before)
    for _ in range(2):
        consumer.step()
        clock[0] += _BEHIND_S
    assert "is behind" in consumer.problem
    line.instead = lambda method, params: None
    for _ in range(2):
        town.mine()
        consumer.step()
    assert len(town.market.bids(request_id)) == 1
    assert consumer.desk.rounds[request_id].gas_used
    assert consumer.desk.report.names() == ["request_opened", "bids_submitted", "problem"]


def test_consumer__block_that_never_comes__keeps_no_other_request_waiting(town):
    """As a node had shown it that was on a false fork."""
    consumer, request_id = town.consumer(confirmations=5), town.request()
    for _ in range(2):
        consumer.step()
    before = town.rpc("evm_snapshot")
    town.rpc("anvil_mine", hex(1000))
    town.settle(request_id)
    consumer.step()
    town.rpc("evm_revert", before)
    town.mine()
    consumer.desk.memory.close()
    consumer, other = town.consumer(confirmations=5), town.request()
    for _ in range(2):
        consumer.step()
        town.mine()
    town.settle(other)
    for _ in range(2):
        consumer.step()
        town.mine()
    results = load_results(consumer.desk.results_file)
    assert (results.request_id, results.status) == (other, Outcome.WON)
