"""Killed at any call to the node, before it is passed on or after, and started again.

A round has phases; in each the process is killed at its first call of each method, at its second,
and so on, as many as it makes. What it writes between two calls is all written or not at all here;
`tests/roles/test_killed_writing.py` kills it between two writes.
"""

from threading import Event

import pytest

from tests.faults.cases import play_all
from tests.faults.check import check
from tests.faults.conftest import HEAT_PUMP, OVEN, on_every_node
from tests.faults.hardhat_chain import hardhat
from tests.faults.kills import LOOK, Case, lasting, play_phase, see_through
from tests.faults.people import Household, Person
from tests.faults.proxy import Answer, Call, Forward
from tests.faults.rules import SEND, Killing
from tests.faults.waiting import wait_until
from tests.faults.world import World

# Each wait has a limit of its own; how many rounds there are to play decides how long a test takes.
pytestmark = pytest.mark.timeout(1800)

NEIGHBOUR = 2
CONSUMERS_PHASES = ("starts", "is asked", "is told")
UTILITYS_PHASES = ("requests", "finishes")
# One of each kind: when something is sent, and while there is nothing to do but to wait.
SELECTION = [
    *(
        Case(phase, SEND, 1, after)
        for phase in ("is asked", *UTILITYS_PHASES)
        for after in (False, True)
    ),
    Case("is told", LOOK, 2),
]


def consumers_round(world: World, case: Case) -> Killing:
    """Play a round whose consumer is killed in one phase."""
    home = world.household("alice", 1, HEAT_PUMP, OVEN)
    killing = Killing(home.process_id, case.at, method=case.method, after=case.after)
    if case.phase == "starts":
        request_id = world.chain.request(world.market)
        home.proxy.add(killing)
        home.start()
    else:
        home.start()
        home.wait_for_first_look()
        if case.phase == "is asked":
            home.proxy.add(killing)
        request_id = world.chain.request(world.market)
    knows = lasting(home, killing, case, lambda: knows_of_its_bids(home, request_id))
    see_through(home, case, knows, home.start)
    home.proxy.remove(killing)
    if case.phase == "is told":
        home.wait_for("Bid (heat pump)")
        home.proxy.add(killing)
    world.chain.settle(world.market, request_id)
    final = lasting(home, killing, case, lambda: has_final_results(home, request_id))
    see_through(home, case, final, home.start)
    check(world)
    return killing


def utilitys_round(world: World, case: Case) -> Killing:
    """Play a round whose utility is killed, and that it finishes when started again.

    Where it is killed when it requests, the very same command is given again at once, whatever has
    become of the transaction by then: there is one request in the end.
    """
    utility = world.utility()
    killing = Killing(utility.process_id, case.at, method=case.method, after=case.after)
    if case.phase == "requests":
        utility.proxy.add(killing)
    request(utility)
    is_open = lasting(utility, killing, case, lambda: says_it_is_open(utility))

    def is_under_way() -> bool:
        # One that was killed after it had said so is started again like any other.
        return is_open() and not (killing.victim and len(utility.runs) == 1)

    see_through(utility, case, is_under_way, lambda: request(utility))
    utility.proxy.remove(killing)
    require_one_request(world, utility)
    world.chain.bid(world.market, 1, NEIGHBOUR)
    if case.phase == "finishes":
        utility.proxy.add(killing)
    world.chain.close_gate(world.market, 1)

    def ended() -> bool:
        return not (world.market.unfinished() or utility.lives())

    see_through(utility, case, ended, lambda: finish(utility))
    require_one_request(world, utility)
    check(world)
    return killing


def knows_of_its_bids(home: Household, request_id: int) -> bool:
    """Return whether there are bids, and the consumer has nothing left to ask about them."""
    knows = "Bid (heat pump)" in home.told or "are on chain already" in home.told
    return knows and home.has_bid(request_id)


def has_final_results(home: Household, request_id: int) -> bool:
    return home.has_results(request_id) and home.results().final


def request(utility: Person) -> None:
    utility.run("utility", "request", "2.5", "0.004", "600")


def finish(utility: Person) -> None:
    utility.run("utility", "finish")


def landing_round(world: World, at: int) -> int:
    """Have a request of which nobody knows any more land at a call of the next run that asks.

    At call 0 is when that run waits for it. Return how many calls it has made until then.
    """
    utility, reached, landed = world.utility(), Event(), Event()
    with world.chain.still():
        request(utility)
        world.chain.wait_for_pool()
        utility.process.kill()
        utility.forget()
        before = utility.proxy.count()

        def hold(call: Call, forward: Forward) -> Answer:
            if call.number == before + at:
                reached.set()
                landed.wait(60)
            return forward()

        utility.proxy.add(hold)
        request(utility)
        if at:
            wait_until(reached.is_set, lambda: utility.told)
        else:
            utility.wait_for("Another program's transaction")
        calls = utility.proxy.count() - before
        world.chain.mine()
        landed.set()
    wait_until(lambda: says_it_is_open(utility), lambda: utility.told)
    require_one_request(world, utility)
    world.chain.close_gate(world.market, 1)
    assert utility.process.wait() == 0, utility.told
    require_one_request(world, utility)
    check(world)
    return calls


def says_it_is_open(utility: Person) -> bool:
    """Return whether the newest run goes on with a request, its own or that of the run before."""
    told = utility.process.out
    return "is open" in told or "nothing new is requested" in told


def require_one_request(world: World, utility: Person) -> None:
    requests = world.market.request_count()
    assert requests == 1, f"{requests} requests; told was:\n{utility.told}"


@pytest.mark.long
@on_every_node("worlds")
@pytest.mark.parametrize("phase", CONSUMERS_PHASES)
def test_consumer__killed_at_any_call__round_is_not_lost(worlds, tmp_path, phase):
    play_phase(worlds, tmp_path, consumers_round, phase)


@pytest.mark.long
@on_every_node("worlds")
@pytest.mark.parametrize("phase", CONSUMERS_PHASES)
def test_consumer__killed_and_its_memory_deleted__round_is_not_lost(worlds, tmp_path, phase):
    play_phase(worlds, tmp_path, consumers_round, phase, forgets=True)


@pytest.mark.long
@on_every_node("worlds")
@pytest.mark.parametrize("phase", UTILITYS_PHASES)
def test_utility__killed_at_any_call__round_is_finished(worlds, tmp_path, phase):
    play_phase(worlds, tmp_path, utilitys_round, phase)


@pytest.mark.long
@on_every_node("worlds")
@pytest.mark.parametrize("phase", UTILITYS_PHASES)
def test_utility__killed_and_its_memory_deleted__round_is_finished(worlds, tmp_path, phase):
    play_phase(worlds, tmp_path, utilitys_round, phase, forgets=True)


@pytest.mark.long
@on_every_node("worlds")
def test_utility__unknown_request_lands_at_any_call__is_not_made_again(worlds, tmp_path):
    (calls,) = play_all(worlds, tmp_path, [0], landing_round)
    play_all(worlds, tmp_path, range(1, calls + 1), landing_round)


@pytest.mark.slow
@pytest.mark.parametrize("worlds", [hardhat], ids=["hardhat"], indirect=True)
def test_round__killed_when_something_is_sent_and_in_between__is_not_lost(worlds, tmp_path):
    def play(world: World, case: Case) -> Killing:
        whose = consumers_round if case.phase in CONSUMERS_PHASES else utilitys_round
        return whose(world, case)

    assert all(killing.victim for killing in play_all(worlds, tmp_path, SELECTION, play))
