"""What a fuzzer's calls came to: how many of each function, and which errors they ended with."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eth_utils.crypto import keccak

from market.artifact import load_artifact

SUCCESS = "success"
WITHOUT_NAME = "no reason given"
OTHER = "(unknown function)"

USEFUL_SHARE = 0.4
"""The least share of all calls that must change something or be answered."""

_SUCCESS_WORD = "00000000"
_NAMES = {_SUCCESS_WORD: SUCCESS, "ffffffff": WITHOUT_NAME, "b12d13eb": "ETHTransferFailed"}
# The one function that never may succeed.
_ALWAYS_REFUSED = "renounceOwnership"


@dataclass(slots=True)
class Tally:
    """Calls by function and by outcome; an outcome is `SUCCESS` or the name of an error."""

    calls: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def read(self, file: Path) -> None:
        """Add what the fuzzer wrote: lines of `selector error calls`."""
        functions, errors = _names("function"), _names("error") | _NAMES
        for line in file.read_text("ascii").splitlines():
            selector, error, calls = line.split()
            self.calls[functions.get(selector, OTHER)][errors.get(error, error)] += int(calls)

    @property
    def made(self) -> int:
        """How many calls were made."""
        return sum(outcomes.total() for outcomes in self.calls.values())

    @property
    def succeeded(self) -> int:
        """How many of them succeeded."""
        return sum(outcomes[SUCCESS] for outcomes in self.calls.values())

    def complaints(self) -> list[str]:
        """Return what makes the calls worth little as a test; none if they are of use."""
        never = [
            f"{name} has never succeeded"
            for name in sorted(changing_functions())
            if name != _ALWAYS_REFUSED and not self.calls[name][SUCCESS]
        ]
        if self.succeeded < self.made * USEFUL_SHARE or not self.made:
            never.append(f"only {self.succeeded} of {self.made} calls have succeeded")
        return never

    def table(self) -> str:
        """Return a line for every function: calls, successes, errors."""
        lines = [f"{'function':20}{'calls':>10}{'success':>10}  errors"]
        for name, outcomes in sorted(self.calls.items()):
            refused = [f"{error} {n}" for error, n in outcomes.most_common() if error != SUCCESS]
            counts = f"{outcomes.total():>10}{outcomes[SUCCESS]:>10}"
            lines.append(f"{name:20}{counts}  {', '.join(refused)}")
        lines.append(f"{'all':20}{self.made:>10}{self.succeeded:>10}")
        return "\n".join(lines)


def changing_functions() -> set[str]:
    """Return the names of all functions of the contract that may change something."""
    return {
        entry["name"]
        for entry in load_artifact()["abi"]
        if entry["type"] == "function" and entry["stateMutability"] in ("nonpayable", "payable")
    }


def _names(kind: str) -> dict[str, str]:
    entries = [entry for entry in load_artifact()["abi"] if entry["type"] == kind]
    return {keccak(text=_signature(entry))[:4].hex(): entry["name"] for entry in entries}


def _signature(entry: dict[str, Any]) -> str:
    return f"{entry['name']}({','.join(_type(each) for each in entry['inputs'])})"


def _type(parameter: dict[str, Any]) -> str:
    kind = str(parameter["type"])
    if not kind.startswith("tuple"):
        return kind
    inner = ",".join(_type(each) for each in parameter["components"])
    return f"({inner}){kind.removeprefix('tuple')}"
