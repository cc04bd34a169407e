"""A copy of the project, in which the tests meet a mutant's code in place of the contract's.

Nothing is compiled there for a mutant: its code is put into what was built of the contract.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from attack.forge import fuzz
from attack.tally import Tally
from market.errors import MarketError
from tools.export_contract import NAME, ROOT

_LINKED = (".venv", "node_modules", ".solcx", "brownie-config.yaml", "pyproject.toml", "pytest.ini")
_COPIED = (
    *("contracts", "interfaces", "market", "tests", "tools", "database", ".env.template"),
    *("foundry", "foundry.toml", "build", ".forge/out", ".forge/cache"),
)
_TESTS = "tests/contract"
# They are of the shipped code, or ask at random and at length what the fuzzer has asked already.
_LEFT_OUT = ("test_shipped_contract.py", "test_rule_agreement.py", "test_solvency.py")
_OPTIONS = ("-x", "-q", "-m", "not long", "-p", "no:cacheprovider", "--tb=line", "-rfE")
_PASSED, _FAILED = 0, 1
_SEED = 7


class Workshop:
    """One copy of the project, for one mutant at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def made(cls, folder: Path, origin: Path = ROOT) -> "Workshop":
        """Copy the project, or another workshop with all that was built in it."""
        shutil.rmtree(folder, ignore_errors=True)
        (folder / ".home").mkdir(parents=True)
        for name in _LINKED:
            (folder / name).symlink_to(ROOT / name)
        for name in filter(lambda name: (origin / name).exists(), _COPIED):
            source, target = origin / name, folder / name
            target.parent.mkdir(exist_ok=True)
            (shutil.copytree if source.is_dir() else shutil.copy2)(source, target)
        return cls(folder)

    def build(self) -> None:
        """Compile what the tests need, once and for all mutants."""
        self._run_tool("brownie", "compile", timeout_s=None)

    def fuzz(self, code: str, timeout_s: float | None) -> str:
        """Return which promise the fuzzer sees broken, "" if none.

        TimeoutError when that takes too long.
        """
        artifact = {"bytecode": f"0x{code}"}
        (self.folder / "market" / f"{NAME}.json").write_text(json.dumps(artifact), "utf-8")
        try:
            return fuzz("mutation", _SEED, Tally(), self.folder, timeout_s).failure
        except subprocess.TimeoutExpired as error:
            raise TimeoutError from error

    def test(self, codes: Mapping[str, str], first: Iterable[str], timeout_s: float | None) -> str:
        """Return the first test that fails, "" if all pass; `codes` are those of contracts by name.

        The tests of libraries run if anything beside the contract is given, and the files named by
        `first`, as far as there are such, before all others. TimeoutError when it takes too long.
        """
        for name, code in codes.items():
            self._put_in(name, code)
        files = self._test_files(with_libraries=set(codes) != {NAME})
        # Named one by one: of a folder and a file in it pytest would take the folder, in its order.
        ordered = dict.fromkeys([*(file for file in first if file in files), *files])
        said = self._run_tool("brownie", "test", *ordered, *_OPTIONS, timeout_s=timeout_s)
        return _failed_test(said)

    def _test_files(self, with_libraries: bool) -> list[str]:
        found = sorted(self.folder.glob(f"{_TESTS}/test_*.py"))
        if with_libraries:
            found += sorted(self.folder.glob(f"{_TESTS}/libraries/test_*.py"))
        return [str(file.relative_to(self.folder)) for file in found if file.name not in _LEFT_OUT]

    def _put_in(self, name: str, code: str) -> None:
        file = self.folder / "build" / "contracts" / f"{name}.json"
        built = json.loads(file.read_text("utf-8"))
        file.write_text(json.dumps(built | {"bytecode": code}), "utf-8")

    def _run_tool(self, *words: str, timeout_s: float | None) -> str:
        process = subprocess.Popen(
            [sys.executable, "tools/supervise.py", *words],
            cwd=self.folder,
            env={**os.environ, "HOME": str(self.folder / ".home")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # Ctrl-C is for whoever runs this; the chain goes with the process that started it.
            start_new_session=True,
        )
        try:
            said, _ = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            _end(process)
            raise TimeoutError from error
        if process.returncode not in (_PASSED, _FAILED):
            raise MarketError(f"{' '.join(words)} could not run: {said[-2000:]}")
        return said if process.returncode == _FAILED else ""


def _failed_test(said: str) -> str:
    """Return the test that pytest's summary names; a failure without one is none of a test's."""
    if not said:
        return ""
    for line in said.splitlines():
        if line.startswith(("FAILED ", "ERROR ")):
            return line.split(" - ")[0].split(" ", 1)[1].strip()
    raise MarketError(f"The tests could not run: {said[-2000:]}")


def _end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.communicate(timeout=20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
