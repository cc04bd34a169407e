"""Hardhat's node: another implementation than Anvil, and with blocks that take their time."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from select import select

from tests.scripts.ports import free_port

BLOCK_MS = 1000
CHAIN_ID = 9009
_START_S = 120
_PROGRAM = Path(__file__).with_name("hardhat.mjs")


@contextmanager
def running_hardhat(chain_id: int = CHAIN_ID, block_ms: int = BLOCK_MS) -> Iterator[str]:
    """Run Hardhat's node and yield its address; the process is gone when the block is left.

    With `block_ms` of 0 a block comes only when it is asked for.
    """
    port = free_port()
    command = [Path(sys.executable).with_name("node"), _PROGRAM, port, chain_id, block_ms]
    with subprocess.Popen(
        [str(word) for word in command], stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        try:
            assert process.stdout
            ready, *_ = select([process.stdout], [], [], _START_S)
            assert ready, f"the node does not listen after {_START_S} s"
            assert process.stdout.readline() == b"listening\n"
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()
