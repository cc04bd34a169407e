"""Ctrl-C, SIGTERM, a closed terminal: one KeyboardInterrupt, however often they come."""

import signal
import sys
from time import monotonic
from types import FrameType

# The last one is how an interrupt comes again.
INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)
# A second Ctrl-C so soon is the same impatience, and must not break off what the first one starts.
_IMPATIENCE_S = 1
_SOON_S = 0.05
# Longer than any end takes that an interrupt has brought about.
_OVERDUE_S = 10.0


class _Interrupts:
    """Raises a KeyboardInterrupt, and again only after a while."""

    def __init__(self, again_s: float) -> None:
        self._again_s = again_s
        self._raised_s = float("-inf")

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        now_s = monotonic()
        if now_s - self._raised_s > _IMPATIENCE_S:
            self._raised_s = now_s
            signal.setitimer(signal.ITIMER_REAL, self._again_s)
            raise KeyboardInterrupt

    def mend(self, lost: "sys.UnraisableHookArgs") -> None:
        """Have it come again where Python loses it: while an object is cleared away."""
        if not issubclass(lost.exc_type, KeyboardInterrupt):
            sys.__unraisablehook__(lost)
            return
        self._raised_s = float("-inf")
        # Not at once: that would still be in the middle of what loses it.
        signal.setitimer(signal.ITIMER_REAL, _SOON_S)


def raise_interrupts(*, until_ended: bool = False) -> None:
    """Have these signals raise a KeyboardInterrupt in the main thread from now on.

    A closed terminal does not, where somebody has said so: with nohup. `until_ended` it comes again
    if `end_interrupts` is not called: Python swallows one that comes while a file is cleared away,
    and a library that was just taking a lock keeps it, and waits for it for ever.
    """
    interrupts = _Interrupts(_OVERDUE_S if until_ended else 0)
    for number in INTERRUPTS:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, interrupts)
    sys.unraisablehook = interrupts.mend


def end_interrupts() -> None:
    """Have no interrupt come again: what was interrupted has ended."""
    signal.setitimer(signal.ITIMER_REAL, 0)


def ignore_interrupts() -> None:
    """Let nothing break off the end that an interrupt has brought about."""
    end_interrupts()
    for number in INTERRUPTS:
        signal.signal(number, signal.SIG_IGN)
