"""One consumer a folder: who holds the folder's lock works with its files, whoever started it."""

import fcntl
import os
import signal
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


def end_holder(folder: Path) -> None:
    """Ask the process that works with the folder to end; it may have ended by then.

    MarketError where it cannot be asked: its number is not known, or it is somebody else's.
    """
    process = holder(folder)
    if process is None:
        return
    try:
        # It stays this process's, also when its number becomes another one's.
        handle = os.pidfd_open(process) if process else None
    except ProcessLookupError:
        handle = None
    try:
        if handle is None or not _has_open(process, folder / _FILE_NAME):
            raise _unknown(folder)
        signal.pidfd_send_signal(handle, signal.SIGTERM)
    except ProcessLookupError:
        return
    except PermissionError:
        raise MarketError(
            f"Process {process} belongs to somebody else on this machine: stop it there"
        ) from None
    finally:
        if handle is not None:
            os.close(handle)


def _has_open(process: int, path: Path) -> bool:
    """Return whether a process keeps a file open; PermissionError if that is not to be known.

    The number in a lock may be that of the holder before, and anybody's by now.
    """
    kept = path.stat()
    for descriptor in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):
            if os.path.samestat(descriptor.stat(), kept):
                return True
    return False


def _unknown(folder: Path) -> MarketError:
    return MarketError(
        f"A consumer works with {folder}, and it cannot be told which process it is: "
        "stop it where it was started"
    )


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
