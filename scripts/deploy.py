"""Deploy the contract and remember its address: `brownie run scripts/deploy.py [main remote]`."""

from market.brownie_env import run


def main(*network: str) -> None:
    """Deploy to the local chain, or to the live network in .env with "remote"."""
    run("deploy", *network)
