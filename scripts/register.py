"""Register the consumer: `brownie run scripts/register.py [main remote]`."""

from market.brownie_env import run


def main(*network: str) -> None:
    """Register on the local chain, or on the live network in .env with "remote"."""
    run("register", *network)


def remote() -> None:
    """Do the same on the live network in .env, for whoever leaves out "main"."""
    main("remote")
