"""Bid in every request, until stopped: `brownie run scripts/consumer.py [main remote]`."""

from market.commands import consume
from market.session import run


def main(network: str = "local") -> None:
    """Work on the local chain, or on the live network in .env with "remote"."""
    run(consume, network)
