"""What was measured at size, and the file that keeps it for the pages and the chart."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from pydantic import TypeAdapter

FIGURES_FILE = Path(__file__).with_name("scale.json")


@dataclass(frozen=True, slots=True)
class RoundFigures:
    """One round of a size; gas of all transactions of a kind together, times in s."""

    bids: int
    winners: int
    first_bids_gas: int
    bids_gas: int
    bids_blocks: int
    bids_s: float
    bid_bytes: int
    select_gas: int
    select_s: float
    pay_gas: int
    payments: int
    pay_s: float
    dearest_gas: int
    report_s: float
    report_calls: int
    refresh_s: float
    refresh_calls: int
    look_s: float
    look_calls: int
    peak_mb: float


@dataclass(frozen=True, slots=True)
class AgentFigures:
    """Many consumers as processes of their own on one node; times in s, memory in MB."""

    agents: int
    poll_s: float
    block_s: int
    gate_s: int
    bid_usual_s: float
    bid_latest_s: float
    spare_s: int
    resting_per_s: float
    busiest_per_s: int
    shared_out_mb: float
    private_mb: float


@dataclass(frozen=True, slots=True)
class Scale:
    """A whole run; `code` tells the contract that was measured from any other."""

    code: str
    compiler: str
    processors: int
    rounds: tuple[RoundFigures, ...]
    agents: AgentFigures


_ADAPTER = TypeAdapter(Scale)


def code_name(bytecode: str) -> str:
    """Return what tells a contract's code from any other."""
    return sha256(bytecode.encode()).hexdigest()[:16]


def save(measured: Scale, file: Path = FIGURES_FILE) -> None:
    """Keep a run."""
    file.write_bytes(_ADAPTER.dump_json(measured, indent=1) + b"\n")


def load(file: Path = FIGURES_FILE) -> Scale:
    """Return the run that was kept last."""
    return _ADAPTER.validate_json(file.read_bytes())
