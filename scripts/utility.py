"""Request a demand reduction and see it through to the payment of the winners.

brownie run scripts/utility.py [main remote]               asks for the terms
brownie run scripts/utility.py request 5 0.004 60 [remote] asks nothing: kWh, ETH/kWh, seconds
brownie run scripts/utility.py finish [remote]             finishes what was left unfinished
brownie run scripts/utility.py cancel 1 [remote]           cancels a request, before gate closure
brownie run scripts/utility.py approve 0x... [remote]      lets consumers bid (revoke: no longer)
brownie run scripts/utility.py withdraw [remote]           gets a refund that could not be pushed
"""

from market.commands import (
    approve_consumers,
    cancel_request,
    finish_requests,
    request_interactively,
    request_unattended,
    revoke_consumers,
    withdraw_deferred,
)
from market.session import run, split_network


def main(network: str = "local") -> None:
    """Ask for the terms of a request and carry it through."""
    run(request_interactively, network)


def request(*terms: str) -> None:
    """Carry a request through: reduction in kWh, highest price in ETH/kWh, bidding time in s."""
    written, network = split_network(terms)
    run(lambda session: request_unattended(session, written), network)


def finish(network: str = "local") -> None:
    """Select and pay the winners of every request whose gate has closed."""
    run(finish_requests, network)


def cancel(request_id: str = "", network: str = "local") -> None:
    """Cancel a request before its gate closure."""
    run(lambda session: cancel_request(session, request_id), network)


def approve(*consumers: str) -> None:
    """Approve consumers by their addresses."""
    addresses, network = split_network(consumers)
    run(lambda session: approve_consumers(session, addresses), network)


def revoke(*consumers: str) -> None:
    """Take registration and approval from consumers, by their addresses."""
    addresses, network = split_network(consumers)
    run(lambda session: revoke_consumers(session, addresses), network)


def withdraw(network: str = "local") -> None:
    """Take out the utility's deferred money."""
    run(lambda session: withdraw_deferred(session, session.utility_sender()), network)
