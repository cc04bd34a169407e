"""What a device installs, and how much room it takes."""

import subprocess
import sys
from pathlib import Path

from market.errors import MarketError

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements-device.txt"


def install(folder: Path) -> None:
    """Make a virtual environment with a device's packages in the folder.

    MarketError if that fails, as without a way to the package registry.
    """
    _run(sys.executable, "-m", "venv", str(folder))
    pip = str(folder / "bin" / "pip")
    _run(pip, "install", "--no-input", "--requirement", str(REQUIREMENTS))


def size_mb(folder: Path) -> float:
    """Return the room that a folder takes on the disk, in units of a million bytes."""
    files = [path.lstat() for path in folder.rglob("*")]
    return sum(file.st_blocks * 512 for file in files) / 1e6


def _run(*command: str) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MarketError(f"`{' '.join(command[:4])}` failed: {done.stderr.strip()[-300:]}")
