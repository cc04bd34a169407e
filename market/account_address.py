"""Whose bids are this consumer's: its address, found without its password."""

from eth_typing import ChecksumAddress
from web3 import Web3

from market.accounts import consumer_signer
from market.keystore import read_address
from market.settings import Settings


def consumer_address(settings: Settings, web3: Web3, *, remote: bool) -> ChecksumAddress | None:
    """Return the consumer's address; None where its keystore file does not tell it.

    MarketError if .env names no account, or one that there is not.
    """
    name = settings.consumer_account
    if not remote and (not name or name.isdecimal()):
        return consumer_signer(settings, web3, remote=remote).address
    account = settings.require_consumer_account()
    return read_address(settings.keystore_folder, account.name)
