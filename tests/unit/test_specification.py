import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


SPECIFICATION = (REPOSITORY / "docs" / "SPECIFICATION.md").read_text("utf-8")


@pytest.mark.parametrize("page", ["SPECIFICATION.md", "THREATS.md"])
def test_specification__every_test_it_names__exists(page):
    specification = (REPOSITORY / "docs" / page).read_text("utf-8")
    named = set(re.findall(r"`(test_\w+)`", specification))
    written = "\n".join(
        path.read_text("utf-8") for path in (REPOSITORY / "tests").rglob("test_*.py")
    )
    assert named
    assert named <= set(re.findall(r"def (test_\w+)", written))


def solidity(folder):
    return "\n".join(
        path.read_text("utf-8") for path in (REPOSITORY / "foundry" / folder).rglob("*.sol")
    )


def test_specification__every_promise_it_names__is_held_by_the_fuzzer():
    fuzzer = solidity("fuzz")
    named = set(re.findall(r"`(promise_\w+)`", SPECIFICATION))
    assert named == set(re.findall(r"function (promise_\w+)", fuzzer))
    # Written once, a promise must also be asked for.
    assert all(len(re.findall(rf"\b{name}\(", fuzzer)) > 1 for name in named)


def test_specification__every_proof_it_names__exists():
    named = set(re.findall(r"`(check_\w+)`", SPECIFICATION))
    assert named == set(re.findall(r"function (check_\w+)", solidity("symbolic")))


def test_specification__every_invariant__names_a_test():
    invariants = SPECIFICATION.split("## Invariants")[1].split("## Not promised")[0]
    parts = re.split(r"^\d+\. ", invariants, flags=re.MULTILINE)[1:]
    assert len(parts) == 15
    assert all("`test_" in part for part in parts)
