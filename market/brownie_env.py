"""Brownie: its keystore, and its list of networks. No other module knows it."""

import re
import warnings
from contextlib import redirect_stdout
from getpass import GetPassWarning, getpass
from io import StringIO
from typing import Any

from brownie import accounts, network
from brownie._config import CONFIG
from brownie.network.rpc import Rpc
from eth_account import Account as EthAccount
from web3 import Web3

from market.errors import MarketError
from market.node import NodeUnavailableError, connect, node_errors, node_name
from market.settings import Account, Settings, expanded, export_for_brownie
from market.signer import KeySigner, Signer, UnlockedSigner

_LOCAL_UTILITY, _LOCAL_CONSUMER = 0, 1


def connect_local(settings: Settings) -> Web3:
    """Return a connection to the local chain; MarketError if none is running."""
    _end_own_anvil()
    try:
        return connect(settings.local_rpc_url)
    except NodeUnavailableError:
        raise MarketError(
            f"No local chain is running at {settings.local_rpc_url}: "
            "start one with ./run_chain.sh in another terminal, or mend LOCAL_RPC_URL in .env"
        ) from None


def connect_remote(settings: Settings) -> Web3:
    """Return a connection to the live network named in .env; MarketError if there is none."""
    _end_own_anvil()
    export_for_brownie(settings)
    known = CONFIG.networks.get(settings.remote_network)
    if settings.remote_rpc_url:
        web3 = connect(settings.remote_rpc_url.get_secret_value())
    else:
        web3 = connect(_known_url(settings.remote_network, known))
    _require_chain(web3, settings.remote_network, known)
    return web3


def utility_signer(settings: Settings, web3: Web3, *, remote: bool) -> Signer:
    """Return the utility's account; on the local chain the first unless .env names another."""
    if not remote and not settings.utility_account:
        return _unlocked(web3, _LOCAL_UTILITY)
    return _named(settings.require_utility_account(), web3, remote=remote)


def consumer_signer(settings: Settings, web3: Web3, *, remote: bool) -> Signer:
    """Return the consumer's account; on the local chain the second unless .env names another."""
    if not remote and not settings.consumer_account:
        return _unlocked(web3, _LOCAL_CONSUMER)
    return _named(settings.require_consumer_account(), web3, remote=remote)


def _end_own_anvil() -> None:
    """End the Anvil that `brownie run` launched for this process, if it did.

    It would be gone when this process ends, so nobody else could ever meet us on it.
    """
    rpc = Rpc()
    if rpc.is_active() and rpc.is_child():
        with redirect_stdout(StringIO()):
            network.disconnect()


def _unlocked(web3: Web3, index: int) -> Signer:
    """Return one of the accounts that the local chain's node has made."""
    addresses = web3.eth.accounts
    if index >= len(addresses):
        raise MarketError(
            f"The local chain's node has {len(addresses)} accounts, and account {index} is needed: "
            "name one in .env, or start the chain with ./run_chain.sh"
        )
    return UnlockedSigner(addresses[index])


def _named(account: Account, web3: Web3, *, remote: bool) -> Signer:
    """Return an account of Brownie's keystore, or on the local chain the node's of that number."""
    if not remote and account.name.isdecimal():
        return _unlocked(web3, int(account.name))
    if account.name not in accounts.load():
        raise MarketError(
            f"There is no account {account.name} in Brownie's keystore: "
            "`brownie accounts list` shows the names, `brownie accounts new NAME` adds one"
        )
    password = account.password.get_secret_value() or _typed(account)
    try:
        loaded = accounts.load(account.name, password)
    except (ValueError, LookupError, TypeError, OSError) as problem:
        if "MAC" not in str(problem):
            raise MarketError(
                f"The keystore file of account {account.name} is damaged, or cannot be read: "
                "put it back from your copy, or import the key with `brownie accounts new NAME`"
            ) from None
        raise MarketError(
            f"The password of account {account.name} is wrong: mend it in .env"
        ) from None
    return KeySigner(EthAccount.from_key(loaded.private_key))


def _typed(account: Account) -> str:
    """Return the password that the person at the terminal types; MarketError without a terminal."""
    try:
        with warnings.catch_warnings():
            # Said where the password could only be read from a pipe, and would be shown.
            warnings.simplefilter("error", GetPassWarning)
            return getpass(f"Password of account {account.name}: ")
    except (GetPassWarning, EOFError):
        raise MarketError(
            f"The password of account {account.name} is not in .env, and there is no terminal "
            "to type it at: write it into .env"
        ) from None


def _known_url(name: str, known: dict[str, Any] | None) -> str:
    """Return the node that Brownie knows for a network, with its $VARIABLES filled in."""
    if not name:
        raise MarketError(
            "No live network is named: write REMOTE_NETWORK, for example sepolia, into .env, "
            "or the address of a node as REMOTE_RPC_URL"
        )
    if known is None or "cmd" in known:
        raise MarketError(
            f"{name} is not a live network that Brownie knows: `brownie networks list` shows them; "
            "for another, write its node's address as REMOTE_RPC_URL into .env"
        )
    url: str = expanded(known["host"])
    if unset := re.search(r"\$\{?(\w+)", url):
        raise MarketError(
            f"Network {name} needs {unset[1]}: write it into .env, "
            "or the address of another node as REMOTE_RPC_URL"
        )
    return url


def _require_chain(web3: Web3, name: str, known: dict[str, Any] | None) -> None:
    """Refuse a node of another chain than the network's."""
    expected = known.get("chainid") if known else None
    with node_errors(web3):
        actual = web3.eth.chain_id
    if expected is not None and actual != int(expected):
        raise MarketError(
            f"The node at {node_name(web3)} is on chain {actual}, and {name} is chain {expected}: "
            "mend REMOTE_NETWORK or REMOTE_RPC_URL in .env"
        )
