"""Whoever finishes a round, it is finished once; and a utility that was killed is reminded."""

import sys

import pytest

from tests.faults.check import check
from tests.faults.conftest import HEAT_PUMP
from tests.faults.people import WAITING
from tests.faults.waiting import wait_until
from tests.scripts.processes import Script, environment

pytestmark = pytest.mark.slow

SOMEBODY = 4


@pytest.fixture
def neighbour(world):
    """A consumer that waits."""
    neighbour = world.household("alice", 1, HEAT_PUMP)
    neighbour.start()
    neighbour.wait_for(WAITING)
    return neighbour


@pytest.fixture
def utility(world, neighbour):
    """A utility whose request is open and has a bid."""
    utility = world.utility()
    utility.run("utility", "request", "5", "0.004", "600")
    utility.wait_for("Request 1 is open")
    neighbour.wait_for_bid(1)
    return utility


@pytest.mark.parametrize("paid", [False, True])
def test_utility__somebody_else_finishes_the_round__ends_well(world, neighbour, utility, paid):
    with world.chain.still():
        world.chain.close_gate(world.market, 1)
        world.chain.do(world.market, SOMEBODY, "select_winners", 1)
        if paid:
            world.chain.do(world.market, SOMEBODY, "pay_winners", 1, 100)
    assert utility.process.wait() == 0, utility.told
    neighbour.wait_for_results(1)
    check(world)


@pytest.mark.parametrize("selected", [False, True])
def test_utility__killed_and_started_at_a_terminal__offers_to_finish(
    world, neighbour, utility, selected, tmp_path
):
    utility.process.kill()
    world.chain.close_gate(world.market, 1)
    if selected:
        world.chain.do(world.market, SOMEBODY, "select_winners", 1)
    folder = tmp_path / "terminal"
    folder.mkdir()
    variables = environment(utility.folder, utility.name, ENV_FILE=utility.folder / ".env")
    command = [sys.executable, "-m", "market", "utility", "remote"]
    script = Script(command, variables, folder, terminal=True)
    script.wait_for("go on with it now?").type("y").wait_for("All winners are paid")
    script.stop()
    neighbour.wait_for_results(1)
    check(world)


def test_consumer__away_while_three_rounds_ended__reports_each(world, neighbour):
    requests = [world.chain.request(world.market) for _ in range(3)]
    for request_id in requests:
        neighbour.wait_for_bid(request_id)
    neighbour.process.kill()
    for request_id in requests:
        world.chain.settle(world.market, request_id)
    neighbour.start()
    neighbour.wait_for(f"Request {requests[-1]} ended")
    for request_id in requests:
        assert neighbour.process.out.count(f"Request {request_id} ended") == 1, neighbour.told
    neighbour.process.stop()
    check(world)


def test_consumer__restarted_after_all_is_final__reports_nothing_again(world, neighbour):
    request_id = world.chain.request(world.market)
    neighbour.wait_for_bid(request_id)
    world.chain.settle(world.market, request_id)
    neighbour.wait_for_results(request_id)
    wait_until(lambda: neighbour.results().final, lambda: neighbour.told)
    neighbour.process.kill()
    neighbour.start()
    neighbour.wait_for(WAITING)
    following = world.chain.request(world.market)
    neighbour.wait_for_bid(following)
    world.chain.settle(world.market, following)
    neighbour.wait_for_results(following)
    assert f"Request {request_id} ended" not in neighbour.process.out
    neighbour.process.stop()
