"""Deploy the contract and remember its address: `brownie run scripts/deploy.py [main remote]`."""

from market.commands import deploy_contract
from market.session import run


def main(network: str = "local") -> None:
    """Deploy to the local chain, or to the live network in .env with "remote"."""
    run(deploy_contract, network)
