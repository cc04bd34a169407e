"""A market on a node of its own, opened by a utility whose key is derived like a wallet's."""

from time import sleep

from eth_account.signers.local import LocalAccount

from bench.scale_node import Node
from bench.scale_wallets import derived_key, fund
from market.clearing import Access
from market.contract import DemandReduction
from market.deployment import deploy
from market.provider import connect
from market.signer import KeySigner
from market.transactions import Sender
from market.utility import Utility

PRICE_STEP_WEI = 4 * 10**9
FOLDER = ".scale-"
"""How the folders begin that a run makes in the repository, and takes away at its end."""
_NUMBER = 10**6
"""The number of the utility's key, out of the wallets' way."""
_FUNDS_WEI = 10**21
_POLL_S = 0.1


def utility_key() -> LocalAccount:
    """Return the key of the utility."""
    return derived_key(_NUMBER)


def open_market(node: Node) -> Utility:
    """Deploy a contract in which anybody may bid, and return its utility, which has Ether."""
    key = utility_key()
    fund(node, [key.address], _FUNDS_WEI)
    sender = Sender(connect(node.url), KeySigner(key))
    market = DemandReduction(sender.web3, deploy(sender, Access.OPEN).address)
    return Utility(market, sender, wait=lambda _: sleep(_POLL_S))
