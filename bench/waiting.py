"""Waiting for what other processes bring about."""

from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from bench.chain import WrongOutcome

T = TypeVar("T")


def until(look: Callable[[], T], problem: str, timeout_s: float = 60, pause_s: float = 0.01) -> T:
    """Return what is there to see as soon as there is anything.

    WrongOutcome with these words if there is nothing in time.
    """
    looking = Retrying(
        retry=retry_if_result(lambda seen: not seen),
        stop=stop_after_delay(timeout_s),
        wait=wait_fixed(pause_s),
    )
    try:
        return looking(look)
    except RetryError:
        raise WrongOutcome(problem) from None
