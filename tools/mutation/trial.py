"""What becomes of a mutant: the stages that it goes through, the cheapest first."""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
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

# No mutant is ended before the contract itself would have been through so many times.
_TIMES_AS_LONG = 5
_ALL = "all functions"
_FUNCTION = re.compile(r"\bfunction (\w+)\(")


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a mutant, and by which promise or test."""

    fate: str
    by: str = ""
    code: str = ""  # a hash: mutants with the same code have the same fate


@dataclass(slots=True)
class Notes:
    """What several trials know together.

    The fates of codes by their hash; the files of tests that killed mutants, and how many, of
    each function and of all; how long the fuzzer and the tests may take.
    """

    fates: dict[str, Fate] = field(default_factory=dict)
    killers: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    fuzzer_s: float = 60
    tests_s: float = 900


class Trial:
    """Tries one mutant after the other in one workshop."""

    def __init__(self, workshop: Workshop, compiler: Compiler, notes: Notes) -> None:
        self._workshop = workshop
        self._compiler = compiler
        self._notes = notes
        self._originals: dict[str, str] = {}

    def check(self) -> None:
        """See how long the contract itself takes; MarketError when it does not survive."""
        fuzz, test, notes = self._workshop.fuzz, self._workshop.test, self._notes
        shipped = self._original(SHIPPED)
        codes = self._codes_to_test(shipped, {})
        _survived_s(lambda: fuzz(shipped, None))
        quick_s = _survived_s(lambda: fuzz(self._original(QUICK), None))
        notes.fuzzer_s = max(notes.fuzzer_s, _TIMES_AS_LONG * quick_s)
        tests_s = _survived_s(lambda: test(codes, [], None))
        notes.tests_s = max(notes.tests_s, _TIMES_AS_LONG * tests_s)

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
            if promise := self._workshop.fuzz(code, self._notes.fuzzer_s):
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
        test = self._workshop.test(codes, self._likely(function), self._notes.tests_s)
        if not test:
            return Fate(SURVIVED)
        for what in (function, _ALL):
            self._notes.killers[what][test.split("::")[0]] += 1
        return Fate(TESTED, test)

    def _likely(self, function: str) -> list[str]:
        """Return the file named after a function, and those of tests that killed mutants of it."""
        named = f"tests/contract/test_{function.split()[1]}.py"
        killers = [self._notes.killers[what].most_common() for what in (function, _ALL)]
        return [named, *(file for counts in killers for file, _ in counts)]

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


def _survived_s(try_it: Callable[[], str]) -> float:
    started_s = monotonic()
    if found := try_it():
        raise MarketError(f"The contract itself does not pass: {found}")
    return monotonic() - started_s
