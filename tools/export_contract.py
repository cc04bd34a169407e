"""Write market/Demand_Reduction.json from Brownie's build: what the scripts need of the contract.

Run it after every change of the contract, in the project's environment:

    brownie compile && python tools/export_contract.py
"""

import json
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "market" / "Demand_Reduction.json"


def exported() -> str:
    """Return the file's content for the build and the compiler settings as they are now."""
    build = json.loads((ROOT / "build/contracts/Demand_Reduction.json").read_text("utf-8"))
    config = yaml.safe_load((ROOT / "brownie-config.yaml").read_text("utf-8"))["compiler"]
    contract: dict[str, Any] = {
        "contractName": build["contractName"],
        "sourcePath": build["sourcePath"],
        "sources": sorted(build["allSourcePaths"].values()),
        "compiler": build["compiler"]["version"],
        "settings": {
            "evmVersion": config["evm_version"],
            "optimizer": config["solc"]["optimizer"],
            "remappings": config["solc"]["remappings"],
            "viaIR": config["solc"]["viaIR"],
        },
        "abi": build["abi"],
        "bytecode": build["bytecode"],
    }
    return json.dumps(contract, indent=1) + "\n"


if __name__ == "__main__":
    TARGET.write_text(exported(), "utf-8")
