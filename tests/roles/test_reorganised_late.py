"""Reorganisations after gate closure, and after a request was over."""

import pytest

from market.signer import KeySigner
from market.store import Outcome, load_results
from market.transactions import Sender


@pytest.fixture
def consumer(town):
    return town.consumer("late", Sender(town.web3, KeySigner(town.wallet())), confirmations=3)


def step(town, consumer, times=3):
    for _ in range(times):
        consumer.step()
        town.mine()


def cleared(town, consumer):
    """Have a request bid in, closed and cleared in the newest blocks, and return its id."""
    request_id = town.request()
    consumer.step()
    consumer.step()
    town.close_gate()
    town.market.select_winners(town.utility.sender, request_id)
    return request_id


def took_part(consumer):
    return load_results(consumer.desk.results_file).status


@pytest.mark.parametrize("seen", [False, True])
def test_outcome__bids_vanish_after_selection__is_that_there_were_none(town, consumer, seen):
    request_id = cleared(town, consumer)
    if seen:
        consumer.step()
    bids_at = consumer.desk.rounds[request_id].block_number
    with town.still():
        town.reorganise(town.market.head().number - bids_at + 1)
        town.close_gate()
    list(town.utility.finish(request_id))
    step(town, consumer)
    assert town.market.bids(request_id) == []
    assert took_part(consumer) == Outcome.NO_BIDS
    assert consumer.desk.report.problems() == []


def test_outcome__decided_and_then_bids_vanish__is_taken_back_and_is_that_there_were_none(
    town, consumer
):
    # So dear a bid that it wins nothing beside the cheaper one.
    request_id = town.request(1000)
    town.market.submit_bids(town.sender(2), request_id, [(1000, 1)])
    consumer.step()
    consumer.step()
    bids_at = consumer.desk.rounds[request_id].block_number
    town.settle(request_id)
    consumer.step()
    assert took_part(consumer) == Outcome.LOST
    with town.still():
        town.reorganise(town.market.head().number - bids_at + 1)
        town.close_gate()
    list(town.utility.finish(request_id))
    step(town, consumer)
    assert took_part(consumer) == Outcome.NO_BIDS


def test_outcome__bids_in_another_block__is_that_others_bid_less(town, consumer):
    request_id = town.request(1000)
    town.market.submit_bids(town.sender(2), request_id, [(1000, 1)])
    consumer.step()
    consumer.step()
    bids = town.newest_raws()
    bids_at = consumer.desk.rounds[request_id].block_number
    town.settle(request_id)
    with town.still():
        town.reorganise(town.market.head().number - bids_at + 1, *bids)
        town.close_gate()
    list(town.utility.finish(request_id))
    step(town, consumer)
    assert took_part(consumer) == Outcome.LOST


# Requests that were over


def test_request__over_before_it_was_seen_and_replaced__is_answered(town, consumer):
    request_id = town.request()
    town.market.cancel_request(town.utility.sender, request_id)
    consumer.step()
    town.reorganise(2)
    assert town.request() == request_id
    consumer.step()
    assert len(town.market.bids(request_id)) == 1


@pytest.mark.parametrize("reduction_wh", [1000, 5000])
def test_request__final_and_replaced__is_answered(town, consumer, reduction_wh):
    consumer.desk.confirmations = 0
    request_id = town.request()
    town.market.cancel_request(town.utility.sender, request_id)
    town.reorganise(1)
    consumer.step()
    consumer.step()
    town.market.cancel_request(town.utility.sender, request_id)
    consumer.step()
    assert took_part(consumer) == Outcome.CANCELLED
    town.reorganise(4)
    assert town.market.request_count() == 0
    assert town.request(reduction_wh) == request_id
    consumer.step()
    consumer.step()
    assert len(town.market.bids(request_id)) == 1


def test_requests__over_at_the_start__are_asked_for_once_a_block(town, consumer):
    for _ in range(5):
        request_id = town.request()
        town.market.cancel_request(town.utility.sender, request_id)
    consumer.step()
    town.mine()
    asked = []
    town.web3.provider.before = asked.append
    consumer.step()
    town.mine()
    consumer.step()
    assert asked.count("eth_getBlockByNumber") == 2 * 2
