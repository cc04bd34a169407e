"""A consumer in a process of its own, as it runs on a device, and what it takes of the machine."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from eth_account import Account
from eth_account.signers.local import LocalAccount

from bench.device_install import ROOT
from market.errors import MarketError
from market.settings import environment_without_settings

READY = "Waiting for requests"
OFFERS: Mapping[str, Sequence[object]] = {
    "energy": [3.0],
    "price": [0.001],
    "device": ["heat pump"],
}
_NAME, _PASSWORD = "device", "measured"


@dataclass(frozen=True, slots=True)
class Memory:
    """What a process holds, in MB of a million bytes.

    `resident` is all of it, `shared_out` with what is shared divided among its users, `private`
    what would be free without it; `peak` is the most that was resident at any time.
    """

    resident: float
    shared_out: float
    private: float
    peak: float


def memory(pid: int) -> Memory:
    """Return what a process holds now."""
    now = _kilobytes(Path(f"/proc/{pid}/smaps_rollup"))
    peak = _kilobytes(Path(f"/proc/{pid}/status"))["VmHWM"]
    private = now["Private_Clean"] + now["Private_Dirty"]
    return Memory(
        *(kilobytes * 1024 / 1e6 for kilobytes in (now["Rss"], now["Pss"], private, peak))
    )


@dataclass(frozen=True, slots=True)
class Household:
    """A consumer's files: its settings, its bids and its account."""

    folder: Path
    account: str

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment of its processes: this one's, with the settings of its own."""
        inherited = environment_without_settings()
        # Where it is set, every start would compile the modules anew.
        inherited.pop("PYTHONDONTWRITEBYTECODE", None)
        path = f"{ROOT / '.venv' / 'bin'}{os.pathsep}{inherited['PATH']}"
        return {**inherited, "PATH": path, "ENV_FILE": str(self.folder / ".env")}


def furnish(
    folder: Path,
    node_url: str,
    contract: str,
    *,
    account: LocalAccount | None = None,
    role: str = "CONSUMER",
    offers: Mapping[str, Sequence[object]] = OFFERS,
    **more: object,
) -> Household:
    """Make a household in the folder, with an account as `python -m market account` makes it.

    An account that is given is kept in the same way. `more` are further settings.
    """
    account = account or Account.create()
    keystore = Account.encrypt(account.key, _PASSWORD, kdf="pbkdf2")
    (folder / f"{_NAME}.json").write_text(json.dumps(keystore), "utf-8")
    (folder / "bids.json").write_text(json.dumps(offers), "utf-8")
    settings = {
        "CONTRACT_ADDRESS": contract,
        f"{role}_ACCOUNT": _NAME,
        f"{role}_ACCOUNT_PASS": _PASSWORD,
        "KEYSTORE_FOLDER": folder,
        "DATABASE_FOLDER": folder,
        "REMOTE_NETWORK": "measured",
        "RPC_URLS": node_url,
        **more,
    }
    env_file = folder / ".env"
    env_file.touch(0o600)
    env_file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()), "utf-8")
    return Household(folder, account.address)


@dataclass(frozen=True, slots=True)
class Consumer:
    """A running consumer, and the seconds from its start until it waited for requests."""

    pid: int
    started_s: float


@contextmanager
def running_consumer(command: Sequence[str], household: Household) -> Iterator[Consumer]:
    """Run a consumer while the block lasts; MarketError if it does not come to wait."""
    begin_s = monotonic()
    with started(command, household) as process:
        try:
            yield Consumer(process.pid, _wait_until_ready(process) - begin_s)
        finally:
            process.terminate()
            # Read to the end, so that it never has to wait for us to say its last.
            process.communicate()


def started(command: Sequence[str], household: Household) -> subprocess.Popen[str]:
    """Start a program of a household, with all that it says in one stream."""
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env={**household.environment, "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _wait_until_ready(process: subprocess.Popen[str]) -> float:
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        if READY in line:
            return monotonic()
        said.append(line)
    raise MarketError(f"the consumer did not start: {''.join(said)[-500:]}")


def _kilobytes(file: Path) -> dict[str, int]:
    lines = [line.split() for line in file.read_text("ascii").splitlines()]
    return {words[0].rstrip(":"): int(words[1]) for words in lines if words[-1] == "kB"}
