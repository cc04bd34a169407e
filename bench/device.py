"""Measure what a consumer takes of a small device, print it, and keep it in bench/DEVICE.md.

The processes are those that a device runs, in an environment that holds nothing but what
requirements-device.txt names, and their node is a local chain. The exit status is 1 when a figure
is above its limit.
"""

import argparse
import random
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench.chain import WrongOutcome
from bench.counting_proxy import CountingProxy, counting_proxy
from bench.device_consumer import Household, furnish, memory, running_consumer
from bench.device_install import install, size_mb
from bench.device_page import Figures, above_limit, page
from bench.device_rounds import DeviceChain, Reaction, idle_requests
from market.anvil import running_anvil
from market.errors import MarketError
from market.settings import Settings

PAGE_FILE = Path(__file__).with_name("DEVICE.md")
STARTS = 3
SLOW_NODE_S = 0.05
"""How long a node takes that is not in the house (s)."""
POLL_S: float = Settings.model_fields["poll_seconds"].default
# Not that of a local chain, which a consumer treats in another way.
_CHAIN = ("--chain-id", "424242")
_ALONE = ("python", "-m", "market", "consumer", "remote")
_WITH_BROWNIE = ("brownie", "run", "scripts/consumer.py", "main", "remote")


def main(arguments: list[str]) -> int:
    """Measure, and return the exit status."""
    options = _parse(arguments)
    with TemporaryDirectory() as folder:
        device = Path(folder) / "venv"
        try:
            install(device)
            alone = measure(device, _ALONE, options)
            with_brownie = measure(Path(sys.prefix), _WITH_BROWNIE, options)
        except (MarketError, WrongOutcome) as problem:
            print(f"bench: {problem}", file=sys.stderr)
            return 1
    measured = page(alone, with_brownie, POLL_S, options.minutes)
    PAGE_FILE.write_text(measured, "utf-8")
    excesses = above_limit(alone, with_brownie, POLL_S)
    print("\n".join([measured, *excesses]))
    return 1 if excesses else 0


def measure(environment: Path, command: Sequence[str], options: argparse.Namespace) -> Figures:
    """Return what a consumer takes that a command of this virtual environment starts."""
    program, *arguments = command
    full_command = [str(environment / "bin" / program), *arguments]
    with ExitStack() as stack:
        url = stack.enter_context(running_anvil(*_CHAIN))
        proxy = stack.enter_context(counting_proxy(url))
        folder = Path(stack.enter_context(TemporaryDirectory()))
        chain = DeviceChain(url)
        household = furnish(folder, proxy.url, chain.contract)
        chain.fund(household.account)
        start_s = _start_s(full_command, household)
        consumer = stack.enter_context(running_consumer(full_command, household))
        near, far = _reactions(chain, proxy, options.answers)
        chain.let_time_pass()
        idle_per_hour = _idle_per_hour(proxy, options.minutes * 60)
        held = memory(consumer.pid)
    return Figures(size_mb(environment), start_s, held, near, far, idle_per_hour)


def _start_s(command: Sequence[str], household: Household) -> float:
    """Return the usual time of a start."""
    taken_s = []
    for _ in range(STARTS + 1):
        with running_consumer(command, household) as consumer:
            taken_s.append(consumer.started_s)
    # The first start may have had modules to compile.
    return median(taken_s[1:])


def _reactions(chain: DeviceChain, proxy: CountingProxy, answers: int) -> tuple[Reaction, Reaction]:
    """Return how soon requests are answered with a node that is near, and with one that is far."""
    draw = random.Random(1)
    near = chain.reaction(proxy, answers, POLL_S, draw)
    proxy.delay_s = SLOW_NODE_S
    far = chain.reaction(proxy, answers, POLL_S, draw)
    proxy.delay_s = 0.0
    return near, far


def _idle_per_hour(proxy: CountingProxy, seconds: float) -> dict[str, float]:
    # What is still to be reported of the requests before is not counted.
    idle_requests(proxy, seconds / 2)
    asked = idle_requests(proxy, seconds)
    return {method: count * 3600 / seconds for method, count in asked.items()}


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="run_bench.sh --device", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5, help="how long to watch it do nothing")
    parser.add_argument("--answers", type=int, default=10, help="how many requests it answers")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
