"""Mutants of the contract, each against the contract's tests: `./run_mutation.sh contract`.

Slither's mutators say what to change. Every mutant is compiled and tested in a copy of the project,
in turn, and what became of it is written down at once: a run that was interrupted goes on where it
was.
"""

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType

from slither import Slither
from slither.tools.mutator.mutators import all_mutators
from slither.tools.mutator.mutators.abstract_mutator import AbstractMutator

from tools.analyse import slither_of
from tools.export_contract import ROOT, SOURCE

_COPY = ROOT / "mutants" / "contract"
_RESULTS = ROOT / "mutants" / "contract.jsonl"
_LINKED = (".venv", "node_modules", ".solcx", "brownie-config.yaml", "pyproject.toml", "pytest.ini")
_COPIED = ("contracts", "interfaces", "market", "tests", "tools", "database", ".env.template")
# First those that find most in the least time; the copy's own artifact is of another contract.
_TESTS = ("tests/contract/test_rule_agreement.py", "tests/contract")
_OPTIONS = ("-x", "-q", "-m", "not long", "--deselect=tests/contract/test_shipped_contract.py")
_TIMEOUT_S = 1800
# Reverting instead of a statement, taking it out, or changing what it reckons with.
_MUTATORS = ("AOR", "ASOR", "BOR", "CR", "LIR", "LOR", "MIA", "MVIE", "MVIV", "ROR", "RR", "UOR")


@dataclass(frozen=True)
class Mutant:
    """A change of one place in a source file."""

    file: str
    start: int
    end: int
    line: int
    mutator: str
    old: str
    new: str

    def applied(self, source: bytes) -> bytes:
        """Return the file's content with the change."""
        return source[: self.start] + self.new.encode() + source[self.end :]


def mutants(root: Path = ROOT) -> list[Mutant]:
    """Return every mutant of the contract and its own libraries, in an order that stays."""
    slither = slither_of(root / SOURCE)
    found = {mutant for name in _MUTATORS for mutant in _mutants_by(slither, name, root)}
    return sorted(found, key=lambda mutant: (mutant.file, mutant.start, mutant.mutator, mutant.new))


def _mutants_by(slither: Slither, name: str, root: Path) -> Iterator[Mutant]:
    mutator: type[AbstractMutator] = getattr(all_mutators, name)
    (unit,) = slither.compilation_units
    for contract in unit.contracts:
        file = Path(contract.source_mapping.filename.absolute)
        if not file.is_relative_to(root / "contracts") or contract.is_interface:
            continue
        made = mutator(unit, 0, "", "", contract, None, False, Path(), [])._mutate()
        for patch in made.get("patches", {}).get(str(file), []):
            yield Mutant(
                str(file.relative_to(root)),
                *(patch["start"], patch["end"], patch["line_number"], name),
                *(patch["old_string"], patch["new_string"]),
            )


def fate(mutant: Mutant) -> str:
    """Return what becomes of a mutant in the copy: "killed", "survived" or "no code"."""
    file = _COPY / mutant.file
    source = file.read_bytes()
    file.write_bytes(mutant.applied(source))
    try:
        return _tested()
    finally:
        file.write_bytes(source)


def _tested() -> str:
    # Brownie goes on with what it has built, also of a library that is as it was before.
    shutil.rmtree(_COPY / "build", ignore_errors=True)
    if _brownie("compile").returncode:
        return "no code"
    for tests in _TESTS:
        if _brownie("test", tests, *_OPTIONS).returncode:
            return "killed"
    return "survived"


def _brownie(*words: str) -> subprocess.CompletedProcess[bytes]:
    # The tests end what they start; a mutant that never comes to an end is ended with them.
    command = [sys.executable, "tools/supervise.py", "brownie", *words]
    home = {"HOME": str(_COPY / ".home"), "PATH": f"{_COPY / '.venv' / 'bin'}:{os.environ['PATH']}"}
    try:
        return subprocess.run(
            command,
            cwd=_COPY,
            env={**os.environ, **home},
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1)


def _make_copy() -> None:
    shutil.rmtree(_COPY, ignore_errors=True)
    _COPY.mkdir(parents=True)
    (_COPY / ".home").mkdir()
    for name in _LINKED:
        (_COPY / name).symlink_to(ROOT / name)
    for name in filter(lambda name: (ROOT / name).exists(), _COPIED):
        source, target = ROOT / name, _COPY / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target)


def known() -> MappingProxyType[Mutant, str]:
    """Return what became of the mutants that were tried so far."""
    lines = _RESULTS.read_text("utf-8").splitlines() if _RESULTS.exists() else []
    rows = map(json.loads, lines)
    return MappingProxyType({Mutant(**row["mutant"]): row["fate"] for row in rows})


def _try(mutant: Mutant) -> None:
    row = {"fate": fate(mutant), "mutant": asdict(mutant)}
    print(
        f"{row['fate']}: {mutant.file}:{mutant.line} {mutant.old!r} -> {mutant.new!r}", flush=True
    )
    with _RESULTS.open("a", encoding="utf-8") as results:
        results.write(json.dumps(row) + "\n")


def main(words: list[str]) -> None:
    """Try all mutants, or as many as the first word says, drawn at random but always the same."""
    everything = mutants()
    if words:
        everything = random.Random(1).sample(everything, int(words[0]))
    before = known()
    _make_copy()
    for mutant in everything:
        if mutant not in before:
            _try(mutant)
    after = known()
    fates = [after[mutant] for mutant in everything]
    counted = {name: fates.count(name) for name in ("killed", "survived", "no code")}
    print(f"{len(fates)} mutants: {counted}")


if __name__ == "__main__":
    main(sys.argv[1:])
