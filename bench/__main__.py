"""Measure what the market costs, print it, and keep it in bench/GAS.md.

With --device as the first argument: measure what a consumer takes of a small device (bench.device).
With --scale: measure rounds of up to 10,000 bids and 100 consumers (bench.scale).

The exit status is 1 when a figure is above its limit, and with --check also when one differs
from the committed page.
"""

import argparse
import sys
from pathlib import Path

from bench import device, scale
from bench.artifact import shipped_artifact
from bench.chain import WrongOutcome
from bench.figures import above_limit
from bench.gas import measure
from bench.report import describe_excess, differences, page, show
from market.errors import MarketError

PAGE_FILE = Path(__file__).with_name("GAS.md")


def main(arguments: list[str]) -> int:
    """Measure, and return the exit status."""
    if arguments[:1] == ["--device"]:
        return device.main(arguments[1:])
    if arguments[:1] == ["--scale"]:
        return scale.main(arguments[1:])
    check = _parse(arguments).check
    try:
        artifact = shipped_artifact()
        sections = measure(artifact)
    except (MarketError, WrongOutcome) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    show(sections, artifact.compiler)
    excesses = [describe_excess(figure) for figure in above_limit(sections)]
    changes = _settle_page(page(sections, artifact.compiler), check=check)
    for line in [*changes, *excesses]:
        print(line)
    return 1 if excesses or changes else 0


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="run_bench.sh", description=__doc__)
    parser.add_argument(
        "--check",
        action="store_true",
        help="compare with the committed page instead of rewriting it",
    )
    return parser.parse_args(arguments)


def _settle_page(measured: str, *, check: bool) -> list[str]:
    """Rewrite the page, or return what about it is not so."""
    if not check:
        PAGE_FILE.write_text(measured, encoding="utf-8")
        return []
    committed = PAGE_FILE.read_text(encoding="utf-8") if PAGE_FILE.exists() else ""
    changes = differences(committed, measured)
    if not changes:
        return []
    return [f"{PAGE_FILE.name} is not what was measured (+); ./run_bench.sh writes it", *changes]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
