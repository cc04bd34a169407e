"""How every script begins and ends: settings, connection, accounts, and problems in one line."""

import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from requests.exceptions import RequestException
from rich.console import Console
from web3 import Web3
from web3.exceptions import Web3Exception

from market import brownie_env, report
from market.contract import DemandReduction
from market.errors import MarketError
from market.interrupts import ignore_interrupts, raise_interrupts
from market.settings import Settings, env_file_path, load_settings
from market.transactions import Sender

_LOCAL, _REMOTE = "local", "remote"


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
    raise_interrupts()
    out, errors = report.console(), Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        command(_session(network, out))
    except KeyboardInterrupt:
        ignore_interrupts()
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
