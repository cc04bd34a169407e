"""Register the consumer: `brownie run scripts/register.py [main remote]`."""

from market.brownie_env import run


def main(*network: str) -> None:
    """Register on the local chain, or on the live network in .env with "remote"."""
    run("register", *network)
