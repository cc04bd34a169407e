"""Which runs of the utility are alive: one that was killed leaves its request to the next."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from secrets import randbelow

from market.errors import MarketError

_FILE_NAME = "utility.lock"
_MOST_RUNS = 2**31


class Run:
    """This run: a number of its own, and a lock on the byte of that number in the folder's file.

    The system lets go of the lock when the process ends, however that happens. Where no lock can
    be had, as on a full disk, it is told, and every other run counts as ended.
    """

    def __init__(self, folder: Path | None, tell: Callable[[MarketError], None]) -> None:
        """Without a folder, no other run is known of."""
        self.number = 1 + randbelow(_MOST_RUNS - 1)
        self._descriptor: int | None = None
        if folder is None:
            return
        try:
            self._descriptor = os.open(folder / _FILE_NAME, os.O_RDWR | os.O_CREAT, 0o644)
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, self.number)
        except OSError as problem:
            tell(
                MarketError(
                    f"{folder / _FILE_NAME} cannot be locked ({problem.strerror}): start no other "
                    "request from this folder until this one has ended"
                )
            )

    def is_alive(self, number: int) -> bool:
        """Return whether another run of this folder has this number, and has not ended."""
        if self._descriptor is None or number == self.number:
            return False
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
        except OSError:
            return True
        fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1, number)
        return False

    def close(self) -> None:
        """End this run."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = None
