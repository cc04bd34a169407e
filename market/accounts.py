"""Whose account it is: one of the keystore, or on the local chain one that its node has made."""

from web3 import Web3

from market.errors import MarketError
from market.keystore import load_key
from market.node import node_errors
from market.settings import Account, Settings
from market.signer import KeySigner, Signer, UnlockedSigner

_LOCAL_UTILITY, _LOCAL_CONSUMER = 0, 1


def utility_signer(settings: Settings, web3: Web3, *, remote: bool) -> Signer:
    """Return the utility's account; on the local chain the first unless .env names another."""
    if not remote and not settings.utility_account:
        return _unlocked(web3, _LOCAL_UTILITY)
    return _named(settings, settings.require_utility_account(), web3, remote=remote)


def consumer_signer(settings: Settings, web3: Web3, *, remote: bool) -> Signer:
    """Return the consumer's account; on the local chain the second unless .env names another."""
    if not remote and not settings.consumer_account:
        return _unlocked(web3, _LOCAL_CONSUMER)
    return _named(settings, settings.require_consumer_account(), web3, remote=remote)


def _named(settings: Settings, account: Account, web3: Web3, *, remote: bool) -> Signer:
    """Return an account of the keystore, or on the local chain the node's of that number."""
    if not remote and account.name.isdecimal():
        return _unlocked(web3, int(account.name))
    return KeySigner(load_key(settings.keystore_folder, account))


def _unlocked(web3: Web3, index: int) -> Signer:
    """Return one of the accounts that the local chain's node has made."""
    with node_errors(web3):
        addresses = web3.eth.accounts
    if index >= len(addresses):
        raise MarketError(
            f"The local chain's node has {len(addresses)} accounts, and account {index} is needed: "
            "name one in .env, or start the chain with ./run_chain.sh"
        )
    return UnlockedSigner(addresses[index])
