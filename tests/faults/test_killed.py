"""Killed at any call to the node, before it is passed on or after, and started again.

A round has phases; in each the process is killed at its first call of each method, at its second,
and so on, as many as it makes. What comes between two calls is covered too: whatever is done
there, such as writing a file, is done or not done when the next call arrives.
"""

from collections.abc import Callable, Sequence
from functools import reduce
from operator import and_
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.faults.cases import play_all
from tests.faults.check import check
from tests.faults.conftest import HEAT_PUMP, OVEN
from tests.faults.people import Household, Person
from tests.faults.rules import Killing
from tests.faults.waiting import wait_until
from tests.faults.world import World

# Each wait has a limit of its own; how many rounds there are to play decides how long a test takes.
pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]

NEIGHBOUR = 2
LOOK = "eth_getBlockByNumber"
# Whether a block comes before a look or after it decides whether there is one more call.
TRIES = 5


class Case(NamedTuple):
    """A process is killed at a call of a method in a phase, before it is carried out or `after`."""

    phase: str
    method: str = ""
    at: int = 0
    after: bool = False
    forgets: bool = False


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
    """Play a round whose utility is killed, and that it finishes when started again."""
    utility = world.utility()
    killing = Killing(utility.process_id, case.at, method=case.method, after=case.after)
    if case.phase == "requests":
        utility.proxy.add(killing)
    request(utility)
    is_open = lasting(utility, killing, case, lambda: "is open" in utility.told)
    if not survives(utility, case, is_open):
        ask_again(world, utility)
    wait_until(world.market.request_count, lambda: utility.told)
    utility.proxy.remove(killing)
    requests = world.market.request_count()
    assert requests == 1, f"{requests} requests; told was:\n{utility.told}"
    world.chain.bid(world.market, 1, NEIGHBOUR)
    if case.phase == "finishes":
        utility.proxy.add(killing)
    world.chain.close_gate(world.market, 1)

    def ended() -> bool:
        return not (world.market.unfinished() or utility.lives())

    see_through(utility, case, ended, lambda: finish(utility))
    check(world)
    return killing


def knows_of_its_bids(home: Household, request_id: int) -> bool:
    """Return whether there are bids, and the consumer has nothing left to ask about them."""
    knows = "Bid (heat pump)" in home.told or "are on chain already" in home.told
    return knows and home.has_bid(request_id)


def has_final_results(home: Household, request_id: int) -> bool:
    return home.has_results(request_id) and home.results().final


def lasting(
    person: Person, killing: Killing, case: Case, done: Callable[[], bool]
) -> Callable[[], bool]:
    """Have a phase end when it is done and its process killed, or past the call of the case.

    How many looks a process needs depends on when blocks come. One that was done with fewer looks
    than others goes on until it has looked as often again, and is killed at one of these.
    """
    looks_before: int | None = None

    def lasted() -> bool:
        nonlocal looks_before
        if not done():
            return False
        if killing.victim or not person.proxy.follows(killing):
            return True
        if looks_before is None:
            looks_before = killing.seen[LOOK]
        return killing.seen[LOOK] - looks_before >= case.at

    return lasted


def see_through(
    person: Person, case: Case, done: Callable[[], bool], restart: Callable[[], object]
) -> None:
    """Return once it is done, by a process that is started again where it was killed."""
    if not survives(person, case, done):
        restart()
        wait_until(done, lambda: f"{case}, after the restart\n{person.told}")


def survives(person: Person, case: Case, done: Callable[[], bool]) -> bool:
    """Return whether it was done by the same process, with the memory as the case wants it."""
    wait_until(lambda: done() or not person.lives(), lambda: f"{case}\n{person.told}")
    if case.forgets and not person.lives():
        person.forget()
    return person.lives() or done()


def request(utility: Person) -> None:
    utility.run("utility", "request", "2.5", "0.004", "600")


def finish(utility: Person) -> None:
    utility.run("utility", "finish")


def ask_again(world: World, utility: Person) -> None:
    """Request once more, unless the request was on its way when the utility was killed."""
    wait_until(world.chain.is_pool_empty)
    if not world.market.request_count():
        request(utility)


def play_phase(
    worlds: Sequence[World],
    folder: Path,
    play: Callable[[World, Case], Killing],
    phase: str,
    *,
    forgets: bool = False,
) -> None:
    """Count the calls of a phase, then kill the process at each of them."""
    # How often a process asks while nothing happens is never quite the same.
    unharmed = play_all(worlds, folder, [Case(phase)] * len(worlds), play)
    fewest = reduce(and_, (killing.seen for killing in unharmed))
    points = [(method, at) for method in fewest for at in range(1, fewest[method] + 1)]
    cases = [
        Case(phase, *point, after, forgets)
        for point in points
        for after in ([True] if forgets else [False, True])
    ]
    killed = {*cases}.difference(survived(worlds, folder, cases, play))
    assert {case.method for case in killed if case.at == 1} == {*fewest}
    assert len(killed) >= 0.8 * len(cases), {*cases}.difference(killed)


def survived(
    worlds: Sequence[World],
    folder: Path,
    cases: Sequence[Case],
    play: Callable[[World, Case], Killing],
) -> Sequence[Case]:
    """Play all cases, and return those whose call has come in no round of several."""
    for _ in range(TRIES):
        played = zip(cases, play_all(worlds, folder, cases, play), strict=True)
        cases = [case for case, killing in played if not killing.victim]
    return cases


@pytest.mark.parametrize("phase", ["starts", "is asked", "is told"])
def test_consumer__killed_at_any_call__round_is_not_lost(worlds, tmp_path, phase):
    play_phase(worlds, tmp_path, consumers_round, phase)


@pytest.mark.parametrize("phase", ["starts", "is asked", "is told"])
def test_consumer__killed_and_its_memory_deleted__round_is_not_lost(worlds, tmp_path, phase):
    play_phase(worlds, tmp_path, consumers_round, phase, forgets=True)


@pytest.mark.parametrize("phase", ["requests", "finishes"])
def test_utility__killed_at_any_call__round_is_finished(worlds, tmp_path, phase):
    play_phase(worlds, tmp_path, utilitys_round, phase)
