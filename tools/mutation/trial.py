"""What becomes of a mutant: the stages that it goes through, the cheapest first."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

from market.errors import MarketError
from tools.export_contract import NAME, SOURCE
from tools.mutation.compiler import QUICK, SHIPPED, Compiler, NoCodeError
from tools.mutation.mutants import Mutant
from tools.mutation.workshop import Workshop

NO_CODE, EQUIVALENT, SURVIVED = "no code", "equivalent", "survived"
FUZZED, TESTED, ENDLESS = "killed by the fuzzer", "killed by the tests", "killed for its time"

# The contract itself must take less than a quarter of it, see `Trial.check`.
_FUZZ_TIMEOUT_S = 60
_TESTS_TIMEOUT_S = 900
_FUNCTION = re.compile(r"\bfunction (\w+)\(")


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a mutant, and by which promise or test."""

    fate: str
    by: str = ""
    code: str = ""  # a hash: mutants with the same code have the same fate


@dataclass(frozen=True, slots=True)
class Notes:
    """What several trials know together.

    The fates of codes by their hash; by function the files of tests that killed its mutants.
    """

    fates: dict[str, Fate] = field(default_factory=dict)
    killers: dict[str, dict[str, None]] = field(default_factory=dict)


class Trial:
    """Tries one mutant after the other in one workshop."""

    def __init__(self, workshop: Workshop, compiler: Compiler, notes: Notes) -> None:
        self._workshop = workshop
        self._compiler = compiler
        self._notes = notes
        self._originals: dict[str, str] = {}

    def check(self) -> None:
        """MarketError unless the contract itself survives, in far less than the time given."""
        fuzz, test = self._workshop.fuzz, self._workshop.test
        quick, shipped = self._original(QUICK), self._original(SHIPPED)
        _expect_survival(partial(fuzz, quick), _FUZZ_TIMEOUT_S)
        _expect_survival(partial(fuzz, shipped), _FUZZ_TIMEOUT_S)
        codes = self._codes_to_test(shipped, {})
        _expect_survival(partial(test, codes, []), _TESTS_TIMEOUT_S)

    def fate(self, mutant: Mutant) -> Fate:
        """Return what becomes of a mutant."""
        changed = {mutant.file: mutant.source(self._workshop.folder)}
        try:
            code = self._quick_code(changed)
        except NoCodeError:
            return Fate(NO_CODE)
        key = hashlib.sha256(code.encode()).hexdigest()[:16]
        fates = self._notes.fates
        if key not in fates:
            fates[key] = replace(self._fate_of_code(code, mutant, changed), code=key)
        return fates[key]

    def _quick_code(self, changed: Mapping[str, str]) -> str:
        try:
            return self._compiler.code(SOURCE, QUICK, changed)
        except NoCodeError as error:
            if not error.is_limit:
                raise
            return self._compiler.code(SOURCE, SHIPPED, changed)

    def _fate_of_code(self, code: str, mutant: Mutant, changed: Mapping[str, str]) -> Fate:
        if code == self._original(QUICK):
            return Fate(EQUIVALENT)
        try:
            if promise := self._workshop.fuzz(code, _FUZZ_TIMEOUT_S):
                return Fate(FUZZED, promise)
            return self._fate_in_tests(mutant, changed)
        except TimeoutError:
            return Fate(ENDLESS)

    def _fate_in_tests(self, mutant: Mutant, changed: Mapping[str, str]) -> Fate:
        shipped = self._compiler.code(SOURCE, SHIPPED, changed)
        if shipped == self._original(SHIPPED):
            return Fate(EQUIVALENT)
        codes = self._codes_to_test(shipped, changed)
        function = self._function(mutant)
        if not (test := self._workshop.test(codes, self._likely(function), _TESTS_TIMEOUT_S)):
            return Fate(SURVIVED)
        self._notes.killers.setdefault(function, {})[test.split("::")[0]] = None
        return Fate(TESTED, test)

    def _likely(self, function: str) -> list[str]:
        """Return the test files that killed mutants of a function, and the one named after it."""
        named = f"tests/contract/test_{function.split()[1]}.py"
        return [*self._notes.killers.get(function, {}), named]

    def _codes_to_test(self, shipped: str, changed: Mapping[str, str]) -> dict[str, str]:
        """Return the contract's code, and after a change of a library those of their harnesses."""
        if SOURCE in changed:
            return {NAME: shipped}
        harnesses = self._workshop.folder.glob("contracts/test/*Harness.sol")
        files = [str(file.relative_to(self._workshop.folder)) for file in harnesses]
        compiled = {Path(file).stem: self._compiler.code(file, SHIPPED, changed) for file in files}
        return {NAME: shipped, **compiled}

    def _function(self, mutant: Mutant) -> str:
        before = (self._workshop.folder / mutant.file).read_bytes()[: mutant.start].decode()
        return f"{mutant.file} {(_FUNCTION.findall(before) or ['deployment'])[-1]}"

    def _original(self, settings: Mapping[str, Any]) -> str:
        key = repr(settings)
        if key not in self._originals:
            self._originals[key] = self._compiler.code(SOURCE, settings)
        return self._originals[key]


def _expect_survival(try_it: Callable[[float], str], limit_s: float) -> None:
    started_s = monotonic()
    found = try_it(limit_s)
    if found:
        raise MarketError(f"The contract itself is not passed by {found}")
    if monotonic() - started_s > limit_s / 4:
        raise MarketError(f"The contract itself takes too long a part of {limit_s} s")
