"""Mutants of the contract get the fates that they should have."""

import re

import pytest

from tests.attack.alone import alone_with_forge
from tools.export_contract import SOURCE
from tools.mutation import assembly
from tools.mutation.compiler import Compiler
from tools.mutation.mutants import Mutant
from tools.mutation.results import Results, summary
from tools.mutation.trial import EQUIVALENT, FUZZED, NO_CODE, SURVIVED, TESTED, Fate, Notes, Trial
from tools.mutation.workshop import Workshop

GRID = "contracts/libraries/PriceGrid.sol"


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    # It copies what is compiled.
    with alone_with_forge():
        return Workshop.made(tmp_path_factory.mktemp("mutation") / "copy")


@pytest.fixture(scope="module")
def trial(workshop):
    with Compiler(workshop.folder) as compiler:
        yield Trial(workshop, compiler, Notes())


@pytest.fixture(scope="module")
def mutant(workshop):
    """Return a mutant of the one place in a file that reads so."""

    def made(file, old, new):
        (found,) = re.finditer(re.escape(old.encode()), (workshop.folder / file).read_bytes())
        return Mutant(file, found.start(), found.end(), 0, "by hand", old, new)

    return made


@pytest.mark.slow
def test_trial__credit_that_stays__is_killed_by_the_fuzzer(trial, mutant):
    paid_again = mutant(SOURCE, "_deferred[msg.sender] = 0;", "_deferred[msg.sender] = 1;")
    assert trial.fate(paid_again).fate == FUZZED


@pytest.mark.slow
def test_trial__same_number_written_differently__is_equivalent(trial, mutant):
    assert trial.fate(mutant(GRID, "PRICE_LEVELS = 1000;", "PRICE_LEVELS = 999 + 1;")).fate == (
        EQUIVALENT
    )


def test_trial__no_solidity__is_no_code(trial, mutant):
    assert trial.fate(mutant(SOURCE, "_deferred[msg.sender] = 0;", "= 0;")).fate == NO_CODE


def test_changes__assembly_between_other_code__are_those_of_its_code_alone():
    source = """
        x = add(4);
        assembly ("memory-safe") {
            y := lt(2, x) // or(3, x)
            { z := q }
        }
        x = add(4);
    """
    changed = [source[:begin] + new + source[end:] for begin, end, new in assembly.changes(source)]
    others = ("gt(2, x)", "eq(2, x)", "lt(0x3, x)")
    assert changed == [source.replace("lt(2, x)", other) for other in others]


def some(line):
    return Mutant("A.sol", 0, 1, line, "by hand", "a", "b")


def test_summary__any_fates__counts_the_share_of_those_that_could_be_killed():
    fates = (NO_CODE, EQUIVALENT, FUZZED, TESTED, TESTED, SURVIVED)
    known = {some(line): Fate(fate) for line, fate in enumerate(fates)}
    lines = summary([*known, some(99)], known).splitlines()
    assert lines[:3] == ["Survived:", "  A.sol:5 'a' -> 'b'", "6 mutants:"]
    assert lines[-1] == "3 of 4 killed (75.0%)"


def test_results__mutant_tried_again__has_its_last_fate(tmp_path):
    results = Results(tmp_path / "results.jsonl")
    results.add(some(1), Fate(SURVIVED), 2.0)
    results.add(some(1), Fate(TESTED, "test_f"), 2.0)
    assert results.read() == {some(1): Fate(TESTED, "test_f")}
