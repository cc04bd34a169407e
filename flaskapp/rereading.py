"""A file that may be changed at any time, and is read again only when it was."""

import threading
from collections.abc import Callable
from pathlib import Path
from time import time
from typing import Generic, NoReturn, TypeVar

from market.errors import MarketError

# Within one tick of the file system's clock a file may change twice, with the same time and size.
_TICK_S = 2.0

T = TypeVar("T")


class OnChange(Generic[T]):
    """Returns what was read last, or raises the MarketError that it had, until the file changes."""

    def __init__(self, path: Path, read: Callable[[], T]) -> None:
        self._path, self._read = path, read
        self._reading = threading.Lock()
        self._seen: tuple[int, int, int] | None = None
        self._outcome: Callable[[], T] | None = None

    def __call__(self) -> T:
        """Return what the file says now; MarketError if it is wrong."""
        with self._reading:
            before = self._mark()
            if self._outcome is None or before is None or before != self._seen:
                self._outcome, self._seen = self._attempt(), before
            outcome = self._outcome
        return outcome()

    def _attempt(self) -> Callable[[], T]:
        try:
            value = self._read()
        except MarketError as problem:
            text = str(problem)
            return lambda: _fail(text)
        return lambda: value

    def _mark(self) -> tuple[int, int, int] | None:
        """Return what tells the file from any other state of it; None while it cannot be told."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return (0, 0, 0)
        except OSError:
            return None
        if abs(time() - found.st_mtime) < _TICK_S:
            return None
        return (found.st_mtime_ns, found.st_size, found.st_ino)


def _fail(text: str) -> NoReturn:
    """Raise a new one each time: an exception gathers the places where it was raised."""
    raise MarketError(text)
