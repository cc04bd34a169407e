"""Brownie, which starts scripts beside a chain they do not want. No other module knows it."""

import os
import signal
import sys
from contextlib import redirect_stdout
from functools import partial
from io import StringIO

from brownie import network
from brownie.network.rpc import Rpc

from market import command_line
from market.interrupts import INTERRUPTS
from market.invocation import note_brownie


def run(role: str, *words: str) -> None:
    """Run what a role and the words after it name, from `brownie run`."""
    note_brownie()
    prepare = partial(_leave_brownie, role, *words) if role == "consumer" else end_own_anvil
    command_line.run(role, *words, prepare=prepare)


def _leave_brownie(*words: str) -> None:
    """Go on as `python -m market` in this same process, without anything of Brownie's in it.

    A consumer runs for months, and Brownie with its project takes as much memory as all the rest.
    """
    end_own_anvil()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    # Held back until the new program can answer them in a line: Python's own start cannot.
    signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPTS)
    os.execv(sys.executable, [sys.executable, "-m", "market", "--", *words])


def end_own_anvil() -> None:
    """End the Anvil that `brownie run` launched for this process, if it did.

    It would be gone when this process ends, so nobody else could ever meet us on it.
    """
    rpc = Rpc()
    if rpc.is_active() and rpc.is_child():
        with redirect_stdout(StringIO()):
            network.disconnect()
