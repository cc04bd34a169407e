"""The node is down, slow, overloaded, behind or out of its mind for a while, in every phase."""

from itertools import pairwise
from random import Random
from time import sleep

import pytest

from market.bounded_http import ANSWER_TIMEOUT_S
from tests.faults import rules
from tests.faults.check import check
from tests.faults.lagging import Lagging
from tests.faults.outages import OUTAGE_S, PORT_CLOSED, assert_says_it_seldom, outage
from tests.faults.people import WAITING
from tests.faults.world import CHAIN_ID

pytestmark = pytest.mark.long

WIDEST = 300


def test_consumer__started_while_the_node_is_away__begins_when_it_is_back(world, home):
    request_id = world.chain.request(world.market)
    with home.proxy.refusing():
        home.start()
        sleep(OUTAGE_S)
        assert home.lives(), home.told
    home.wait_for_bid(request_id)
    world.chain.settle(world.market, request_id)
    home.wait_for_results(request_id)
    check(world)


def test_consumer__node_overloaded__asks_less_and_less(world, home):
    home.start()
    home.wait_for(WAITING)
    with home.proxy.following(rules.too_many_requests()):
        before = home.proxy.count()
        sleep(4)
        asked = home.proxy.count() - before
    # Ten times a second while all is well.
    assert asked <= 8, home.proxy.calls[-asked:]
    world.play_round(home)
    check(world)


def test_consumer__node_hangs_for_longer_than_it_listens__bids_afterwards(world, home):
    home.start()
    home.wait_for(WAITING)
    with outage(home.proxy, "hanging", ANSWER_TIMEOUT_S + 5):
        request_id = world.chain.request(world.market)
    home.wait_for_bid(request_id)
    with outage(home.proxy, "hanging", ANSWER_TIMEOUT_S + 5):
        world.chain.settle(world.market, request_id)
    home.wait_for_results(request_id)
    check(world)
    assert_says_it_seldom(home)


def test_consumer__node_away_for_a_minute__bids_afterwards(world, home):
    home.start()
    home.wait_for(WAITING)
    with outage(home.proxy, PORT_CLOSED, 60):
        # Ten seconds of chain time pass in a second.
        request_id = world.chain.request(world.market, bidding_seconds=3600)
    home.wait_for_bid(request_id)
    world.chain.settle(world.market, request_id)
    home.wait_for_results(request_id)
    check(world)


def test_consumer__node_some_blocks_behind__bids_and_is_told(world, home):
    home.proxy.add(Lagging(world.chain.head, 3))
    home.start()
    home.wait_for(WAITING)
    world.play_round(home)
    check(world)


def test_consumer__some_answers_are_behind__bids_once(world, home):
    lagging, chance = Lagging(world.chain.head, 2), Random(1)
    home.proxy.add(
        lambda call, forward: lagging(call, forward) if chance.random() < 0.3 else forward()
    )
    home.start()
    home.wait_for(WAITING)
    for _ in range(3):
        world.play_round(home)
    check(world)


def test_consumer__offline_for_a_thousand_blocks__catches_up_in_ranges_the_node_takes(world, home):
    home.start()
    home.wait_for(WAITING)
    request_id = world.chain.request(world.market)
    home.wait_for_bid(request_id)
    home.process.kill()
    world.chain.mine(700)
    world.chain.settle(world.market, request_id)
    world.chain.mine(700)
    before = home.proxy.count()
    home.proxy.add(rules.narrow_logs(WIDEST, "query returned more than 10000 results"))
    home.start()
    home.wait_for_results(request_id)
    asked = [c.params[0] for c in home.proxy.calls[before:] if c.method == "eth_getLogs"]
    ranges = [(int(wanted["fromBlock"], 16), int(wanted["toBlock"], 16)) for wanted in asked]
    followed = [pair for pair in pairwise(ranges) if span(pair[0]) > WIDEST]
    assert followed, ranges
    for refused, next_ in followed:
        assert (next_[0], span(next_)) == (refused[0], span(refused) // 2), ranges
    assert span(ranges[-1]) <= WIDEST
    check(world)


def span(blocks: tuple[int, int]) -> int:
    """Return how many blocks there are from the first to the last of a range."""
    return blocks[1] - blocks[0] + 1


def test_consumer__several_addresses__goes_on_with_the_next(world, home):
    second = world.proxy()
    home.configure(RPC_URLS=f"{home.proxy.url}, {second.url}")
    home.start()
    home.wait_for(WAITING)
    with home.proxy.refusing():
        request_id = world.chain.request(world.market)
        home.wait_for_bid(request_id)
    with second.refusing():
        world.chain.settle(world.market, request_id)
        home.wait_for_results(request_id)
    check(world)
    second.close()


@pytest.mark.parametrize("later", [False, True])
def test_consumer__one_address_on_another_chain__is_refused_by_name(world, home, later):
    second = world.proxy()
    second.add(rules.other_chain(CHAIN_ID + 1))
    home.configure(RPC_URLS=f"{home.proxy.url} {second.url}")
    with second.refusing() if later else home.proxy.following():
        home.start()
        home.wait_for(WAITING) if later else home.process.wait()
    if later:
        with home.proxy.refusing():
            home.wait_for(f"on chain {CHAIN_ID + 1}")
        world.play_round(home)
        check(world)
    assert second.url in home.told
    assert f"chain {CHAIN_ID + 1}" in home.told
    second.close()
