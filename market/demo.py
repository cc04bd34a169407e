"""One round of the market in real processes: a chain, a utility and several consumers.

The processes are the same scripts that a user starts by hand. They share nothing but the chain:
every consumer has a wallet, a folder and bids of its own.
"""

import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text
from tenacity import Retrying, stop_after_delay, wait_fixed

from market.anvil import running_anvil
from market.bids import Offer
from market.errors import MarketError
from market.interrupts import ignore_interrupts, raise_interrupts
from market.report import console
from market.settings import environment_without_settings
from market.store import BIDS_FILE, RESULTS_FILE, Results, load_results, save_offers
from market.units import format_eth, format_eth_per_kwh, format_kwh

_ROOT = Path(__file__).parent.parent
_START_TIMEOUT_S = 60
_STOP_TIMEOUT_S = 15
_RESULT_TIMEOUT_S = 30
_BROWNIE_ABOUT_ITSELF = re.compile(
    r"is the active project\.$|^Brownie v|^Launching '|^Running '|^Terminating local RPC"
)


@dataclass(frozen=True, slots=True)
class Household:
    """A consumer of the demo; `account` is the number of its wallet on the local chain."""

    name: str
    account: int
    colour: str
    offers: tuple[Offer, ...]


def _offer(energy_wh: int, price_gwei_per_wh: int, device: str) -> Offer:
    return Offer(energy_wh, price_gwei_per_wh * 10**9, device)


HOUSEHOLDS = (
    Household("Alice", 1, "cyan", (_offer(2000, 2000, "heat pump"), _offer(1000, 3200, "oven"))),
    Household("Bob", 2, "magenta", (_offer(1500, 2600, "car charger"),)),
    Household("Carol", 3, "yellow", (_offer(2500, 3000, "pool pump"),)),
    Household("Dave", 4, "blue", (_offer(4000, 5000, "sauna"),)),
)
REDUCTION_KWH, MAXIMUM_ETH_PER_KWH, BIDDING_SECONDS = "5", "0.004", "12"


def run_demo() -> None:
    """Run the demo and print it; MarketError or a failed process ends it with status 1."""
    raise_interrupts()
    out = console()
    try:
        with ExitStack() as stack:
            folder = Path(
                stack.enter_context(tempfile.TemporaryDirectory(prefix=".demo-", dir=_ROOT))
            )
            _play(out, folder, stack)
    except KeyboardInterrupt:
        ignore_interrupts()
        out.print("Stopped.", style="yellow")
        sys.exit(128 + signal.SIGINT)
    except MarketError as problem:
        out.print(f"Error: {problem}", style="red", markup=False)
        sys.exit(1)


def _play(out: Console, folder: Path, stack: ExitStack) -> None:
    _headline(out, "1. A local chain (Anvil) starts")
    url = stack.enter_context(running_anvil("--block-time", "1", "--mixed-mining"))
    environment = _environment(url, folder)
    out.print(f"It listens at {url}; every party below is a process with a wallet of its own")

    _headline(out, "2. The utility deploys the market's contract")
    _run_script(out, "utility", "green", ["deploy.py"], environment)

    _headline(out, "3. The consumers start; nobody looks after them from here on")
    for household in HOUSEHOLDS:
        _describe(out, household)
    waiting = [stack.enter_context(_consumer(out, h, folder, environment)) for h in HOUSEHOLDS]
    for ready in waiting:
        if not ready.wait(_START_TIMEOUT_S):
            raise MarketError("A consumer did not start: its own lines above say why")

    _headline(
        out,
        f"4. The grid is short: the utility asks for {REDUCTION_KWH} kWh, "
        f"at most {MAXIMUM_ETH_PER_KWH} ETH/kWh",
    )
    request = ["utility.py", "request", REDUCTION_KWH, MAXIMUM_ETH_PER_KWH, BIDDING_SECONDS]
    _run_script(out, "utility", "green", request, environment)

    found = [_results(household, folder) for household in HOUSEHOLDS]
    _headline(out, "5. What the consumers find in their results.json")
    for household, results in zip(HOUSEHOLDS, found, strict=True):
        _print_results(out, household, results)


@contextmanager
def _consumer(
    out: Console, household: Household, folder: Path, environment: Mapping[str, str]
) -> Iterator[threading.Event]:
    """Run a consumer; the event is set once it waits for requests, or has ended."""
    own_folder = folder / household.name
    own_folder.mkdir()
    save_offers(own_folder / BIDS_FILE, household.offers)
    process = _start(
        ["consumer.py"],
        {
            **environment,
            "CONSUMER_ACCOUNT": str(household.account),
            "DATABASE_FOLDER": str(own_folder),
        },
    )
    ready = threading.Event()
    relay = threading.Thread(
        target=_relay, args=(out, household.name, household.colour, process, ready)
    )
    relay.start()
    try:
        yield ready
    finally:
        _stop(process)
        relay.join()


def _run_script(
    out: Console, name: str, colour: str, arguments: list[str], environment: Mapping[str, str]
) -> None:
    """Run a script to its end, and print what it prints; MarketError if it fails."""
    process = _start(arguments, environment)
    try:
        _relay(out, name, colour, process, threading.Event())
        status = process.wait()
    finally:
        _stop(process)
    if status:
        raise MarketError(f"scripts/{arguments[0]} ended with status {status}: see its lines above")


def _start(arguments: list[str], environment: Mapping[str, str]) -> subprocess.Popen[str]:
    script, *rest = arguments
    command = [sys.executable, "tools/supervise.py", "brownie", "run", f"scripts/{script}"]
    return subprocess.Popen(
        [*command, *rest],
        cwd=_ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _relay(
    out: Console, name: str, colour: str, process: subprocess.Popen[str], ready: threading.Event
) -> None:
    """Print a process's lines under its name until it ends, without what Brownie says of itself."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip() and not _BROWNIE_ABOUT_ITSELF.search(line):
            out.print(Text(f"{name:>8} │ ", style=colour) + Text(line.rstrip()), soft_wrap=True)
        if "Waiting for requests" in line:
            ready.set()
    ready.set()


def _stop(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _environment(url: str, folder: Path) -> dict[str, str]:
    """Return this process's environment with settings of the demo's own, and none of the user's."""
    own = {
        "LOCAL_RPC_URL": url,
        "ENV_FILE": str(folder / ".env"),
        "DATABASE_FOLDER": str(folder),
        "POLL_SECONDS": "0.5",
        "PYTHONUNBUFFERED": "1",
    }
    return {**environment_without_settings(), **own}


def _headline(out: Console, text: str) -> None:
    # At once: the consumers' lines come from threads of their own.
    out.print(Text("\n") + Text(text, style="bold reverse"))


def _describe(out: Console, household: Household) -> None:
    for offer in household.offers:
        out.print(
            f"[{household.colour}]{household.name:>8}[/] │ {offer.device}: "
            f"{format_kwh(offer.energy_wh)} kWh for {format_eth_per_kwh(offer.price_wei_per_wh)} "
            "ETH/kWh"
        )


def _results(household: Household, folder: Path) -> Results:
    """Return what a household has won; MarketError if it is not told in time."""
    retrying = Retrying(
        stop=stop_after_delay(_RESULT_TIMEOUT_S), wait=wait_fixed(0.2), reraise=True
    )
    return retrying(load_results, folder / household.name / RESULTS_FILE)


def _print_results(out: Console, household: Household, results: Results) -> None:
    out.print(
        f"[{household.colour}]{household.name:>8}[/] │ {results.status.value}: "
        f"{format_kwh(results.total_energy_wh)} kWh, {format_eth(results.total_payment_wei)} ETH"
    )
