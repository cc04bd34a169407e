"""Request a demand reduction and see it through to the payment of the winners.

brownie run scripts/utility.py [main remote]               asks for the terms
brownie run scripts/utility.py request 5 0.004 60 [remote] asks nothing: kWh, ETH/kWh, seconds
                                                           (60, if there are none)
brownie run scripts/utility.py finish [remote]             finishes what was left unfinished
brownie run scripts/utility.py cancel 1 [remote]           cancels a request, before gate closure
brownie run scripts/utility.py approve 0x... [remote]      lets consumers bid (revoke: no longer)
brownie run scripts/utility.py withdraw [remote]           gets a refund that could not be pushed
"""

from market.brownie_env import run


def main(*network: str) -> None:
    """Ask for the terms of a request and carry it through."""
    run("utility", *network)


def remote() -> None:
    """Do the same on the live network in .env, for whoever leaves out "main"."""
    main("remote")


def request(*terms: str) -> None:
    """Carry a request through: reduction in kWh, highest price in ETH/kWh, bidding time in s."""
    run("utility", "request", *terms)


def finish(*network: str) -> None:
    """Select and pay the winners of every request whose gate has closed."""
    run("utility", "finish", *network)


def cancel(*request_id: str) -> None:
    """Cancel a request before its gate closure."""
    run("utility", "cancel", *request_id)


def approve(*consumers: str) -> None:
    """Approve consumers by their addresses."""
    run("utility", "approve", *consumers)


def revoke(*consumers: str) -> None:
    """Take registration and approval from consumers, by their addresses."""
    run("utility", "revoke", *consumers)


def withdraw(*network: str) -> None:
    """Take out the utility's deferred money."""
    run("utility", "withdraw", *network)
