"""Play rounds under random faults: several consumers and a utility, each a process of its own.

What goes wrong is drawn from the seed, round by round, and is the same for the same seed. After
each round it is checked that everybody has bid exactly once, that every wei is accounted for, and
that the results are right. The exit status is 1 when something was not, 130 after Ctrl-C.
"""

import argparse
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import randrange
from time import monotonic

from market.bids import Offer
from market.errors import MarketError
from soak.director import Director
from soak.plan import Kind, faults_of
from tests.faults.nursery import Nursery
from tests.faults.world import World, new_world

_TELL_EVERY_S = 10
_HOUSEHOLDS = {
    "alice": (1, Offer(2000, 2 * 10**12, "heat pump"), Offer(1000, 3 * 10**12, "oven")),
    "bob": (2, Offer(1500, 26 * 10**11, "car charger")),
    # A second device of Bob's, with the same account.
    "bobs-other": (2, Offer(1500, 26 * 10**11, "car charger")),
    "carol": (3, Offer(2500, 3 * 10**12, "pool pump")),
}


@dataclass(slots=True)
class Tally:
    """What has happened so far."""

    rounds: int = 0
    faults: Counter[Kind] = field(default_factory=Counter)


def main(arguments: list[str]) -> int:
    """Play until the time is over, and return the exit status."""
    given = _parse(arguments)
    seed = randrange(10**6) if given.seed is None else given.seed
    print(f"Soak of {given.seconds:g} s with seed {seed}", flush=True)
    nursery, tally = Nursery(), Tally()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        try:
            with new_world(Path(folder), nursery) as world:
                return _play(world, tally, given.seconds, seed, given.first)
        finally:
            nursery.close()


def _play(world: World, tally: Tally, seconds: float, seed: int, first: int) -> int:
    director = _set_up(world)
    started_s = told_s = monotonic()
    status = 130
    try:
        while monotonic() - started_s < seconds:
            number = first + tally.rounds
            faults = faults_of(seed, number, director.people)
            try:
                director.play(faults)
            except (AssertionError, MarketError) as problem:
                print(f"Round {number} of seed {seed}: {problem}", "It had:", sep="\n")
                print(*(f"  {fault}" for fault in faults), sep="\n")
                status = 1
                return status
            tally.rounds += 1
            tally.faults.update(fault.kind for fault in faults)
            if monotonic() - told_s > _TELL_EVERY_S:
                told_s = monotonic()
                print(f"  {tally.rounds} rounds, {tally.faults.total()} faults", flush=True)
        status = 0
        return status
    finally:
        _summarise(tally, director, monotonic() - started_s, status)


def _set_up(world: World) -> Director:
    """Return a director of people whose consumers run."""
    for name, (account, *offers) in _HOUSEHOLDS.items():
        world.household(name, account, *offers).start()
    return Director(world, world.utility())


def _summarise(tally: Tally, director: Director, seconds: float, status: int) -> None:
    faults = ", ".join(f"{count} × {kind.value}" for kind, count in tally.faults.most_common())
    outcome = {0: "all as it must be", 1: "FAILED", 130: "stopped"}[status]
    print(
        f"{tally.rounds} rounds in {seconds:.0f} s: {outcome}. {faults or 'No faults'}; "
        f"{director.kills} processes were killed, {director.restarts} started again",
        flush=True,
    )


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="run_soak.sh", description=__doc__)
    parser.add_argument("seconds", type=float, help="how long new rounds are begun")
    parser.add_argument("--seed", type=int, help="what decides the faults; otherwise it is drawn")
    parser.add_argument("--first", type=int, default=1, help="the number of the first round")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
