"""Ctrl-C, SIGTERM, a closed terminal: one KeyboardInterrupt, however often they come."""

import os
import signal
import sys
import threading
from time import monotonic
from types import FrameType

INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# A second Ctrl-C so soon is the same impatience, and must not break off what the first one starts.
_IMPATIENCE_S = 1
_SOON_S = 0.05


class _Interrupts:
    """Raises a KeyboardInterrupt, and again only after a while."""

    def __init__(self) -> None:
        self._raised_s = float("-inf")

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        now_s = monotonic()
        if now_s - self._raised_s > _IMPATIENCE_S:
            self._raised_s = now_s
            raise KeyboardInterrupt

    def mend(self, lost: "sys.UnraisableHookArgs") -> None:
        """Have it come again where Python loses it: while an object is cleared away."""
        if not issubclass(lost.exc_type, KeyboardInterrupt):
            sys.__unraisablehook__(lost)
            return
        self._raised_s = float("-inf")
        # Not at once: that would still be in the middle of what loses it.
        again = threading.Timer(_SOON_S, os.kill, [os.getpid(), signal.SIGINT])
        again.daemon = True
        again.start()


def raise_interrupts() -> None:
    """Have these signals raise a KeyboardInterrupt in the main thread from now on.

    A closed terminal does not, where somebody has said so: with nohup.
    """
    interrupts = _Interrupts()
    for number in INTERRUPTS:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, interrupts)
    sys.unraisablehook = interrupts.mend


def ignore_interrupts() -> None:
    """Let nothing break off the end that an interrupt has brought about."""
    for number in INTERRUPTS:
        signal.signal(number, signal.SIG_IGN)
