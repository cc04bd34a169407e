"""Register the consumer: `brownie run scripts/register.py [main remote]`."""

from market.commands import register_consumer
from market.session import run


def main(network: str = "local") -> None:
    """Register on the local chain, or on the live network in .env with "remote"."""
    run(register_consumer, network)
