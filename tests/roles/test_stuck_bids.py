"""Bids that never got into a block do not keep those of later requests waiting."""

from itertools import count

import pytest

from market.model import Terms
from market.signer import KeySigner
from market.store import Outcome, load_results
from market.transactions import Sender
from tests.roles.conftest import BOB, GWEI, HEAT_PUMP, result, run_while


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


@pytest.mark.parametrize("bought", [False, True])
def test_bids__receipt_not_shown_when_the_round_has_ended__are_told_all_the_same(
    town, signer, bought
):
    consumer, request_id = start(town, signer), town.request()
    with town.still():
        consumer.step()
        town.mine()
    if not bought:
        town.market.submit_bids(town.sender(BOB), request_id, [(5000, 1)])
    town.settle(request_id)
    looks = []

    def not_shown_yet(method, params):
        if method != "eth_getTransactionReceipt" or len(looks) == 2:
            return None
        looks.append(params)
        return result(None)

    town.web3.provider.instead = not_shown_yet
    see_the_end(town, consumer)
    see_the_end(town, consumer)
    results = load_results(consumer.desk.results_file)
    assert len(looks) == 2
    assert results.status == (Outcome.WON if bought else Outcome.LOST)
    assert [won.device for won in results.results] == [HEAT_PUMP.device] * bought


def test_bids__not_worth_their_gas_and_another_request_comes__give_way(town, signer):
    town.rpc("anvil_setBalance", signer.address, hex(10**20))
    consumer, poor = start(town, signer, replace_s=0), town.request()
    with town.still():
        consumer.step()
        town.price_gas(400 * GWEI)
        for _ in range(2):
            consumer.step()
        assert not town.market.bids(poor)
    town.rpc("anvil_setBalance", town.utility.sender.signer.address, hex(10**22))
    rich = town.utility.request(Terms(5000, 4000 * GWEI, 60)).request_id
    for _ in range(3):
        consumer.step()
        town.mine()
    assert len(town.market.bids(rich)) == 1
    assert town.web3.eth.get_transaction_count(signer.address) == 1
    # Gas is cheap again.
    town.price_gas(0)
    for _ in range(3):
        consumer.step()
        town.mine()
    assert len(town.market.bids(poor)) == 1


def test_bids__of_two_requests_have_waited_for_cheaper_gas__do_not_displace_each_other(
    town, signer
):
    town.rpc("anvil_setBalance", signer.address, hex(10**20))
    sender = Sender(town.web3, signer, replace_s=0)
    consumer, first = town.consumer("stuck", sender), town.request()

    def empty_blocks_at(base_wei):
        town.rpc("anvil_dropAllTransactions")
        town.price_gas(base_wei)

    with town.still():
        consumer.step()
        empty_blocks_at(300 * GWEI)
        consumer.step()
        empty_blocks_at(0)
    second = town.request()
    with town.still():
        consumer.step()
        assert consumer.desk.flight(second)
        empty_blocks_at(300 * GWEI)
        consumer.step()
        empty_blocks_at(0)
        sender._replace_s = 3600
        seen = []
        for _ in range(10):
            consumer.step()
            (flight,) = consumer.desk.memory.flights(signer.address)
            seen.append((flight.subject, flight.fees.maximum_wei))
        assert len({*seen[2:]}) == 1
        assert {subject for subject, _ in seen} <= {first, second}
