"""Attack the contract with tools of others.

`fuzz` calls it at random, by Foundry, and holds every answer and every wei against the
specification. `symbolic` proves the maths for all inputs within bounds, by halmos. The exit status
is 1 when something was found or not proved, 130 after Ctrl-C.
"""

import argparse
import sys
from random import randrange
from time import monotonic

from attack.forge import fuzz
from attack.symbolic import prove
from attack.tally import Tally
from market.errors import MarketError

_CALLS = 2_000_000


def main(arguments: list[str]) -> int:
    """Do what the arguments ask for, and return the exit status."""
    given = _parse(arguments)
    try:
        if given.command == "symbolic":
            return _prove(given.contracts)
        seed = randrange(2**32) if given.seed is None else given.seed
        return _fuzz(given.profile, given.calls, seed)
    except MarketError as error:
        print(error, file=sys.stderr)
        return 1


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m attack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    fuzzing = commands.add_parser("fuzz")
    fuzzing.add_argument("calls", type=int, nargs="?", default=_CALLS, help="of handlers, at least")
    fuzzing.add_argument("--seed", type=int, help="that of a run to repeat")
    fuzzing.add_argument(
        "--profile", default="long", help="of foundry.toml: how long a sequence is"
    )
    proving = commands.add_parser("symbolic")
    proving.add_argument("contracts", nargs="?", default="Proof$", help="names, as a pattern")
    return parser.parse_args(arguments)


def _fuzz(profile: str, calls: int, seed: int) -> int:
    """Run campaigns, each with the next seed, until there are enough calls or one fails."""
    tally, made, started_s = Tally(), 0, monotonic()
    while made < calls:
        campaign = fuzz(profile, seed, tally)
        if campaign.failure:
            print(f"{tally.table()}\n\nFound: {campaign.failure}")
            print(f"Again: ./run_fuzz.sh 1 --profile {profile} --seed {seed}")
            return 1
        made += campaign.calls
        passed_s = round(monotonic() - started_s)
        print(f"{made} handlers called, {tally.made} calls of the market, {passed_s} s", flush=True)
        seed += 1
    return _report(tally)


def _report(tally: Tally) -> int:
    print(f"\n{tally.table()}")
    for complaint in tally.complaints():
        print(f"Of little use: {complaint}")
    return 1 if tally.complaints() else 0


def _prove(contracts: str) -> int:
    proofs = prove(contracts)
    for proof in proofs:
        print(f"{proof.verdict}: {proof.name} ({proof.paths} paths, {proof.seconds:.0f} s)")
    print(f"{sum(proof.holds for proof in proofs)} of {len(proofs)} proved")
    return 0 if proofs and all(proof.holds for proof in proofs) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
