"""Show one round of the market on a chain of its own: `./run_demo.sh`."""

from market.demo import run_demo


def main() -> None:
    """Run the round in real processes and print what happens."""
    run_demo()
