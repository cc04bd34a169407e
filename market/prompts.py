"""Questions to the person at the terminal."""

from rich.prompt import Confirm, Prompt

from market.errors import MarketError
from market.invocation import command


def unattended() -> str:
    """Return what to type where nobody answers questions."""
    return command("utility", "request", "5", "0.004", "60")


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
    return MarketError(f"Nobody answers the questions: use `{unattended()}`")
