"""Request a demand reduction and see it through to the payment of the winners.

brownie run scripts/utility.py [main remote]               asks for the terms
brownie run scripts/utility.py request 5 0.004 60 [remote] asks nothing: kWh, ETH/kWh, seconds
brownie run scripts/utility.py finish [remote]             finishes what was left unfinished
"""

from market.commands import (
    finish_requests,
    request_interactively,
    request_unattended,
)
from market.session import run


def main(network: str = "local") -> None:
    """Ask for the terms of a request and carry it through."""
    run(request_interactively, network)


def request(reduction: str, price: str, seconds: str = "60", network: str = "local") -> None:
    """Carry a request through: reduction in kWh, highest price in ETH/kWh, bidding time in s."""
    run(lambda session: request_unattended(session, reduction, price, seconds), network)


def finish(network: str = "local") -> None:
    """Select and pay the winners of every request whose gate has closed."""
    run(finish_requests, network)
