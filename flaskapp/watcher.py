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
        self._waiting = 0
        self._running = False
        self.closed = False

    @property
    def is_looking(self) -> bool:
        """Return whether it looks at present."""
        with self._changed:
            return self._running

    def newest(self, after: int = 0, timeout_s: float = 0.0) -> tuple[int, T | None]:
        """Return the newest look that differs from the one before, with its number.

        One with a number above `after` is waited for, for as long as `timeout_s`; None as long as
        there is none. After a time in which nobody has asked, what was seen before is forgotten.
        """
        with self._changed:
            self._asked_s = monotonic()
            if not self._running and not self.closed:
                self._running = True
                threading.Thread(target=self._watch, daemon=True, name="watcher").start()
            self._waiting += 1
            self._changed.wait_for(lambda: self.closed or self._has_newer(after), timeout_s)
            self._waiting -= 1
            return self._version, self._newest

    def close(self) -> None:
        """Look no more, and let nobody wait."""
        with self._changed:
            self.closed = True
            self._changed.notify_all()

    def _has_newer(self, after: int) -> bool:
        return self._newest is not None and self._version > after

    def _watch(self) -> None:
        try:
            while True:
                seen = self._look()
                with self._changed:
                    self._take(seen)
                    self._changed.wait_for(lambda: self.closed, self._every_s)
                    if self._is_unwatched():
                        # In one with the question: who asks next must find that it has ended.
                        self._rest()
                        return
        except BaseException:
            with self._changed:
                self._rest()
            raise

    def _take(self, seen: T) -> None:
        if seen != self._newest:
            self._newest = seen
            self._version += 1
            self._changed.notify_all()

    def _is_unwatched(self) -> bool:
        unasked_s = monotonic() - self._asked_s
        return self.closed or (not self._waiting and unasked_s > _UNWATCHED_S)

    def _rest(self) -> None:
        """Look no more until somebody asks; by then, what was seen last is old."""
        self._running = False
        if not self.closed:
            self._newest = None
