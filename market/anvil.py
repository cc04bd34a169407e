"""A local chain of one's own: Anvil as a child process on a free port."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

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
    port = _free_port()
    command = [_anvil_binary(), "--port", str(port), "--silent", "--enable-tx-gas-limit"]
    # A session of its own: Ctrl-C reaches the scripts only, which still need the chain to end well.
    process = subprocess.Popen([*command, "--base-fee", "0", *options], start_new_session=True)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_listening(url, process)
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


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_listening(url: str, process: subprocess.Popen[bytes]) -> None:
    for attempt in Retrying(
        retry=retry_if_exception_type(OSError),
        stop=stop_after_delay(START_TIMEOUT_S),
        wait=wait_fixed(0.1),
        reraise=True,
    ):
        with attempt:
            if process.poll() is not None:
                raise MarketError(
                    f"Anvil did not start: it ended with status {process.returncode}."
                )
            socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1])), timeout=1).close()
