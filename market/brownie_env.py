"""Brownie, which starts scripts beside a chain they do not want. No other module knows it."""

from contextlib import redirect_stdout
from io import StringIO

from brownie import network
from brownie.network.rpc import Rpc

from market import command_line


def run(role: str, *words: str) -> None:
    """Run what a role and the words after it name, from `brownie run`."""
    command_line.run(role, *words, prepare=end_own_anvil)


def end_own_anvil() -> None:
    """End the Anvil that `brownie run` launched for this process, if it did.

    It would be gone when this process ends, so nobody else could ever meet us on it.
    """
    rpc = Rpc()
    if rpc.is_active() and rpc.is_child():
        with redirect_stdout(StringIO()):
            network.disconnect()
