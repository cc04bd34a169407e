"""A consumer far behind, or with a node that is: it waits, shows that it lives, and goes on."""

import pytest

from market.status import load_status, status_path
from tests.faults import rules
from tests.faults.check import check
from tests.faults.lagging import Lagging
from tests.faults.people import WAITING
from tests.faults.proxy import result
from tests.faults.waiting import wait_until

pytestmark = pytest.mark.long

LOGS = "eth_getLogs"
IMPOSSIBLE = "a block that cannot be"


def settle(world, home, request_id):
    world.chain.settle(world.market, request_id)
    home.wait_for_results(request_id)
    check(world)


def status(home):
    return load_status(status_path(home.database))


def state(home):
    return status(home).state


def left_with_a_long_way_to_go(world, home):
    """Have the consumer end with its bids placed, and a hundred questions pass until it is told."""
    home.start()
    home.wait_for(WAITING)
    request_id = world.chain.request(world.market)
    home.wait_for("Bid (heat pump)")
    home.process.kill()
    world.chain.close_gate(world.market, request_id)
    world.chain.mine(1000)
    world.chain.settle(world.market, request_id)
    home.proxy.add(rules.narrow_logs(8))
    return request_id


def test_consumer__long_search_in_the_events__shows_how_far_it_is(world, home):
    request_id = left_with_a_long_way_to_go(world, home)
    home.proxy.add(rules.only(rules.slow(0.15), LOGS))
    home.start()
    wait_until(lambda: state(home).startswith("catching up: block "), lambda: home.told)
    home.wait_for_results(request_id)
    check(world)
    wait_until(lambda: state(home) == "waiting for requests", lambda: home.told)


def test_consumer__every_answer_takes_long__shows_signs_of_life(world, home):
    for _ in range(8):
        world.chain.settle(world.market, world.chain.request(world.market))
    home.proxy.add(rules.slow(1.2))
    home.start()
    # At its first line it has a status.
    home.wait_for("Consumer ")
    began = status(home).updated
    wait_until(lambda: status(home).updated > began, lambda: home.told)
    assert status(home).last_block is None
    home.proxy.clear()
    wait_until(lambda: state(home) == "waiting for requests", lambda: home.told)


def test_consumer__node_fails_in_a_long_search__goes_on_where_it_was(world, home):
    request_id = left_with_a_long_way_to_go(world, home)
    times = 0

    def fails_in_between(call, forward):
        nonlocal times
        times += 1
        return rules.reset(call, forward) if times == 80 else forward()

    home.proxy.add(rules.only(fails_in_between, LOGS))
    home.start()
    home.wait_for_results(request_id)
    check(world)
    asked = [call.params[0] for call in home.proxy.calls if call.method == LOGS]
    starts = [int(wanted["fromBlock"], 16) for wanted in asked]
    assert starts == sorted(starts)


def test_consumer__node_has_no_contract_yet_and_is_syncing__waits(world, home):
    def syncing(call, forward):
        return result(call, {"currentBlock": "0x1", "highestBlock": "0xff"})

    home.proxy.add(Lagging(lambda: 0, 0))
    home.proxy.add(rules.only(syncing, "eth_syncing"))
    request_id = world.chain.request(world.market)
    home.start()
    home.wait_for("is still catching up with its network")
    assert home.lives()
    home.proxy.clear()
    home.wait_for_bid(request_id)
    settle(world, home, request_id)


def test_consumer__node_tells_a_time_that_cannot_be__waits_until_it_is_sane(world, home):
    def mad(call, forward):
        answer = forward()
        block = answer.content().get("result")
        return result(call, {**block, "timestamp": hex(2**60)}) if block else answer

    home.start()
    home.wait_for(WAITING)
    with home.proxy.following(rules.only(mad, "eth_getBlockByNumber")):
        request_id = world.chain.request(world.market)
        home.wait_for(IMPOSSIBLE)
    home.wait_for_bid(request_id)
    settle(world, home, request_id)
    assert home.told.count(IMPOSSIBLE) == 1
