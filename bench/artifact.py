"""The contract as the project ships it, compiled from the sources as they are now."""

import json
from dataclasses import dataclass
from typing import Any

from tools.export_contract import exported


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
    contract = json.loads(exported())
    return Artifact(contract["abi"], contract["bytecode"], _describe(contract))


def _describe(contract: dict[str, Any]) -> str:
    settings = contract["settings"]
    optimizer = settings["optimizer"]
    runs = f"optimizer for {optimizer['runs']:,} runs" if optimizer["enabled"] else "no optimizer"
    pipeline = "via IR" if settings["viaIR"] else "not via IR"
    return f"solc {contract['compiler']}, EVM {settings['evmVersion']}, {runs}, {pipeline}"
