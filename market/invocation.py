"""What a person types to start a command of ours, the way this program was started."""

import os

_STARTED_BY = "MARKET_STARTED_BY"
_BROWNIE = "brownie"


def note_brownie() -> None:
    """Remember, for the programs that this process becomes or starts too, that Brownie runs it."""
    os.environ[_STARTED_BY] = _BROWNIE


def command(role: str, *words: str) -> str:
    """Return what to type for a role and the words after it."""
    if os.environ.get(_STARTED_BY) == _BROWNIE:
        return " ".join(["brownie run", f"scripts/{role}.py", *words])
    return " ".join(["python -m market", role, *words])
