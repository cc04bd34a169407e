"""Run Brownie, or a module of the project, in a way that leaves no process behind.

    supervise.py brownie <command> [<argument> ...]
    supervise.py -m <module> [<argument> ...]

Brownie launches an Anvil and stops it at the end, but a SIGTERM in between ends Brownie at once
and its Anvil lives on. Here SIGTERM and SIGHUP arrive as a KeyboardInterrupt, so that everybody
cleans up after themselves, and whatever still runs at the very end is ended.
"""

import atexit
import contextlib
import ctypes
import importlib
import runpy
import signal
import socket
import sys
from pathlib import Path
from types import ModuleType

import psutil

ROOT = Path(__file__).resolve().parent.parent
PR_SET_CHILD_SUBREAPER = 36
GRACE_SECONDS = 3


def main(arguments: list[str]) -> None:
    """Run what the arguments name; the exit status is that of what was run."""
    sys.path[0] = str(ROOT)
    from market.interrupts import ignore_interrupts, raise_interrupts

    raise_interrupts()
    _adopt_orphans()
    # Registered before anybody else's clean-up, and so called after it.
    atexit.register(_end_descendants)
    atexit.register(ignore_interrupts)
    try:
        match arguments:
            case ["brownie", *_]:
                _run_brownie(arguments)
            case ["-m", module, *_]:
                sys.argv = arguments[1:]
                runpy.run_module(module, run_name="__main__", alter_sys=True)
            case _:
                sys.exit(__doc__)
    except KeyboardInterrupt:
        ignore_interrupts()
        sys.exit(128 + signal.SIGINT)


def _adopt_orphans() -> None:
    """Become the parent of processes whose own parent ends first, to find them at the end."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _end_descendants() -> None:
    processes = psutil.Process().children(recursive=True)
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    for process in psutil.wait_procs(processes, timeout=GRACE_SECONDS)[1]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def _run_brownie(arguments: list[str]) -> None:
    sys.argv = arguments
    # Only now: Brownie reads its settings, and creates its folders, on import.
    from brownie import project
    from brownie._cli.__main__ import main as brownie_main
    from brownie._config import CONFIG
    from brownie.project import scripts

    # On the usual port there may be a chain that somebody is working with: Brownie would
    # attach itself to it, and the tests' isolation would roll it back.
    CONFIG.networks["development"]["cmd_settings"]["port"] = _free_port()
    # Brownie makes module names of the folders above the repository, and cannot run where
    # one has a dot in its name, nor in a repository whose own name begins with a digit.
    scripts._import_from_path = _import_script
    load = project.load
    project.load = lambda path=None, name="MarketProject", **options: load(path, name, **options)
    brownie_main()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _import_script(path: Path) -> ModuleType:
    return importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))


if __name__ == "__main__":
    main(sys.argv[1:])
