"""A device: a folder in the emulated Debian, and the README's steps in it."""

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT, run

from market.errors import MarketError
from market.files import read_text
from market.store import RESULTS_FILE, Results, load_results
from tools.arm64 import ROOT
from tools.arm64.command import remove
from tools.arm64.program import Program, converse
from tools.arm64.readme import named_files, steps

HOME = Path("/home/device")
NAME, PASSWORD = "household", "a pass phrase"
BIDS = '{"energy": [2.0, 1.0], "price": [0.002, 0.0032], "device": ["heat pump", "oven"]}\n'
READY = "Waiting for requests"
_USER = 1000
_LONGEST_S = 900
_WHEELS = Path("/wheels")


def furnish(root: Path, wheels: Iterable[Path]) -> None:
    """Give a Debian an ordinary user's empty home, and packages in place of a registry."""
    for folder in (root / HOME.relative_to("/"), root / _WHEELS.relative_to("/")):
        remove(folder)
        folder.mkdir(parents=True)
    for wheel in wheels:
        shutil.copy(wheel, root / _WHEELS.relative_to("/"))
    hand_over(root / HOME.relative_to("/"))


def hand_over(folder: Path) -> None:
    """Make a folder and all in it the device's user's."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, _USER, _USER, follow_symlinks=False)


@dataclass(slots=True)
class Device:
    """A folder of the device's user's, in which the README's steps are taken."""

    root: Path
    name: str
    database: str = "database"
    _programs: int = field(default=0, init=False)

    @property
    def folder(self) -> Path:
        """The folder as it is seen from outside."""
        return self.root / HOME.relative_to("/") / self.name

    @property
    def results(self) -> Results:
        """What the last request brought; MarketError if there are none yet."""
        return load_results(self.folder / self.database / RESULTS_FILE)

    def copy_named_files(self) -> None:
        """Put there what the README names, and nothing else."""
        for name in named_files():
            source, target = ROOT / name, self.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, target)
        hand_over(self.folder)

    def install(self) -> None:
        """Take the first three steps: the environment, the packages and the settings."""
        for step in ("venv", "pip", "install"):
            self.do(steps()[step])

    def make_account(self) -> None:
        """Make the account, at a terminal, and type its password."""
        command = steps()["account"].replace("NAME", NAME)
        converse(
            self._inside(command),
            [("New password", PASSWORD), ("The same again", PASSWORD)],
        )

    def fill_in(self, **settings: object) -> None:
        """Write settings into .env, which must have an empty line for each."""
        file = self.folder / ".env"
        text = read_text(file, "")
        for name, value in settings.items():
            if f"\n{name}=\n" not in text:
                raise MarketError(f"The template of .env has no line {name}=")
            text = text.replace(f"\n{name}=\n", f"\n{name}='{value}'\n")
        file.write_text(text, "utf-8")

    def write_bids(self) -> None:
        """Write the household's own bids."""
        folder = self.folder / self.database
        folder.mkdir(exist_ok=True)
        (folder / "bids.json").write_text(BIDS, "utf-8")
        hand_over(folder)

    def do(self, command: str, status: int = 0) -> str:
        """Run a command to its end and return what it prints; MarketError at another status."""
        done = run(
            ["timeout", str(_LONGEST_S), *self._inside(command)],
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            text=True,
            check=False,
        )
        if done.returncode != status:
            said = done.stdout[-600:]
            raise MarketError(f"`{command}` ended with {done.returncode}, not {status}: {said}")
        return done.stdout

    def start(self) -> Program:
        """Start the consumer, and return once it waits for requests."""
        self._programs += 1
        log = self.root.parent / f"{self.name}-{self._programs}.log"
        program = Program(self._inside(f"exec {steps()['consumer']}"), log)
        program.wait_for(READY)
        return program

    def require_status(self, text: str, status: int) -> None:
        """MarketError unless `python -m market consumer status` says that, with this status."""
        said = self.do(".venv/bin/python -m market consumer status", status)
        if text not in said:
            raise MarketError(f'The status is not "{text}" but: {said}')

    def _inside(self, command: str) -> list[str]:
        """Return what runs a line of shell there; the process stays the same one throughout."""
        return [
            *("chroot", f"--userspec={_USER}:{_USER}", str(self.root)),
            *("/usr/bin/env", "-i", "-C", str(HOME / self.name)),
            *(f"HOME={HOME}", "PATH=/usr/bin:/bin", "LANG=C.UTF-8", "PYTHONUNBUFFERED=1"),
            *("PIP_NO_INDEX=1", f"PIP_FIND_LINKS={_WHEELS}"),
            *("/bin/sh", "-c", command),
        ]
