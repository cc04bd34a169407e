"""The compiled contract, as the repository ships it: bidding needs no compiler."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from market.errors import MarketError

_FILE = Path(__file__).with_name("Demand_Reduction.json")


@cache
def load_artifact() -> dict[str, Any]:
    """Return what tools/export_contract.py wrote: "abi", "bytecode" and how it was compiled.

    MarketError if the file is missing or damaged.
    """
    try:
        artifact: dict[str, Any] = json.loads(_FILE.read_text("utf-8"))
        artifact["abi"], artifact["bytecode"]
    except (OSError, ValueError, KeyError, TypeError):
        raise MarketError(
            f"The compiled contract {_FILE} is missing or damaged: get it from the repository again"
        ) from None
    return artifact
