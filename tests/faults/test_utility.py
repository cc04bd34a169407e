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


REQUEST = ("utility", "request", "5", "0.004", "600")


@pytest.mark.parametrize("stopped", ["killed", "interrupted"])
@pytest.mark.parametrize("ended", [False, True])
def test_utility__stopped_in_a_round_and_started_again__requests_nothing_new(
    world, neighbour, utility, stopped, ended
):
    utility.process.kill() if stopped == "killed" else utility.process.stop()
    if ended:
        world.chain.settle(world.market, 1)
    utility.run(*REQUEST)
    utility.wait_for("going on with it, nothing new is requested")
    if not ended:
        world.chain.close_gate(world.market, 1)
    assert utility.process.wait() == 0, utility.told
    neighbour.wait_for_results(1)
    assert world.market.request_count() == 1
    check(world)


def test_utility__round_was_seen_through_by_finish__requests_anew(world, neighbour, utility):
    utility.process.kill()
    world.chain.close_gate(world.market, 1)
    assert utility.run("utility", "finish").wait() == 0, utility.told
    utility.run(*REQUEST)
    utility.wait_for("Request 2 is open")
    neighbour.wait_for_bid(2)
    world.chain.close_gate(world.market, 2)
    assert utility.process.wait() == 0, utility.told
    neighbour.wait_for_results(2)
    check(world)


def test_utility__two_at_work_at_a_time__each_sees_its_own_request_through(
    world, neighbour, utility
):
    first, second = utility.process, utility.run(*REQUEST)
    utility.wait_for("Request 2 is open")
    neighbour.wait_for_bid(2)
    world.chain.close_gate(world.market, 2)
    assert (first.wait(), second.wait()) == (0, 0), utility.told
    assert world.market.request_count() == 2
    for request_id in (1, 2):
        neighbour.wait_for(f"Request {request_id} ended")
    # Both pay at the same time, and results.json tells of the one that was done last.
    last = max((1, 2), key=lambda request_id: neighbour.told.rindex(f"Request {request_id} ended"))
    neighbour.wait_for_results(last)
    check(world, last=last)


def test_utility__node_away_at_the_start__waits_and_says_so_once(world, neighbour):
    utility = world.utility()
    with utility.proxy.refusing():
        utility.run(*REQUEST)
        utility.wait_for("does not answer")
    utility.wait_for("Request 1 is open")
    assert utility.process.out.count("does not answer") == 1, utility.told
    neighbour.wait_for_bid(1)
    world.chain.close_gate(world.market, 1)
    assert utility.process.wait() == 0, utility.told
    neighbour.wait_for_results(1)
    assert world.market.request_count() == 1
    check(world)


def test_utility__node_away_at_the_start__can_be_interrupted(world):
    utility = world.utility()
    with utility.proxy.refusing():
        utility.run(*REQUEST)
        utility.wait_for("does not answer")
        utility.process.stop()
    assert utility.process.status == 130
    assert world.market.request_count() == 0
    check(world)


def test_utility__node_of_another_chain__ends_by_name(world):
    utility = world.utility()
    utility.configure(REMOTE_NETWORK="sepolia")
    assert utility.run(*REQUEST).wait() == 1
    assert "is on chain 7357, and the network is chain 11155111" in utility.told
    assert world.market.request_count() == 0
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
    check(world)
