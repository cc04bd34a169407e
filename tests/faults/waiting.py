"""Waiting for what processes do, and saying what they printed where they do not."""

from collections.abc import Callable
from time import monotonic, sleep

_TIMEOUT_S = 90


def wait_until(
    condition: Callable[[], object], told: Callable[[], str] = str, timeout_s: float = _TIMEOUT_S
) -> None:
    """Return once the condition holds; the test fails with what was told if that takes long."""
    deadline = monotonic() + timeout_s
    while not condition():
        assert monotonic() < deadline, f"waited in vain for {timeout_s} s; told was:\n{told()}"
        sleep(0.03)
