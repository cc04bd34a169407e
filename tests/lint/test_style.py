"""The code keeps to the project's style; these tests fail with what the tools have to say.

What .solhint.json leaves out of solhint's recommended rules, and why:

- the naming rules: what is called from Python is snake_case, so that a call reads the same on
  both sides, and the contract is called Demand_Reduction;
- gas rules that contradict the code's meaning (`<=`, `x++` used as a value, the order of a
  struct, which of an event's values are indexed): what a call costs is measured instead;
- a line of NatSpec for every parameter and for the author: a sentence that names the parameters
  says more, and the authors are in the history.

Test contracts (tools/solhint-test.json) are hostile and small: beyond that, they may use low-level
calls, assembly and empty blocks, and need no NatSpec.
"""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NODE = Path(sys.prefix, "bin", "node")
PYTHON_CODE = [
    name
    for name in ("market", "scripts", "flaskapp", "tests", "bench", "tools", "soak", "attack")
    if (ROOT / name).is_dir()
]
CONTRACTS = {
    path.relative_to(ROOT)
    for folder in ("contracts", "foundry")
    for path in (ROOT / folder).rglob("*.sol")
}
TEST_CONTRACTS = {path for path in CONTRACTS if {"test", "foundry"} & {*path.parts}}
SHELL_SCRIPTS = [
    *sorted(ROOT.glob("*.sh")),
    *sorted(ROOT.glob("tools/*.sh")),
    ROOT / "tools" / "solc",
    ROOT / ".ci" / "run",
]


def check(*command: object) -> None:
    result = subprocess.run(
        [str(word) for word in command],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        pytest.fail(result.stdout, pytrace=False)


def test_python__ruff_check__finds_nothing():
    check(sys.executable, "-m", "ruff", "check", *PYTHON_CODE)


def test_python__ruff_format__changes_nothing():
    check(sys.executable, "-m", "ruff", "format", "--check", "--diff", *PYTHON_CODE)


def test_python__mypy__finds_nothing():
    check(sys.executable, "-m", "mypy")


@pytest.mark.parametrize(
    ("config", "contracts"),
    [
        (".solhint.json", CONTRACTS - TEST_CONTRACTS),
        ("tools/solhint-test.json", TEST_CONTRACTS),
    ],
    ids=["product", "test"],
)
def test_solidity__solhint__finds_nothing(config, contracts):
    if not contracts:
        pytest.skip("no such contracts")
    solhint = "node_modules/solhint/solhint.js"
    options = ("--config", config, "--max-warnings", 0, "--disc", "--noPoster")
    check(NODE, solhint, *options, *sorted(contracts))


@pytest.mark.parametrize("script", SHELL_SCRIPTS, ids=lambda path: path.name)
def test_shell__bash_n__accepts(script):
    check("bash", "-n", script)
