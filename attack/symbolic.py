"""Proves with halmos what foundry/symbolic states, and tells what was proved and what was not."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from attack.forge import ROOT
from market.errors import MarketError

SOLVER_SECONDS = 120
"""How long the solver may take for one assertion on one path."""

_ENVIRONMENT = ROOT / ".symbolic"
_REQUIREMENTS = ROOT / "requirements-symbolic.txt"
# As in foundry.toml.
_BUILD = ".forge/symbolic"
# halmos' exit codes for one check.
_PROVED, _REFUTED, _TIMED_OUT = 0, 1, 2
_VERDICTS = {
    _PROVED: "proved",
    _REFUTED: "REFUTED",
    _TIMED_OUT: "NOT PROVED: the solver's time was over",
    3: "NOT PROVED: halmos cannot follow the code",
    4: "NOT PROVED: every path reverts",
}


@dataclass(frozen=True, slots=True)
class Proof:
    """What became of one check; `paths` is how many ways through the code were looked at."""

    name: str
    code: int
    paths: int
    cut_loops: int
    seconds: float

    @property
    def holds(self) -> bool:
        """Whether it was proved for every path."""
        return self.code == _PROVED and not self.cut_loops

    @property
    def verdict(self) -> str:
        """What to tell of it."""
        if self.code == _PROVED and self.cut_loops:
            return "NOT PROVED: some loop was cut short"
        return _VERDICTS.get(self.code, "NOT PROVED: halmos failed")


def prove(contracts: str) -> list[Proof]:
    """Return what became of every check in the contracts whose names match.

    MarketError when halmos cannot be installed or run.
    """
    _install()
    # What a check that is gone has left there would be proved all the same.
    shutil.rmtree(ROOT / _BUILD, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="halmos-") as folder:
        answer = Path(folder, "answer.json")
        result = subprocess.run(
            _command(contracts, answer),
            cwd=ROOT,
            env=os.environ | {"FOUNDRY_PROFILE": "symbolic"},
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if not answer.exists():
            raise MarketError(f"halmos ended with {result.returncode}: see what it said above")
        return read(json.loads(answer.read_text("utf-8")))


def read(answer: dict[str, dict[str, list[dict[str, object]]]]) -> list[Proof]:
    """Return the proofs in halmos' JSON."""
    return [
        Proof(
            name=str(test["name"]).partition("(")[0],
            code=int(str(test["exitcode"])),
            paths=_first(test["num_paths"]),
            cut_loops=int(str(test["num_bounded_loops"] or 0)),
            seconds=float(str(_first_of(test["time"]))),
        )
        for tests in answer["test_results"].values()
        for test in tests
    ]


def _first_of(value: object) -> object:
    """Halmos gives a list: the whole, then its parts."""
    return value[0] if isinstance(value, list | tuple) else value


def _first(value: object) -> int:
    return int(str(_first_of(value)))


def _command(contracts: str, answer: Path) -> list[str]:
    tools = _ENVIRONMENT / "bin"
    return [
        str(tools / "halmos"),
        f"--match-contract={contracts}",
        f"--forge-build-out={_BUILD}",
        # Loops whose end is a plain number are always followed to it.
        "--loop=200",
        f"--solver-command={tools / 'yices-smt2'}",
        f"--solver-timeout-assertion={SOLVER_SECONDS}s",
        f"--json-output={answer}",
        "--no-status",
    ]


def _install() -> None:
    """Make the environment, once for every content of the requirements."""
    stamp = _ENVIRONMENT / "installed"
    wanted = hashlib.sha256(_REQUIREMENTS.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text("ascii") == wanted:
        return
    print("Installing halmos into .symbolic (once)", file=sys.stderr, flush=True)
    _run(sys.executable, "-m", "venv", "--clear", str(_ENVIRONMENT))
    pip = [str(_ENVIRONMENT / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    _run(*pip, "install", "--quiet", "--no-deps", "--requirement", str(_REQUIREMENTS))
    _run(*pip, "check")
    stamp.write_text(wanted, "ascii")


def _run(*command: str) -> None:
    result = subprocess.run(
        command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    if result.returncode:
        said = (result.stdout + result.stderr).strip()[-1000:]
        raise MarketError(f"halmos could not be installed (can this machine reach PyPI?): {said}")
