"""Trying again, ever more rarely and not in step with others, until something can be done."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from time import monotonic, sleep
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, wait_random_exponential

from market.errors import MarketError
from market.node import NodeUnavailableError
from market.provider import WrongChainError

LONGEST_BACKOFF_S = 20.0
"""Short enough not to sleep through what is waited for, long enough to leave a node in peace."""

Errors = tuple[type[MarketError], ...]
T = TypeVar("T")


def retried(
    act: Callable[[], T],
    *,
    worth: Errors = (NodeUnavailableError,),
    refused: Errors = (WrongChainError,),
    poll_s: float,
    on_wait: Callable[[MarketError], None],
    pause: Callable[[float], None] = sleep,
    longest_s: float = LONGEST_BACKOFF_S,
) -> T:
    """Return what `act` does, as soon as it raises none of the errors that are worth waiting.

    `refused` are raised though they are among those; `on_wait` is called before each pause.
    """

    def is_worth_waiting(problem: BaseException) -> bool:
        return isinstance(problem, worth) and not isinstance(problem, refused)

    def before_sleep(retry: RetryCallState) -> None:
        problem = retry.outcome.exception() if retry.outcome else None
        if isinstance(problem, MarketError):
            on_wait(problem)

    retrying = Retrying(
        retry=retry_if_exception(is_worth_waiting),
        wait=wait_random_exponential(multiplier=poll_s, max=longest_s),
        before_sleep=before_sleep,
        sleep=pause,
        reraise=True,
    )
    return retrying(act)


class NonsenseError(NodeUnavailableError):
    """What a node has answered cannot be made sense of, or the program has a mistake of its own."""


def sensibly(act: Callable[[], T]) -> T:
    """Return what `act` does; answers that make no sense are a node that is away."""
    try:
        return act()
    except MarketError:
        raise
    # Whatever a broken node answers must not end a program that nobody looks after.
    except Exception as problem:
        name = type(problem).__name__
        raise NonsenseError(
            f"The node's answer made no sense ({name}: {problem}): trying again"
        ) from problem


@dataclass(slots=True)
class Patience:
    """Waits for a node that is away or makes no sense, and says once why; Ctrl-C ends it.

    `away_s` is how long it has waited altogether.
    """

    poll_s: float = 1.0
    tell: Callable[[MarketError], None] = lambda _: None
    pause: Callable[[float], None] = sleep
    away_s: float = 0.0
    _told: set[type] = field(default_factory=set)

    def __call__(self, act: Callable[[], T], *others: type[MarketError]) -> T:
        """Return what `act` does as soon as it can be done; `others` are worth waiting, too."""
        done = retried(
            partial(sensibly, act),
            worth=(NodeUnavailableError, *others),
            poll_s=self.poll_s,
            on_wait=self._tell_once,
            pause=self._pause,
        )
        self._told.clear()
        return done

    def _tell_once(self, problem: MarketError) -> None:
        if type(problem) not in self._told:
            self.tell(problem)
        self._told.add(type(problem))

    def _pause(self, seconds: float) -> None:
        began_s = monotonic()
        self.pause(seconds)
        self.away_s += monotonic() - began_s
