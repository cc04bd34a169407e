"""Run `python -m market` with the rest of the arguments, and note what it took at its end.

    python -m bench.scale_operator FILE utility request 5 0.004 60 remote

FILE then holds the most memory that was resident at any time, in kilobytes.
"""

import atexit
import runpy
import sys
from pathlib import Path


def peak_kb() -> int:
    """Return the most memory that this process ever had resident, in kilobytes.

    As ru_maxrss has it, but without what its parent held when it started this process.
    """
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    (words,) = [line.split() for line in lines if line.startswith("VmHWM:")]
    return int(words[1])


def _note(file: Path) -> None:
    file.write_text(str(peak_kb()), "ascii")


if __name__ == "__main__":
    _, noted, *arguments = sys.argv
    atexit.register(_note, Path(noted))
    sys.argv = ["market", *arguments]
    runpy.run_module("market", run_name="__main__", alter_sys=True)
