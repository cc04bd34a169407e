"""How every command begins and ends: settings, connection, accounts, and problems in one line."""

import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from requests.exceptions import RequestException
from rich.console import Console
from web3 import Web3
from web3.exceptions import Web3Exception

from market import accounts, report
from market.contract import DemandReduction
from market.envfile import exposure_warning
from market.errors import MarketError
from market.happenings import LogFormat
from market.interrupts import end_interrupts, ignore_interrupts, raise_interrupts
from market.invocation import note_network
from market.masking import Mask, guard_error_output
from market.networks import live_network
from market.node import NodeUnavailableError, address_name, node_errors
from market.provider import connect, connect_pool
from market.settings import Settings, env_file_path, load_settings
from market.signer import Signer
from market.signing_limits import ConsumerSigner
from market.transactions import Sender

_LOCAL, _REMOTE = "local", "remote"


@dataclass(frozen=True)
class Session:
    """What a command works with; the chain is connected to once it is asked for."""

    settings: Settings
    remote: bool
    out: Console

    @cached_property
    def web3(self) -> Web3:
        """The connection to the chain; MarketError if there is none to have."""
        return (_connect_remote if self.remote else _connect_local)(self.settings)

    def nodes(self) -> list[Web3]:
        """Return connections to the network's nodes, each by itself; none on the local chain."""
        if not self.remote:
            return []
        chain_id = self.chain_id()
        urls = live_network(self.settings).rpc_urls
        return [connect_pool([url], chain_id, now=False) for url in urls]

    def tell(self, what: object) -> None:
        """Print what somebody should know, such as a problem that is waited out, in a safe line."""
        line = Mask(self.settings.secrets())(str(what))
        self.out.print(line, style="yellow", markup=False)

    def utility_sender(self) -> Sender:
        """Return the utility's account, ready to send."""
        return self._sender(accounts.utility_signer(self.settings, self.web3, remote=self.remote))

    def consumer_sender(self) -> Sender:
        """Return the consumer's account, ready to send what a consumer has to send."""
        settings = self.settings
        signer = ConsumerSigner(
            self._consumer,
            settings.require_contract(),
            self.chain_id,
            settings.maximum_fee_wei_per_gas,
        )
        return self._sender(signer, dry_run=settings.dry_run)

    @cached_property
    def _consumer(self) -> Signer:
        """The consumer's account, however often it is made ready: a password is typed once."""
        return accounts.consumer_signer(self.settings, self.web3, remote=self.remote)

    def market(self) -> DemandReduction:
        """Return the contract named in .env."""
        return DemandReduction(self.web3, self.settings.require_contract())

    def chain_id(self) -> int:
        """Return the network's chain: what a node says later does not change it."""
        with node_errors(self.web3):
            return self.web3.eth.chain_id

    def _sender(self, signer: Signer, *, dry_run: bool = False) -> Sender:
        settings = self.settings
        return Sender(
            self.web3,
            signer,
            ceiling_wei=settings.maximum_fee_wei_per_gas,
            replace_s=settings.replace_seconds,
            oracles=live_network(settings).fee_oracles if self.remote else (),
            dry_run=dry_run,
        )


def run(
    command: Callable[[Session], None],
    network: str,
    *,
    prepare: Callable[[], None] = lambda: None,
    log_format: LogFormat | None = None,
) -> None:
    """Run a command on the "local" chain or the "remote" network; ends the process on a problem.

    What must be done before anything else is `prepare`; `log_format` wins over the settings.
    A MarketError is one line on the error output and status 1, Ctrl-C is status 130.
    """
    raise_interrupts(until_ended=True)
    note_network(_REMOTE if network == _REMOTE else "")
    out, errors = report.console(), Console(stderr=True, highlight=False, soft_wrap=True)
    mask = Mask(())
    try:
        prepare()
        settings = _settings(log_format, errors)
        mask = Mask(settings.secrets())
        guard_error_output(mask)
        command(Session(settings, network == _REMOTE, out))
    except KeyboardInterrupt:
        ignore_interrupts()
        errors.print("Stopped.", style="yellow")
        sys.exit(128 + signal.SIGINT)
    except MarketError as problem:
        errors.print(f"Error: {mask(str(problem))}", style="red", markup=False)
    except (RequestException, Web3Exception) as problem:
        errors.print(
            f"Error: the node answered unexpectedly: {type(problem).__name__}", style="red"
        )
    except Exception:
        # A mistake of ours; Brownie would show it with whatever is secret in it.
        for line in traceback.format_exc().splitlines():
            errors.print(mask(line), markup=False)
    else:
        return
    finally:
        end_interrupts()
    sys.exit(1)


def split_network(words: Sequence[str]) -> tuple[list[str], str]:
    """Return a command's words without the one for the network at their end, and that one."""
    given = [*words]
    network = given.pop() if given and given[-1] in (_LOCAL, _REMOTE) else _LOCAL
    return given, network


def _settings(log_format: LogFormat | None, errors: Console) -> Settings:
    env_file = env_file_path()
    settings = load_settings(env_file)
    if warning := exposure_warning(env_file):
        errors.print(f"Warning: {warning}", style="yellow", markup=False)
    return settings.model_copy(update={"log_format": log_format} if log_format else {})


def _connect_local(settings: Settings) -> Web3:
    try:
        return connect(settings.local_rpc_url)
    except NodeUnavailableError:
        names_live = settings.remote_network or settings.rpc_urls
        forgotten = ", or write `remote` behind the command for the live network in .env"
        raise MarketError(
            f"No local chain is running at {address_name(settings.local_rpc_url)}: "
            "start one with ./run_chain.sh in another terminal, or mend LOCAL_RPC_URL in .env"
            f"{forgotten if names_live else ''}"
        ) from None


def _connect_remote(settings: Settings) -> Web3:
    network = live_network(settings)
    return connect_pool(network.rpc_urls, network.chain_id)
