"""A device of arm64 under emulation: the README's steps, from the installation to rounds."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".arm64"
"""Where all that is made for this lies, not in git."""
