"""A device installs requirements-device.txt and nothing else: the consumer must need no more."""

import ast
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).parents[2]
# Runs the consumer as `python -m market` does, and tells at the end what it has imported.
PROGRAM = """
import atexit, json, runpy, sys
before = {*sys.modules}
atexit.register(lambda: print(json.dumps([*(sys.modules.keys() - before)])))
sys.argv[1:] = ["consumer"]
runpy.run_module("market", run_name="__main__", alter_sys=True)
"""


def listed(name: str) -> dict[str, Requirement]:
    """Return the requirements in a file by the packages' names."""
    lines = (REPOSITORY / name).read_text("utf-8").splitlines()
    found = [Requirement(line) for line in lines if line and line[0] not in "#-"]
    return {canonicalize_name(requirement.name): requirement for requirement in found}


def closure(wanted: dict[str, Requirement]) -> set[str]:
    """Return the names of these packages and of all that they bring along."""
    found: set[tuple[str, ...]] = set()
    left = [*wanted.values()]
    while left:
        requirement = left.pop()
        wish = (canonicalize_name(requirement.name), *sorted(requirement.extras))
        left += _brought_along(requirement) if wish not in found else []
        found.add(wish)
    return {name for name, *_ in found}


def _brought_along(requirement: Requirement) -> Iterator[Requirement]:
    for line in requires(requirement.name) or ():
        brought = Requirement(line)
        extras = ["", *requirement.extras]
        if not brought.marker or any(brought.marker.evaluate({"extra": one}) for one in extras):
            yield brought


@pytest.fixture(scope="module")
def imported() -> set[str]:
    """The top-level modules that a consumer has imported once it has looked for its node."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nobody_there = f"http://127.0.0.1:{unused.getsockname()[1]}"
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            cwd=REPOSITORY,
            env={**os.environ, "LOCAL_RPC_URL": nobody_there, "ENV_FILE": os.devnull},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert "No local chain is running" in done.stderr
    return {module.split(".")[0] for module in json.loads(done.stdout.splitlines()[-1])}


def test_consumer__what_it_imports__comes_from_the_listed_packages(imported: set[str]) -> None:
    allowed = closure(listed("requirements-device.txt"))
    installed = packages_distributions().items()
    owners = {module: {*map(canonicalize_name, names)} for module, names in installed}

    assert {m for m in imported & owners.keys() if not owners[m] & allowed} == set()


def test_consumer__on_a_device__imports_neither_brownie_nor_a_compiler(imported: set[str]) -> None:
    assert imported & {"brownie", "solcx", "vvm", "vyper", "psutil"} == set()


def test_market__another_python_than_that_of_the_set_up__says_in_a_line_which_to_use() -> None:
    without_packages = [sys.executable, "-S", "-m", "market", "status"]
    too_old = [sys.executable, "-c", f"import sys; sys.version_info = (3, 9, 2)\n{PROGRAM}"]
    said = ("The package [a-z0-9_]+ is missing", "This is Python 3.9, too old")
    for command, why in zip((without_packages, too_old), said, strict=True):
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert re.fullmatch(
            f"Error: {why}: use .venv/bin/python -m market, once that is set up\n", done.stderr
        )


def test_market__older_python__can_read_what_refuses_it() -> None:
    program = (REPOSITORY / "market" / "__main__.py").read_text("utf-8")
    ast.parse(program, feature_version=(3, 7))


def test_listed_packages__versions__are_those_of_the_whole_set_up() -> None:
    pinned = listed("constraints.txt")
    device = listed("requirements-device.txt")

    assert {name: str(one.specifier) for name, one in device.items()} == {
        name: str(pinned[name].specifier) for name in device
    }


def test_listed_packages__all_they_bring_along__is_pinned() -> None:
    assert closure(listed("requirements-device.txt")) - listed("constraints.txt").keys() == set()
