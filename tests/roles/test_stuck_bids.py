"""Bids that never got into a block do not keep those of later requests waiting."""

from itertools import count

import pytest

from market.signer import KeySigner
from market.store import Outcome, load_results
from market.transactions import Sender
from tests.roles.conftest import GWEI, run_while


@pytest.fixture
def signer(town):
    return KeySigner(town.wallet())


def start(town, signer, **options):
    return town.consumer("stuck", Sender(town.web3, signer, **options))


def stick(town, consumer):
    """Have the consumer's bids leave the node's pool, and return them."""
    with town.still():
        consumer.step()
        (flight,) = consumer.desk.memory.flights(consumer.desk.sender.signer.address)
        raw = town.rpc("eth_getRawTransactionByHash", flight.hashes[-1])
        town.rpc("anvil_dropAllTransactions")
    return raw


def see_the_end(town, consumer):
    for _ in range(3):
        consumer.step()
        town.mine()


@pytest.mark.parametrize("restarted", [False, True])
def test_bids__stuck_until_the_round_is_over__next_ones_take_their_place(town, signer, restarted):
    consumer = start(town, signer)
    stuck_in = town.request()
    stuck = stick(town, consumer)
    town.settle(stuck_in)
    see_the_end(town, consumer)
    assert load_results(consumer.desk.results_file).status == Outcome.NO_BIDS
    if restarted:
        consumer.desk.memory.close()
        consumer = start(town, signer)
    request_id = town.request()
    with town.still():
        town.rpc("eth_sendRawTransaction", stuck)
        consumer.step()
        town.mine()
        consumer.step()
    assert len(town.market.bids(request_id)) == 1
    assert town.web3.eth.get_transaction_count(signer.address) == 1
    assert consumer.problem is None


def test_flights__through_and_their_rounds_over__are_forgotten(town, signer):
    consumer = start(town, signer)
    stuck_in = town.request()
    stick(town, consumer)
    town.settle(stuck_in)
    see_the_end(town, consumer)
    assert len(consumer.desk.memory.flights(signer.address)) == 1
    request_id = town.request()
    for _ in range(2):
        consumer.step()
    town.settle(request_id)
    consumer.step()
    assert consumer.desk.memory.flights(signer.address) == []


@pytest.mark.parametrize(("base_wei", "worth_it"), [(5 * GWEI, True), (500 * GWEI, False)])
def test_bids__stuck_as_gas_gets_dearer__never_cost_more_than_they_can_win(
    town, signer, base_wei, worth_it
):
    consumer = start(town, signer, replace_s=0)
    request_id = town.request()
    with town.still():
        consumer.step()
        sent_wei = consumer.desk.flight(request_id).fees.maximum_wei
        town.price_gas(base_wei)
        assert not town.market.bids(request_id)
        for _ in range(3):
            consumer.step()
        raised_wei = consumer.desk.flight(request_id).fees.maximum_wei
        town.price_gas(base_wei)
        consumer.step()
    assert (raised_wei > sent_wei) == worth_it
    assert len(town.market.bids(request_id)) == worth_it
    told = [said for said in consumer.desk.report.problems() if "fee is not raised" in said]
    assert len(told) == (not worth_it)
    town.price_gas(0)
    consumer.step()
    assert len(town.market.bids(request_id)) == 1


def test_bids__in_a_block_while_they_are_urged_on__are_told_with_what_they_have_cost(town, signer):
    consumer = start(town, signer, replace_s=0)
    for number in count():
        request_id = town.request()
        with town.still():
            consumer.step()
            reached = run_while(consumer, town.mine, number)
            town.mine()
        consumer.step()
        assert consumer.desk.rounds[request_id].gas_used
        town.settle(request_id)
        consumer.step()
        if not reached:
            break
    assert number > 10
    assert "already_bid" not in consumer.desk.report.names()
