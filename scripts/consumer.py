"""Bid in every request, until stopped.

brownie run scripts/consumer.py [main remote]  bids, and reports what was won
brownie run scripts/consumer.py withdraw [remote]  gets what could not be pushed to the account
brownie run scripts/consumer.py status  says how the consumer that works with this folder is
"""

from market.brownie_env import run


def main(*network: str) -> None:
    """Work on the local chain, or on the live network in .env with "remote"."""
    run("consumer", *network)


def remote() -> None:
    """Do the same on the live network in .env, for whoever leaves out "main"."""
    main("remote")


def withdraw(*network: str) -> None:
    """Take out the consumer's deferred money."""
    run("consumer", "withdraw", *network)


def status() -> None:
    """Say how the consumer is that works with this folder; the exit status is 0 if it is alive."""
    run("consumer", "status")
