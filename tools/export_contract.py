"""Write market/Demand_Reduction.json: the compiled contract, as the scripts and explorers need it.

Run it after every change of the contract, in the project's environment:

    python -m tools.export_contract

The contract is compiled by itself. Compiled together with others, as Brownie does, the same
source gives slightly different code, and an explorer could not find it again.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from market.errors import MarketError

ROOT = Path(__file__).resolve().parent.parent
NAME = "Demand_Reduction"
SOURCE = f"contracts/{NAME}.sol"
TARGET = ROOT / "market" / f"{NAME}.json"


def exported() -> str:
    """Return the file's content for the sources and settings as they are now.

    MarketError when they do not compile.
    """
    settings = compiler_settings()
    compiled = _compile(settings)
    metadata = json.loads(compiled["metadata"])
    contract: dict[str, Any] = {
        "contractName": NAME,
        "sourcePath": SOURCE,
        "sources": sorted(metadata["sources"]),
        "compiler": metadata["compiler"]["version"],
        "settings": settings,
        "abi": compiled["abi"],
        "bytecode": compiled["evm"]["bytecode"]["object"],
    }
    return json.dumps(contract, indent=1) + "\n"


def compiler_settings() -> dict[str, Any]:
    """Return the compiler settings of brownie-config.yaml, as solc names them."""
    compiler = yaml.safe_load((ROOT / "brownie-config.yaml").read_text("utf-8"))["compiler"]
    solc = compiler["solc"]
    return {
        "evmVersion": compiler["evm_version"],
        "optimizer": solc["optimizer"],
        "remappings": solc["remappings"],
        "viaIR": solc["viaIR"],
    }


def _compile(settings: dict[str, Any]) -> dict[str, Any]:
    outputs = ["abi", "evm.bytecode.object", "metadata"]
    question = {
        "language": "Solidity",
        "sources": {SOURCE: {"content": (ROOT / SOURCE).read_text("utf-8")}},
        "settings": {**settings, "outputSelection": {SOURCE: {NAME: outputs}}},
    }
    (solc,) = (ROOT / ".solcx").glob("solc-v*")
    done = subprocess.run(
        [solc, "--standard-json", "--allow-paths", str(ROOT)],
        cwd=ROOT,
        input=json.dumps(question),
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(done.stdout)
    for problem in answer.get("errors", []):
        if problem["severity"] == "error":
            raise MarketError(f"The contract does not compile: {problem['formattedMessage']}")
    compiled: dict[str, Any] = answer["contracts"][SOURCE][NAME]
    return compiled


if __name__ == "__main__":
    try:
        TARGET.write_text(exported(), "utf-8")
    except MarketError as error:
        sys.exit(str(error))
