"""Runs when a Python of this environment starts; set-up has site-packages name it in a .pth file.

Whoever types `brownie run ...` should not have to know any of this.
"""

import os
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from types import TracebackType

# py-solc-x looks for the compiler where this variable says, else in the user's home.
os.environ.setdefault("SOLCX_BINARY_PATH", str(Path(sys.prefix).parent / ".solcx"))

# What Brownie says of a local chain that is in use already, as it is meant to be here.
warnings.filterwarnings("ignore", message="Development network has a block height")


def _show(kind: type[BaseException], problem: BaseException, trace: TracebackType | None) -> None:
    """Say in one line that Ctrl-C was pressed, as it may be while Brownie starts."""
    if issubclass(kind, KeyboardInterrupt):
        print("Stopped.", file=sys.stderr)
        _end_children()
    else:
        sys.__excepthook__(kind, problem, trace)


def _end_children() -> None:
    """End an Anvil that Brownie has launched but had not taken note of yet."""
    # Here, as this file is read whenever a Python starts.
    import psutil

    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            child.terminate()


sys.excepthook = _show
