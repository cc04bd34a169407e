"""What Slither finds in the contract, against what docs/SLITHER.md answers: `./run_static.sh`."""

import inspect
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml
from crytic_compile import CryticCompile
from crytic_compile.platform.solc_standard_json import SolcStandardJson
from slither import Slither
from slither.detectors import all_detectors
from slither.detectors.abstract_detector import AbstractDetector
from slither.solc_parsing.slither_compilation_unit_solc import SlitherCompilationUnitSolc

from tools.export_contract import ROOT, SOURCE

ANSWERS = ROOT / "docs" / "SLITHER.md"
_ANSWER = re.compile(r"\| `(?P<check>[a-z0-9-]+)` \| `(?P<where>[^`]+)` \| \S.* \|")
_NAMED = ("function", "variable", "contract", "struct", "event")

Finding = tuple[str, str]
"""A check and a place: a function, a variable or a file, which stays when lines move."""


def findings(source: Path = ROOT / SOURCE) -> set[Finding]:
    """Return what Slither's detectors, all of them, find in a contract and its own libraries."""
    slither = slither_of(source)
    for detector in _detectors():
        slither.register_detector(detector)
    found = [finding for results in slither.run_detectors() for finding in results]
    return {(finding["check"], _place(finding)) for finding in found if _is_ours(finding)}


def slither_of(source: Path) -> Slither:
    """Return what Slither has read of a contract, compiled as Brownie does."""
    with _constants_of_files_first():
        return Slither(CryticCompile(_question(source), solc=_solc()))


def answered(page: Path = ANSWERS) -> set[Finding]:
    """Return every finding that the page answers with a reason."""
    rows = map(_ANSWER.fullmatch, page.read_text("utf-8").splitlines())
    return {(row["check"], row["where"]) for row in rows if row}


def complaints(found: set[Finding], reasons: set[Finding]) -> list[str]:
    """Return in words what is not answered, and what is answered but not found.

    An answer's place may be a pattern, as in `BookLib.*`.
    """
    page = ANSWERS.relative_to(ROOT)
    new = [f for f in found if not any(_answers(reason, f) for reason in reasons)]
    gone = [reason for reason in reasons if not any(_answers(reason, f) for f in found)]
    return [
        *(f"new: {c} in {w}: mend it, or answer it in {page}" for c, w in sorted(new)),
        *(f"gone: {c} in {w}: take its answer out of {page}" for c, w in sorted(gone)),
    ]


def _answers(reason: Finding, finding: Finding) -> bool:
    return reason[0] == finding[0] and fnmatchcase(finding[1], reason[1])


def _question(source: Path) -> SolcStandardJson:
    """Return what the compiler is asked, with the settings that Brownie compiles with."""
    compiler = yaml.safe_load((ROOT / "brownie-config.yaml").read_text("utf-8"))["compiler"]
    solc = compiler["solc"]
    question = SolcStandardJson()
    question.add_source_file(str(source))
    for remapping in solc["remappings"]:
        question.add_remapping(remapping)
    settings = question.to_dict()["settings"]
    settings["optimizer"] = solc["optimizer"]
    settings["viaIR"], settings["evmVersion"] = solc["viaIR"], compiler["evm_version"]
    return question


@contextmanager
def _constants_of_files_first() -> Iterator[None]:
    """Have Slither read them before the libraries, whose arrays are as long as these say.

    It reads them afterwards, and so fails where a library does without a contract's constants.
    """
    usual = SlitherCompilationUnitSolc._analyze_second_part

    def constants_first(unit: Any, *arguments: Any) -> None:
        unit._analyze_top_level_variables()
        usual(unit, *arguments)

    SlitherCompilationUnitSolc._analyze_second_part = constants_first
    try:
        yield
    finally:
        SlitherCompilationUnitSolc._analyze_second_part = usual


def _solc() -> str:
    (solc,) = (ROOT / ".solcx").glob("solc-v*")
    return str(solc)


def _detectors() -> Iterator[type[AbstractDetector]]:
    for name in dir(all_detectors):
        found = getattr(all_detectors, name)
        if inspect.isclass(found) and issubclass(found, AbstractDetector):
            yield found


def _is_ours(finding: dict[str, Any]) -> bool:
    files = (element["source_mapping"]["filename_relative"] for element in finding["elements"])
    return any("node_modules" not in file for file in files)


def _place(finding: dict[str, Any]) -> str:
    named = [element for element in finding["elements"] if element["type"] in _NAMED]
    return _full_name((named or finding["elements"])[0])


def _full_name(element: dict[str, Any]) -> str:
    parent = element.get("type_specific_fields", {}).get("parent", {})
    owner = f"{_full_name(parent)}." if parent.get("type") in _NAMED else ""
    return owner + str(element["name"])


def main() -> None:
    """Print what is not answered, and what is answered in vain; status 1 if there is any."""
    # The compiler's own warnings are about OpenZeppelin's files.
    logging.getLogger("CryticCompile").setLevel(logging.ERROR)
    found, reasons = findings(), answered()
    said = complaints(found, reasons)
    print("\n".join([*said, f"{len(found)} findings, {len(said)} complaints"]))
    sys.exit(bool(said))


if __name__ == "__main__":
    main()
