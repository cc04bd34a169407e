"""What a reorganisation takes from the chain is undone in what a consumer knows."""

import pytest
import requests
from web3 import Web3

from market.anvil import running_anvil
from market.consumer import ChainReplacedError
from market.contract import DemandReduction
from market.contract_events import NotShownYetError
from market.errors import MarketError
from market.guardrails import Guardrails
from market.model import Terms
from market.node import NodeUnavailableError
from market.outcome import Reporting
from market.provider import NodePool, connect
from market.signer import KeySigner
from market.store import Outcome, load_results
from market.transactions import Sender
from tests.roles.conftest import ALICE, BOB, GWEI, HEAT_PUMP, SENDING, Line, storing

CONFIRMATIONS = 3


@pytest.fixture
def consumer(town):
    """A consumer that signs by itself."""
    sender = Sender(town.web3, KeySigner(town.wallet()))
    return town.consumer("key", sender, confirmations=CONFIRMATIONS)


@pytest.fixture(params=["key", "unlocked"])
def any_consumer(request, town, consumer):
    """The same, and one whose node signs."""
    return consumer if request.param == "key" else town.consumer(confirmations=CONFIRMATIONS)


def step(consumer, times=3):
    for _ in range(times):
        consumer.step()


def told(consumer, *names):
    return [name for name in consumer.desk.report.names() if name in names]


def nonce(town, consumer):
    return town.web3.eth.get_transaction_count(consumer.desk.sender.signer.address)


def results(consumer):
    return load_results(consumer.desk.results_file)


def assert_ends_without_bids(town, consumer, request_id):
    list(town.utility.finish(request_id))
    step(consumer)
    town.mine()
    step(consumer)
    assert town.market.bids(request_id) == []
    assert results(consumer).status == Outcome.NO_BIDS


# Requests


def test_request__shown_before_its_block_is__is_not_taken_for_gone(town, consumer):
    request_id, line = town.request(), town.web3.provider
    storing_its_block, sent = storing(line, town.web3.eth.block_number - 1), []

    def until_bids_are_sent(method, params):
        if method in SENDING:
            sent.append(method)
        return None if sent else storing_its_block(method, params)

    line.instead = until_bids_are_sent
    with town.still():
        step(consumer)
        town.mine()
        step(consumer)
    assert len(town.market.bids(request_id)) == 1
    assert told(consumer, "bids_submitted", "problem") == ["bids_submitted"]


def test_request__cancelled_in_a_block_that_is_replaced__is_open_again(town, consumer):
    """The cancellation is shown at the block before it, which stays."""
    request_id, line = town.request(), town.web3.provider
    step(consumer)
    town.mine()
    before = town.web3.eth.block_number
    town.market.cancel_request(town.utility.sender, request_id)
    line.instead = storing(line, before)
    step(consumer, 1)
    line.instead = lambda method, params: None
    assert results(consumer).status == Outcome.CANCELLED
    town.reorganise(1)
    for _ in range(CONFIRMATIONS + 1):
        town.mine()
        step(consumer, 1)
    town.settle(request_id)
    step(consumer)
    assert results(consumer).status == Outcome.WON


def test_requests__laid_aside_and_their_block_replaced__are_told_once(town, consumer):
    for _ in range(2):
        newest = town.request()
        step(consumer)
    town.close_gate()
    for request_id in (1, 2):
        list(town.utility.finish(request_id))
    step(consumer)
    while consumer.desk.rounds:
        town.mine()
        step(consumer, 1)
    ends = told(consumer, "request_ended", "result_final", "already_bid")
    replace_empty_block(town)

    def cut_off_once(method):
        if method == "eth_call":
            town.web3.provider.before = lambda method: None
            raise requests.ConnectionError

    town.web3.provider.before = cut_off_once
    with pytest.raises(NodeUnavailableError):
        step(consumer, 1)
    for _ in range(CONFIRMATIONS + 1):
        step(consumer, 1)
        town.mine()
    assert told(consumer, "request_ended", "result_final", "already_bid") == ends
    assert results(consumer).request_id == newest


def replace_empty_block(town):
    """Have the newest block be another one, with a transaction that is nobody's here."""
    sender, to = town.web3.eth.accounts[5:7]
    town.rpc("anvil_reorg", 1, [[{"from": sender, "to": to, "value": "0x1"}, 0]])


# Bids


def test_bids__adopted_and_the_newest_block_replaced__have_not_vanished(town, consumer):
    request_id = town.request()
    step(consumer)
    for _ in range(2):
        town.mine()
    again = town.consumer("lost", Sender(town.web3, consumer.desk.sender.signer))
    again.step()
    replace_empty_block(town)
    for _ in range(2):
        town.mine()
        again.step()
    assert len(town.market.bids(request_id)) == 1
    assert told(again, "already_bid", "bids_vanished", "bids_submitted") == ["already_bid"]


def test_bids__vanish_while_the_gate_is_open__are_sent_again(town, any_consumer):
    request_id = town.request()
    step(any_consumer)
    town.reorganise(1)
    assert town.market.bids(request_id) == []
    step(any_consumer)
    assert len(town.market.bids(request_id)) == 1
    assert told(any_consumer, "bids_submitted", "bids_vanished", "problem") == [
        *("bids_submitted", "bids_vanished", "bids_submitted")
    ]


def test_bids__vanish_and_come_back__are_not_sent_again(town, any_consumer):
    request_id, before = town.request(), nonce(town, any_consumer)
    step(any_consumer)
    bids = town.newest_raws()
    with town.still():
        town.reorganise(1)
        step(any_consumer)
        town.reorganise(1, *bids)
        town.mine()
        step(any_consumer)
        town.mine()
    assert len(town.market.bids(request_id)) == 1
    assert nonce(town, any_consumer) == before + 1
    town.settle(request_id)
    step(any_consumer)
    assert results(any_consumer).results[0].device == HEAT_PUMP.device


def test_bids__others_get_in_before_them__have_their_new_ids(town, consumer):
    request_id = town.request()
    step(consumer)
    town.reorganise(1)
    town.market.submit_bids(town.sender(BOB), request_id, [(1000, 900)])
    with town.still():
        step(consumer)
        town.mine()
    step(consumer)
    assert len(town.market.bids(request_id)) == 2
    town.settle(request_id)
    step(consumer)
    assert [won.device for won in results(consumer).results] == [HEAT_PUMP.device]


def test_bids__vanish_after_gate_closure__are_not_sent_and_the_outcome_is_none(town, consumer):
    request_id = town.request()
    step(consumer)
    with town.still():
        town.reorganise(1)
        town.close_gate()
        step(consumer)
        town.mine()
    assert_ends_without_bids(town, consumer, request_id)
    assert told(consumer, "problem") == []


# Requests


@pytest.mark.parametrize("reduction_wh", [5000, 1000])
def test_request__vanishes_with_the_bids__another_of_its_number_is_answered(
    town, consumer, reduction_wh
):
    request_id = town.request()
    step(consumer)
    town.reorganise(2)
    step(consumer)
    assert town.market.request_count() == 0
    assert consumer.desk.rounds == {}
    (problem,) = consumer.desk.report.problems()
    assert problem.startswith(f"Request {request_id} disappeared")
    assert town.request(reduction_wh) == request_id
    step(consumer)
    assert [bid.energy_wh for bid in town.market.bids(request_id)] == [min(3000, reduction_wh)]
    town.settle(request_id)
    step(consumer)
    assert results(consumer).total_energy_wh == min(3000, reduction_wh)


def test_request__another_in_its_place_at_once__gets_bids_of_its_own(town, consumer):
    request_id = town.request()
    step(consumer)
    town.reorganise(2)
    terms = Terms(1000, 8 * GWEI, 600)
    assert town.utility.request(terms).request_id == request_id
    step(consumer)
    town.mine()
    step(consumer)
    (bid,) = town.market.bids(request_id)
    assert (bid.energy_wh, bid.price_level) == (1000, 250)


def test_request__that_was_left_alone_replaced__the_other_is_answered(town, consumer):
    rails = Guardrails(lowest_price_wei_per_wh=8000 * GWEI)
    consumer = town.consumer("proud", consumer.desk.sender, guardrails=rails)
    request_id = town.request()
    step(consumer)
    town.reorganise(1)
    assert town.utility.request(Terms(1000, 8 * GWEI, 600)).request_id == request_id
    step(consumer)
    town.mine()
    step(consumer)
    assert len(town.market.bids(request_id)) == 1


def test_request__vanishes_with_its_outcome__outcome_is_taken_back(town, consumer):
    request_id = town.request()
    step(consumer)
    town.settle(request_id)
    step(consumer)
    town.reorganise(5)
    step(consumer)
    assert not consumer.desk.results_file.exists()
    assert told(consumer, "request_ended", "outcome_undone") == ["request_ended", "outcome_undone"]
    assert town.request() == request_id
    step(consumer)
    assert len(town.market.bids(request_id)) == 1


def test_request__comes_back_without_the_bids__is_answered(town, any_consumer):
    request_id = town.request()
    requested = town.newest_raws()
    step(any_consumer)
    town.reorganise(2, *requested)
    step(any_consumer)
    assert len(town.market.bids(request_id)) == 1


def test_requests__two_vanish_with_their_bids__others_are_answered(town, consumer):
    for _ in range(2):
        town.request()
        step(consumer)
    town.reorganise(4)
    step(consumer)
    for request_id in (town.request(), town.request()):
        step(consumer)
        assert len(town.market.bids(request_id)) == 1


# Outcomes


def test_outcome__confirmed__is_provisional_first_and_final_once(town, consumer):
    request_id = town.request()
    step(consumer)
    town.settle(request_id)
    for _ in range(CONFIRMATIONS):
        step(consumer)
        assert not results(consumer).final
        town.mine()
    step(consumer)
    assert results(consumer).final
    town.mine()
    step(consumer)
    assert told(consumer, "request_ended", "result_final") == ["request_ended", "result_final"]
    assert consumer.desk.report.told[-1] == ("result_final", request_id, CONFIRMATIONS)


def test_outcome__vanishes__is_taken_back_and_reported_anew(town, consumer):
    request_id = town.request()
    step(consumer)
    town.settle(request_id)
    step(consumer)
    town.reorganise(2)
    step(consumer)
    assert not consumer.desk.results_file.exists()
    town.settle(request_id)
    for _ in range(CONFIRMATIONS + 1):
        step(consumer)
        town.mine()
    assert results(consumer).final
    assert results(consumer).total_energy_wh == HEAT_PUMP.energy_wh
    assert told(consumer, "request_ended", "outcome_undone", "result_final", "problem") == [
        *("request_ended", "outcome_undone", "request_ended", "result_final")
    ]


def test_outcome__vanishes_and_an_older_one_stands__file_tells_the_older(town, consumer):
    first = town.request()
    step(consumer)
    town.settle(first)
    step(consumer)
    second = town.request()
    step(consumer)
    town.settle(second)
    step(consumer)
    assert results(consumer).request_id == second
    town.reorganise(2)
    step(consumer)
    assert results(consumer).request_id == first


def test_outcome__in_other_blocks_but_the_same__is_not_taken_back(town, consumer):
    request_id = town.request()
    step(consumer)
    town.settle(request_id)
    step(consumer)
    paid = town.newest_raws()
    town.reorganise(1, *paid)
    for _ in range(CONFIRMATIONS + 1):
        step(consumer)
        town.mine()
    assert results(consumer).final
    assert told(consumer, "outcome_undone", "request_ended") == ["request_ended"]


def test_confirm__outcome_vanishes_after_the_request_was_read__is_not_taken_for_final(
    town, consumer
):
    request_id = town.request()
    step(consumer)
    town.settle(request_id)
    step(consumer)
    settled = town.market.request(request_id)
    known = consumer.desk.rounds[request_id]
    town.reorganise(2)
    with pytest.raises(NotShownYetError):
        Reporting(consumer.desk).confirm(known, settled, town.market.head())
    step(consumer)
    assert told(consumer, "outcome_undone", "result_final") == ["outcome_undone"]


def test_outcome__vanishes_with_the_bids__is_another(town, consumer):
    request_id = town.request()
    step(consumer)
    town.settle(request_id)
    step(consumer)
    # The payment, the selection, the gate's closure and the bids.
    town.reorganise(4)
    with town.still():
        town.close_gate()
        step(consumer)
        town.mine()
    assert_ends_without_bids(town, consumer, request_id)
    assert results(consumer).total_payment_wei == 0


# Nodes that are behind, or anew


def test_step__node_behind_for_a_while__nothing_is_undone(town, consumer):
    request_id, before = town.request(), nonce(town, consumer)
    step(consumer)
    bids = town.newest_raws()
    with town.still():
        town.rpc("anvil_rollback", 1)
        step(consumer)
        for raw in bids:
            town.rpc("eth_sendRawTransaction", raw)
        town.mine()
        step(consumer)
    assert len(town.market.bids(request_id)) == 1
    assert nonce(town, consumer) == before + 1
    assert told(consumer, "problem") == []


@pytest.mark.parametrize("longer", [False, True])
def test_step__node_started_anew_with_another_chain__is_told(town, chain_url, longer):
    line = Line(chain_url)
    web3 = Web3(line)
    market = DemandReduction(web3, town.market.address)
    consumer = town.consumer("anew", Sender(web3, town.sender(ALICE).signer), market)
    town.request()
    step(consumer)
    with running_anvil() as other_url:
        line.pool = NodePool(["http://127.0.0.1:1"], None)
        with pytest.raises(NodeUnavailableError):
            consumer.step()
        blocks = consumer.head.number + 1 if longer else 1
        connect(other_url).provider.make_request("anvil_mine", [hex(blocks)])
        line.pool = NodePool([other_url], None)
        with pytest.raises(ChainReplacedError):
            consumer.step()
        assert isinstance(ChainReplacedError(), MarketError)
