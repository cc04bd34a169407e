"""Install and run the consumer on arm64 without any compiler: `./run_arm64.sh`.

What the README says about small devices is done word for word, in a Debian for arm64 that QEMU
runs: the installation, an account, its registration, rounds with the consumer killed by kill -9,
and an update. The chain and the utility are outside. The exit status is 1 if anything is not as
it must be. The packages and the Debian are kept in .arm64: without it everything is loaded anew.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from time import monotonic

from rich.console import Console
from rich.table import Table

from bench.device_install import size_mb
from market.errors import MarketError
from tools.arm64 import FOLDER
from tools.arm64.command import output
from tools.arm64.debian import SUITES, require_no_compiler, whole_root
from tools.arm64.device import Device, furnish
from tools.arm64.emulation import emulation
from tools.arm64.grid import running_grid
from tools.arm64.readme import named_files
from tools.arm64.rounds import Household, play_under_kills
from tools.arm64.update import BEFORE, commit_before, play_update, requirements_of
from tools.arm64.wheels import PYTHONS, ReadyMade, platforms, ready_made

_VERSION = "import platform; print(platform.python_version())"


@dataclass(slots=True)
class Seen:
    """What the end tells."""

    python: str
    machine: str
    installed_mb: float = 0
    install_s: float = 0
    rounds: int = 0
    kills: int = 0


def main(arguments: list[str]) -> int:
    """Do it all, say what was seen, and return the exit status."""
    given = _parse(arguments)
    try:
        before = commit_before(given.before)
        every = _load_packages()
        with emulation():
            seen = _try_device(given.suite, every, before)
    except MarketError as problem:
        print(f"run_arm64.sh: {problem}", file=sys.stderr)
        return 1
    _show(seen)
    return 0


def _load_packages() -> dict[str, ReadyMade]:
    print("1. Every package, ready-made for any machine or for one of these:")
    print(fill(platforms(), 100, initial_indent="  ", subsequent_indent="  "), flush=True)
    every = {}
    for python in PYTHONS:
        found = every[python] = ready_made(python, FOLDER / "wheels" / python)
        print(
            f"  Python {python}: {len(found.wheels)} packages, {found.native} of them made for "
            f"arm64, {found.size_mb:.1f} MB",
            flush=True,
        )
    return every


def _try_device(suite: str, every: dict[str, ReadyMade], before: str) -> Seen:
    print("2. A Debian for arm64 without a compiler", flush=True)
    root = whole_root(suite)
    seen = _look_at(root)
    print(f"  Debian {suite}, {seen.machine}, Python {seen.python}", flush=True)
    furnish(root, _packages(seen.python, every, before))
    require_no_compiler(root)
    with running_grid() as grid:
        household = Household(grid)
        _play_copy(household, root, seen)
        print(f"5. A clone of {_described(before)} is updated to {_described('HEAD')}", flush=True)
        play_update(household, root, before)
    seen.rounds, seen.kills = household.rounds, household.kills
    return seen


def _play_copy(household: Household, root: Path, seen: Seen) -> None:
    """Set up a device from the files that the README names, and play under kills."""
    print(f"3. A device with {', '.join(named_files())}", flush=True)
    device = Device(root, "copy")
    device.copy_named_files()
    started_s = monotonic()
    device.install()
    seen.install_s = monotonic() - started_s
    seen.installed_mb = size_mb(device.folder / ".venv")
    print(f"  installed in {seen.install_s:.0f} s, {seen.installed_mb:.0f} MB", flush=True)
    household.settle_in(device)
    household.register(device)
    print("4. Rounds, with the consumer killed after its bids, and while it waits", flush=True)
    play_under_kills(household, device)
    require_no_compiler(root)


def _look_at(root: Path) -> Seen:
    """Return what the root says of itself; MarketError if it is no arm64."""
    python = output("chroot", root, "python3", "-c", _VERSION).strip()
    machine = output("chroot", root, "uname", "-m").strip()
    if machine != "aarch64":
        raise MarketError(f"The emulated machine says that it is {machine}, not aarch64")
    return Seen(python, machine)


def _packages(version: str, every: dict[str, ReadyMade], before: str) -> set[Path]:
    """Return the wheels that a device needs, now and before its update."""
    python = ".".join(version.split(".")[:2])
    then = ready_made(python, FOLDER / "wheels" / python, requirements_of(before))
    return {*every[python].wheels, *then.wheels}


def _described(commit: str) -> str:
    return output("git", "show", "--no-patch", "--format=%h (%as)", commit).strip()


def _show(seen: Seen) -> None:
    table = Table("on arm64, emulated, without a compiler")
    table.add_column("seen", justify="right")
    for what, value in (
        ("machine", seen.machine),
        ("Python", seen.python),
        ("installation", f"{seen.install_s:.0f} s"),
        ("installed size", f"{seen.installed_mb:.0f} MB"),
        ("rounds", str(seen.rounds)),
        ("kills", str(seen.kills)),
    ):
        table.add_row(what, value)
    Console().print(table)
    print("all as it must be")


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="run_arm64.sh", description=__doc__)
    parser.add_argument("suite", nargs="?", choices=SUITES, default=SUITES[0], help="the Debian")
    parser.add_argument(
        "--before",
        metavar="COMMIT",
        help=f"update from this version, else from one {BEFORE} commits old with this contract",
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
