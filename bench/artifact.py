"""The contract as the project ships it: compiled by Brownie, with brownie-config.yaml."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from market.errors import MarketError
from tools.export_contract import exported

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Artifact:
    """A compiled contract; `compiler` is a line for people that names version and settings."""

    abi: list[Any]
    bytecode: str
    compiler: str


def shipped_artifact() -> Artifact:
    """Return the contract compiled from the sources as they are now.

    MarketError when they do not compile.
    """
    _compile()
    contract = json.loads(exported())
    return Artifact(contract["abi"], contract["bytecode"], _describe(contract))


def _compile() -> None:
    """Have Brownie compile what has changed; it takes two seconds if nothing has."""
    command = [sys.executable, "tools/supervise.py", "brownie", "compile"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        output = (done.stdout + done.stderr).strip()
        raise MarketError(
            f"The contracts do not compile; `brownie compile` ends with: {output[-500:]}"
        )


def _describe(contract: dict[str, Any]) -> str:
    settings = contract["settings"]
    optimizer = settings["optimizer"]
    runs = f"optimizer for {optimizer['runs']:,} runs" if optimizer["enabled"] else "no optimizer"
    pipeline = "via IR" if settings["viaIR"] else "not via IR"
    return f"solc {contract['compiler']}, EVM {settings['evmVersion']}, {runs}, {pipeline}"
