"""What a person types to start a command of ours, the way this program was started."""

import os

_STARTED_BY = "MARKET_STARTED_BY"
_BROWNIE = "brownie"
_NETWORK = "MARKET_NETWORK"


def note_brownie() -> None:
    """Remember, for the programs that this process becomes or starts too, that Brownie runs it."""
    os.environ[_STARTED_BY] = _BROWNIE


def note_network(word: str) -> None:
    """Remember the word behind a command that names this program's network; "" for none."""
    os.environ[_NETWORK] = word


def command(role: str, *words: str) -> str:
    """Return what to type for a role and the words after it, on the network of this program."""
    network = os.environ.get(_NETWORK)
    behind = [*words, network] if network else words
    if os.environ.get(_STARTED_BY) == _BROWNIE:
        # Brownie takes the first word for a function of the script.
        function = ["main"] if network and not words else []
        return " ".join(["brownie run", f"scripts/{role}.py", *function, *behind])
    return " ".join(["python -m market", role, *behind])
