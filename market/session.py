"""How every script begins and ends: settings, connection, accounts, and problems in one line."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import NoReturn

from requests.exceptions import RequestException
from rich.console import Console
from web3 import Web3
from web3.exceptions import Web3Exception

from market import brownie_env, report
from market.contract import DemandReduction
from market.errors import MarketError
from market.settings import Settings, env_file_path, load_settings
from market.transactions import Sender

_LOCAL, _REMOTE = "local", "remote"
_SOON_S = 0.05


@dataclass(frozen=True, slots=True)
class Session:
    """What a command works with."""

    settings: Settings
    web3: Web3
    remote: bool
    out: Console

    def utility_sender(self) -> Sender:
        """Return the utility's account, ready to send."""
        signer = brownie_env.utility_signer(self.settings, self.web3, remote=self.remote)
        return Sender(self.web3, signer)

    def consumer_sender(self) -> Sender:
        """Return the consumer's account, ready to send."""
        signer = brownie_env.consumer_signer(self.settings, self.web3, remote=self.remote)
        return Sender(self.web3, signer)

    def market(self) -> DemandReduction:
        """Return the contract named in .env."""
        return DemandReduction(self.web3, self.settings.require_contract())


def run(command: Callable[[Session], None], network: str) -> None:
    """Run a command on the "local" chain or the "remote" network; ends the process on a problem.

    A MarketError is one line on the error output and status 1, Ctrl-C is status 130.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    keep_interrupts()
    out, errors = report.console(), Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        command(_session(network, out))
    except KeyboardInterrupt:
        errors.print("Stopped.", style="yellow")
        sys.exit(128 + signal.SIGINT)
    except MarketError as problem:
        errors.print(f"Error: {problem}", style="red", markup=False)
    except (RequestException, Web3Exception) as problem:
        errors.print(
            f"Error: the node answered unexpectedly: {type(problem).__name__}", style="red"
        )
    else:
        return
    sys.exit(1)


def keep_interrupts() -> None:
    """Have Ctrl-C come again where Python would lose it: while an object is cleared away."""
    sys.unraisablehook = _interrupt_again


def split_network(arguments: Sequence[str]) -> tuple[list[str], str]:
    """Return a script's arguments without the word for the network at their end, and that word."""
    given = [*arguments]
    network = given.pop() if given and given[-1] in (_LOCAL, _REMOTE) else _LOCAL
    return given, network


def _session(network: str, out: Console) -> Session:
    if network not in (_LOCAL, _REMOTE):
        raise MarketError(
            f'"{network}" is not a network: write remote for the one in .env, '
            "or nothing for the local chain"
        )
    settings = load_settings(env_file_path())
    remote = network == _REMOTE
    connect = brownie_env.connect_remote if remote else brownie_env.connect_local
    return Session(settings, connect(settings), remote, out)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _interrupt_again(lost: "sys.UnraisableHookArgs") -> None:
    if issubclass(lost.exc_type, KeyboardInterrupt):
        # Not at once: that would still be in the middle of what loses it.
        again = threading.Timer(_SOON_S, os.kill, [os.getpid(), signal.SIGINT])
        again.daemon = True
        again.start()
    else:
        sys.__unraisablehook__(lost)
