"""Try mutants of the contract with the contract's tests: `./run_mutation.sh contract`."""

import argparse
import random
import sys
from time import monotonic

from market.errors import MarketError
from tools.mutation.mutants import mutants
from tools.mutation.results import FOLDER, Results, summary
from tools.mutation.team import Team
from tools.mutation.trial import SURVIVED
from tools.mutation.workshop import Workshop


def main(arguments: list[str]) -> None:
    """Try what the arguments ask for, and say what became of it."""
    given = _parse(arguments)
    try:
        _run(given.count, given.seconds, given.workers, given.again)
    except MarketError as error:
        sys.exit(str(error))


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./run_mutation.sh contract", description=__doc__)
    parser.add_argument("count", type=int, nargs="?", help="so many at random, always the same")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin none after that")
    parser.add_argument("--workers", type=int, default=1, help="mutants at a time")
    parser.add_argument("--again", action="store_true", help="try those that survived once more")
    return parser.parse_args(arguments)


def _run(count: int | None, seconds: float, workers: int, again: bool) -> None:
    ends_s = monotonic() + seconds
    first = Workshop.made(FOLDER / "contract" / "1")
    results = Results.of_contract(first.folder)
    chosen = mutants(first.folder)
    # At random, but always the same, so that whatever was tried when time is over is a fair sample.
    random.Random(1).shuffle(chosen)
    chosen = chosen[:count]
    known = results.read()
    unknown = [m for m in chosen if m not in known or (again and known[m].fate == SURVIVED)]
    if unknown and seconds > 0:
        fates = [fate for mutant, fate in known.items() if mutant not in unknown]
        with Team(first, workers, fates) as team:
            team.try_all(unknown, results, ends_s)
    print(summary(chosen, results.read()))


if __name__ == "__main__":
    main(sys.argv[1:])
