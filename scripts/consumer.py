"""Bid in every request, until stopped.

brownie run scripts/consumer.py [main remote]  bids, and reports what was won
brownie run scripts/consumer.py withdraw [remote]  gets what could not be pushed to the account
"""

from market.commands import consume, withdraw_deferred
from market.session import run


def main(network: str = "local") -> None:
    """Work on the local chain, or on the live network in .env with "remote"."""
    run(consume, network)


def withdraw(network: str = "local") -> None:
    """Take out the consumer's deferred money."""
    run(lambda session: withdraw_deferred(session, session.consumer_sender()), network)
