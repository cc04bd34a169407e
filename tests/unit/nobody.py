"""Somebody who may not do what root may, as whom tests are often run."""

import os
from collections.abc import Callable

_NOBODY = 65534


def as_nobody(act: Callable[[], object]) -> str:
    """Return what `act` returns, or the problem it ends with, as text.

    It is done in a process of its own, since there is no way back from another user to root.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        said = ""
        try:
            if os.geteuid() == 0:
                os.setuid(_NOBODY)
            said = str(act())
        except Exception as problem:
            said = str(problem)
        finally:
            os.write(writing, said.encode())
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as answer:
        said = answer.read()
    os.waitpid(child, 0)
    return said
