"""A local chain of one's own: Anvil as a child process on a free port."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

from web3 import HTTPProvider
from web3.types import RPCEndpoint

from market.errors import MarketError

START_TIMEOUT_S = 20
"""How long Anvil may take to answer; it usually needs a third of a second."""


@contextmanager
def running_anvil(*options: str) -> Iterator[str]:
    """Runs Anvil and yields its RPC address; the process is gone when the block is left.

    Blocks hold at most 16,777,216 gas a transaction, as on Ethereum, and cost nothing.

    Raises:
        MarketError: Anvil is not installed or does not start.
    """
    command = [_anvil_binary(), "--port", "0", "--enable-tx-gas-limit", "--base-fee", "0"]
    # A session of its own: Ctrl-C reaches the scripts only, which still need the chain to end well.
    with subprocess.Popen(
        [*command, *options], stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        try:
            url = f"http://127.0.0.1:{_port(process)}"
            # Nobody reads what it prints from here on, and a full pipe would stop it.
            HTTPProvider(url).make_request(RPCEndpoint("anvil_setLoggingEnabled"), [False])
            yield url
        finally:
            process.terminate()
            process.wait()


def _anvil_binary() -> str:
    """The Anvil that the set-up put beside this Python."""
    beside_python = Path(sys.executable).parent / "anvil"
    found = str(beside_python) if beside_python.exists() else shutil.which("anvil")
    if not found:
        raise MarketError(
            "Anvil is not installed: run ./run_tests.sh or ./run_demo.sh, which set it up."
        )
    return found


def _port(process: subprocess.Popen[bytes]) -> int:
    """Return the port that Anvil was given, which is nobody else's."""
    overdue = Timer(START_TIMEOUT_S, process.kill)
    try:
        overdue.start()
        assert process.stdout
        for line in process.stdout:
            if line.startswith(b"Listening on "):
                return int(line.rsplit(b":", 1)[1])
    finally:
        overdue.cancel()
    raise MarketError(f"Anvil did not start: it ended with status {process.wait()}.")
