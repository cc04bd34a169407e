"""What forge compiles into is one folder for all tests."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from attack.forge import FOLDER


@contextmanager
def alone_with_forge() -> Iterator[None]:
    """Have the folder to oneself; whoever else needs it waits."""
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
