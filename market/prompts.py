"""Questions to the person at the terminal."""

from rich.prompt import Confirm, Prompt

from market.errors import MarketError

UNATTENDED = "brownie run scripts/utility.py request 5 0.004 60"
"""What to write where nobody answers questions."""


def ask(question: str, default: str | None = None) -> str:
    """Return the answer; MarketError if nobody is there to answer."""
    try:
        return Prompt.ask(question, default=default) or ""
    except EOFError:
        raise _nobody_answers() from None


def confirmed(question: str, *, default: bool = False) -> bool:
    """Return whether the answer is yes; MarketError if nobody is there to answer."""
    try:
        return Confirm.ask(question, default=default)
    except EOFError:
        raise _nobody_answers() from None


def _nobody_answers() -> MarketError:
    return MarketError(f"Nobody answers the questions: use `{UNATTENDED}`")
