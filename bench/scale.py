"""Measure the market at size, print it, and keep it in bench/SCALE.md and docs/SCALING.md.

Rounds with as many wallets as bids, the utility in a process of its own, and consumers as processes
of their own, on a node with Ethereum's limits. Every outcome is compared with the market rule. The
exit status is 1 when one departs from it, or when a figure is above its limit.
"""

import argparse
import os
import sys
from pathlib import Path

from bench.artifact import shipped_artifact
from bench.chain import WrongOutcome
from bench.device_install import ROOT
from bench.scale_agents import fitting_agents, measure_agents
from bench.scale_chart import chart
from bench.scale_figures import FIGURES_FILE, Scale, code_name, load, save
from bench.scale_limits import above_limit
from bench.scale_page import page
from bench.scale_play import play
from bench.scaling_page import scaling_page
from market.errors import MarketError

SIZES = (10, 100, 200, 1_000, 10_000)
AGENTS = 100


def main(arguments: list[str]) -> int:
    """Measure, and return the exit status."""
    options = _parse(arguments)
    try:
        measured = load() if options.redraw else measure(options.bids, options.agents)
    except (MarketError, WrongOutcome) as problem:
        print(f"bench: {problem}", file=sys.stderr)
        return 1
    files = pages(measured)
    for file, content in files.items():
        file.write_bytes(content)
    excesses = above_limit(measured)
    print("\n".join([page(measured), *excesses]))
    return 1 if excesses else 0


def measure(sizes: list[int], agents: int) -> Scale:
    """Return what rounds of these sizes and so many consumers take, and keep it."""
    artifact = shipped_artifact()
    rounds = []
    for size in sorted(sizes):
        print(f"A round of {size:,} bids ...", flush=True)
        rounds.append(play(size))
    print("Consumers ...", flush=True)
    measured = Scale(
        code=code_name(artifact.bytecode),
        compiler=artifact.compiler,
        processors=os.cpu_count() or 1,
        rounds=tuple(rounds),
        agents=measure_agents(min(agents, fitting_agents())),
    )
    save(measured)
    return measured


def pages(measured: Scale) -> dict[Path, bytes]:
    """Return what is committed of a run, by its file."""
    docs = ROOT / "docs"
    return {
        FIGURES_FILE.with_name("SCALE.md"): page(measured).encode(),
        docs / "SCALING.md": scaling_page(measured).encode(),
        docs / "gas.svg": chart(measured.rounds),
    }


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="run_bench.sh --scale", description=__doc__)
    parser.add_argument(
        "--bids", type=_sizes, default=list(SIZES), help="the rounds' sizes, such as 100,1000"
    )
    parser.add_argument(
        "--agents",
        type=int,
        default=AGENTS,
        help="how many consumers to run, if the memory holds them",
    )
    parser.add_argument(
        "--redraw",
        action="store_true",
        help=f"write the pages from {FIGURES_FILE.name} again, without measuring",
    )
    return parser.parse_args(arguments)


def _sizes(written: str) -> list[int]:
    return [int(size) for size in written.split(",")]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
