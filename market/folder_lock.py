"""One consumer a folder: who holds the folder's lock works with its files, whoever started it."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from market.errors import MarketError

_FILE_NAME = "consumer.lock"
# Somebody may be looking at the lock in this very moment, which takes much less than that.
_PATIENCE_S, _PAUSE_S = 0.5, 0.05


@contextmanager
def hold_folder(folder: Path, tell: Callable[[MarketError], None]) -> Iterator[None]:
    """Be the folder's only consumer while in here; MarketError if there is one already.

    The system lets go of the lock when the process ends, however that happens. Where no lock can
    be had, as on a full disk, it is told, and is no reason not to bid.
    """
    try:
        descriptor = os.open(folder / _FILE_NAME, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as problem:
        tell(_no_lock(folder, problem))
        yield
        return
    try:
        _take(descriptor, folder, tell)
        yield
    finally:
        os.close(descriptor)


def holder(folder: Path) -> int | None:
    """Return the number of the process that works with the folder, None if there is none.

    It is 0 where the process cannot be told.
    """
    try:
        descriptor = os.open(folder / _FILE_NAME, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _written(descriptor)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return None


def _take(descriptor: int, folder: Path, tell: Callable[[MarketError], None]) -> None:
    try:
        for attempt in Retrying(
            retry=retry_if_exception_type(BlockingIOError),
            stop=stop_after_delay(_PATIENCE_S),
            wait=wait_fixed(_PAUSE_S),
            reraise=True,
        ):
            with attempt:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise MarketError(
            f"A consumer works with this folder already (process {_written(descriptor)}): stop it "
            f"first, or give this one a folder of its own with DATABASE_FOLDER ({folder})"
        ) from None
    except OSError as problem:
        tell(_no_lock(folder, problem))
        return
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)


def _written(descriptor: int) -> int:
    digits = os.pread(descriptor, 20, 0).decode("ascii", "replace")
    return int(digits) if digits.isdecimal() else 0


def _no_lock(folder: Path, problem: OSError) -> MarketError:
    return MarketError(
        f"{folder / _FILE_NAME} cannot be locked ({problem.strerror}), and the consumer goes on: "
        "see to it that no other one works with this folder"
    )
