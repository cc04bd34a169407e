"""A device that is a clone of the repository, set up some time ago and updated now."""

import os
from pathlib import Path

from tools.arm64 import FOLDER
from tools.arm64.command import output
from tools.arm64.debian import require_no_compiler
from tools.arm64.device import HOME, Device, hand_over
from tools.arm64.readme import require_known_update, steps
from tools.arm64.rounds import Household
from tools.arm64.wheels import LISTED, PINNED

BEFORE = 20
"""How many commits ago the device was set up at most, where nothing else is said."""
_CONTRACT = "market/Demand_Reduction.json"
_ORIGIN, _BRANCH = "origin.git", "main"


def commit_before(name: str | None) -> str:
    """Return the commit that is named, or else one of some time ago.

    That one has the contract as it is now: what is older knows another. MarketError if there is
    no commit of this name.
    """
    if name:
        return _git("rev-parse", "--verify", f"{name}^{{commit}}").strip()
    changed = _git("log", "-1", "--format=%H", "HEAD", "--", _CONTRACT).strip()
    since = _git("rev-list", "--first-parent", f"--max-count={BEFORE + 1}", f"{changed}..HEAD")
    return [changed, *since.split()][-1]


def requirements_of(commit: str) -> Path:
    """Return a folder with what a device had to install at a commit."""
    folder = FOLDER / "before"
    folder.mkdir(exist_ok=True)
    for name in (LISTED, PINNED):
        (folder / name).write_text(_git("show", f"{commit}:{name}"), "utf-8")
    return folder


def play_update(household: Household, root: Path, before: str) -> None:
    """Play a round as of before, update while the gate of the next is open, and play on.

    The bids are in a folder of the device's own, as the README advises.
    """
    require_known_update()
    _publish(root, before)
    device = Device(root, "clone", database="own")
    Device(root, ".").do(f"git clone --quiet {HOME / _ORIGIN} clone")
    device.install()
    household.settle_in(device)
    device.fill_in(DATABASE_FOLDER=device.database)
    consumer = device.start()
    household.play(device)

    request_id = household.ask(rival_wh=2500)
    household.await_bids(request_id)
    consumer.stop()
    _publish(root, "HEAD")
    device.do("git pull --quiet")
    device.do(steps()["pip"])
    consumer = device.start()
    household.end(device, request_id)

    household.play(device)
    device.require_status("alive: ", 0)
    consumer.stop()
    # The clone itself has a script that starts a compiler, for those who have one.
    require_no_compiler(device.folder / ".venv")


def _publish(root: Path, commit: str) -> None:
    """Have the repository that the device's clone is of end with a commit."""
    origin = root / HOME.relative_to("/") / _ORIGIN
    if not origin.exists():
        _git("init", "--quiet", "--bare", f"--initial-branch={_BRANCH}", origin)
    _git("push", "--quiet", origin, f"{commit}:refs/heads/{_BRANCH}")
    hand_over(origin)


def _git(*words: object) -> str:
    """Run git on this repository, and on folders that are another user's."""
    settings = FOLDER / "gitconfig"
    settings.write_text("[safe]\n\tdirectory = *\n", "ascii")
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": str(settings)}
    return output("git", *words, env=environment)
