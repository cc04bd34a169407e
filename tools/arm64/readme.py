"""What the README tells the owner of a device to do, word for word."""

import re

from market.errors import MarketError
from tools.arm64 import ROOT

_HEADING = "## On a small device\n"
_FILES = re.compile(r"\(or a copy of (?P<files>.+?);", re.DOTALL)
_STEPS = re.compile(r"```bash\n(?P<steps>.+?)```", re.DOTALL)
_UPDATE = "To update: stop the consumer, `git pull`, install the requirements again, start it."


def named_files() -> list[str]:
    """Return the files and folders that a device needs."""
    return re.findall(r"`([^`]+)`", _found(_FILES, "files"))


def steps() -> dict[str, str]:
    """Return the commands in their order, each by the word that tells what it does."""
    lines = [line.partition(" #")[0].strip() for line in _found(_STEPS, "steps").splitlines()]
    names = ("venv", "pip", "install", "account", "register", "consumer")
    if len(lines) != len(names) or any(n not in line for n, line in zip(names, lines, strict=True)):
        raise MarketError(f"The README's steps are others than {', '.join(names)}: {lines}")
    return dict(zip(names, lines, strict=True))


def require_known_update() -> None:
    """MarketError if the README tells another way to update than the one that is played here."""
    if _UPDATE not in " ".join(_section().split()):
        raise MarketError(f'The README does not say "{_UPDATE}" any more: play what it says')


def _found(pattern: re.Pattern[str], group: str) -> str:
    match = pattern.search(_section())
    if not match:
        raise MarketError(f"The README's section on small devices has no {group}")
    return match[group]


def _section() -> str:
    text = (ROOT / "README.md").read_text("utf-8")
    return text.partition(_HEADING)[2].partition("\n## ")[0]
