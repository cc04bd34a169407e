"""One look a second at the market, shared by everybody who watches, and none when nobody does."""

import threading
from collections.abc import Callable
from time import monotonic
from typing import Generic, TypeVar

_EVERY_S = 1.0
_UNWATCHED_S = 15.0

T = TypeVar("T")


class Watcher(Generic[T]):
    """Looks in a thread of its own, as long as anybody has asked lately."""

    def __init__(self, look: Callable[[], T], every_s: float = _EVERY_S) -> None:
        self._look, self._every_s = look, every_s
        self._changed = threading.Condition()
        self._newest: T | None = None
        self._version = 0
        self._asked_s = 0.0
        self._running = False
        self.closed = False

    def newest(self, after: int = 0, timeout_s: float = 0.0) -> tuple[int, T | None]:
        """Return the newest look that differs from the one before, with its number.

        One with a number above `after` is waited for, for as long as `timeout_s`.
        """
        with self._changed:
            self._asked_s = monotonic()
            if not self._running and not self.closed:
                self._running = True
                threading.Thread(target=self._watch, daemon=True, name="watcher").start()
            self._changed.wait_for(lambda: self._version > after or self.closed, timeout_s)
            return self._version, self._newest

    def close(self) -> None:
        """Look no more, and let nobody wait."""
        with self._changed:
            self.closed = True
            self._changed.notify_all()

    def _watch(self) -> None:
        try:
            self._look_on()
        finally:
            # Whatever has ended it: who asks next has it begin again.
            with self._changed:
                self._running = False

    def _look_on(self) -> None:
        while True:
            seen = self._look()
            with self._changed:
                if seen != self._newest:
                    self._newest = seen
                    self._version += 1
                    self._changed.notify_all()
                self._changed.wait_for(lambda: self.closed, self._every_s)
                if self.closed or monotonic() - self._asked_s > _UNWATCHED_S:
                    return
