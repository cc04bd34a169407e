"""Killing a process at every call of a phase: at which, what follows, and when it is over."""

from collections.abc import Callable, Sequence
from functools import reduce
from operator import and_
from pathlib import Path
from signal import SIGKILL
from typing import NamedTuple

from tests.faults.cases import play_all
from tests.faults.people import Person
from tests.faults.rules import Killing
from tests.faults.waiting import wait_until
from tests.faults.world import World

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
    """Return once it is done, by a process that is started again where it was killed.

    The test fails if the process has ended by itself instead.
    """
    if not _survives(person, case, done):
        restart()
        wait_until(done, lambda: f"{case}, after the restart\n{person.told}")


def _survives(person: Person, case: Case, done: Callable[[], bool]) -> bool:
    """Return whether it was done by the same process, with the memory as the case wants it."""
    wait_until(lambda: done() or not person.lives(), lambda: f"{case}\n{person.told}")
    if person.lives():
        return True
    is_done, status = done(), person.process.status
    ends_well = (-SIGKILL, 0) if is_done else (-SIGKILL,)
    assert status in ends_well, f"{case}: ended by itself, status {status}\n{person.told}"
    if case.forgets:
        person.forget()
    return is_done


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
