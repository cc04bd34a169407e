"""Programs that run to their end."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from market.errors import MarketError
from tools.arm64 import ROOT

_LONGEST = 400


def output(*command: object, env: Mapping[str, str] | None = None) -> str:
    """Return what a program prints; MarketError with its last words if it fails."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        raise MarketError(f"There is no program {words[0]} on this machine: install it") from None
    if done.returncode:
        said = (done.stdout + done.stderr).strip()[-_LONGEST:]
        raise MarketError(f"`{' '.join(words)[:_LONGEST]}` failed: {said}")
    return done.stdout


def remove(folder: Path) -> None:
    """Delete a folder and all in it, but nothing of another file system that is mounted there."""
    output("rm", "-rf", "--one-file-system", folder)
