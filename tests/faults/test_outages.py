"""The node is down, slow, overloaded, behind or out of its mind for a while, in every phase."""

import threading
from contextlib import contextmanager
from random import Random
from time import sleep

import pytest

from tests.faults import rules
from tests.faults.cases import play_all
from tests.faults.check import check
from tests.faults.conftest import HEAT_PUMP, OVEN
from tests.faults.lagging import Lagging
from tests.faults.outages import OUTAGES, PORT_CLOSED, outage_rule
from tests.faults.people import WAITING, Household
from tests.faults.proxy import Proxy
from tests.faults.waiting import wait_until
from tests.faults.world import CHAIN_ID, World

pytestmark = pytest.mark.long

OUTAGE_S = 1.5


@contextmanager
def outage(proxy: Proxy, kind: str):
    """Have a node fail for a while."""
    ended = threading.Event()
    rule = outage_rule(kind, ended)
    with proxy.refusing() if kind == PORT_CLOSED else proxy.following(rule):
        yield
        sleep(OUTAGE_S)
        ended.set()


def bids_in_spite_of(world: World, home: Household, kind: str) -> int:
    """Open a request while the node is away, and return its id once there are bids."""
    with outage(home.proxy, kind):
        request_id = world.chain.request(world.market)
    home.wait_for_bid(request_id)
    return request_id


def results_in_spite_of(world: World, home: Household, kind: str, request_id: int) -> None:
    with outage(home.proxy, kind):
        world.chain.settle(world.market, request_id)
    home.wait_for_results(request_id)


def consumers_round(world: World, kind: str) -> None:
    """Have the node fail while the consumer waits, while it sends, and while it is to be told."""
    home = world.household("alice", 1, HEAT_PUMP, OVEN)
    home.start()
    home.wait_for(WAITING)
    results_in_spite_of(world, home, kind, bids_in_spite_of(world, home, kind))
    bids_while_sending(world, home, kind)
    check(world)
    assert home.lives(), home.told
    assert_says_it_seldom(home)


def bids_while_sending(world: World, home: Household, kind: str) -> None:
    """Have the node fail from the very moment at which the bids are handed over."""
    sending = threading.Event()

    def begin(call, forward):
        sending.set()
        return failing(call, forward) if not ended.is_set() else forward()

    ended = threading.Event()
    failing = outage_rule(kind, ended)
    latch = rules.only(begin, rules.SEND)
    with home.proxy.following(latch):
        request_id = world.chain.request(world.market)
        wait_until(sending.is_set, lambda: home.told)
        with outage(home.proxy, kind):
            pass
        ended.set()
        home.wait_for_bid(request_id)
    world.chain.settle(world.market, request_id)
    home.wait_for_results(request_id)


def assert_says_it_seldom(home: Household) -> None:
    """Fail if an outage was told with every call that failed."""
    lines = [line.split(maxsplit=1)[-1] for line in home.told.splitlines()]
    complaints = [line for line in lines if "http://127.0.0.1" in line]
    assert len(complaints) <= 6, home.told


def test_consumer__node_away_in_every_phase__loses_nothing(worlds, tmp_path):
    play_all(worlds, tmp_path, OUTAGES, consumers_round)


def utilitys_round(world: World, kind: str) -> None:
    """Have the node fail while the gate is open, and while the winners are paid."""
    home = world.household("alice", 1, HEAT_PUMP, OVEN)
    home.start()
    utility = world.utility()
    utility.run("utility", "request", "2.5", "0.004", "600")
    utility.wait_for("is open")
    with outage(utility.proxy, kind):
        home.wait_for_bid(1)
    with outage(utility.proxy, kind):
        world.chain.close_gate(world.market, 1)
    wait_until(lambda: not world.market.unfinished(), lambda: utility.told)
    home.wait_for_results(1)
    assert utility.process.wait() == 0, utility.told
    check(world)


def test_utility__node_away_in_every_phase__finishes_the_round(worlds, tmp_path):
    play_all(worlds, tmp_path, OUTAGES, utilitys_round)


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


def test_consumer__node_some_blocks_behind__bids_and_is_told(world, home):
    home.proxy.add(Lagging(world.chain.head, 3))
    home.start()
    home.wait_for(WAITING)
    request_id = world.chain.request(world.market)
    home.wait_for_bid(request_id)
    world.chain.settle(world.market, request_id)
    home.wait_for_results(request_id)
    check(world)


def test_consumer__some_answers_are_behind__bids_once(world, home):
    lagging, chance = Lagging(world.chain.head, 2), Random(1)
    home.proxy.add(
        lambda call, forward: lagging(call, forward) if chance.random() < 0.3 else forward()
    )
    home.start()
    home.wait_for(WAITING)
    for _ in range(3):
        request_id = world.chain.request(world.market)
        home.wait_for_bid(request_id)
        world.chain.settle(world.market, request_id)
        home.wait_for_results(request_id)
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
    home.proxy.add(rules.narrow_logs(300, "query returned more than 10000 results"))
    home.start()
    home.wait_for_results(request_id)
    spans = [call.params[0] for call in home.proxy.calls if call.method == "eth_getLogs"]
    assert spans
    check(world)


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
        request_id = world.chain.request(world.market)
        home.wait_for_bid(request_id)
    assert second.url in home.told
    assert f"chain {CHAIN_ID + 1}" in home.told
    second.close()
