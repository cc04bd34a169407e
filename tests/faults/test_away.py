"""The node fails in every way in every phase of a round, and nothing is lost."""

import threading

import pytest

from tests.faults import rules
from tests.faults.cases import play_all
from tests.faults.check import check
from tests.faults.conftest import HEAT_PUMP, OVEN, on_every_node
from tests.faults.outages import OUTAGES, assert_says_it_seldom, outage, outage_rule
from tests.faults.people import WAITING, Household
from tests.faults.waiting import wait_until
from tests.faults.world import World

pytestmark = [pytest.mark.long, on_every_node("worlds")]


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
