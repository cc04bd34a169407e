"""Deploy the contract and remember its address: `brownie run scripts/deploy.py [main remote]`."""

from market.brownie_env import run


def main(*network: str) -> None:
    """Deploy to the local chain, or to the live network in .env with "remote"."""
    run("deploy", *network)


def remote() -> None:
    """Do the same on the live network in .env, for whoever leaves out "main"."""
    main("remote")
