"""Slither finds nothing in the contract that docs/SLITHER.md does not answer."""

from pathlib import Path

import pytest

from tools.analyse import answered, complaints, findings

CARELESS = Path(__file__).with_name("Careless.sol")


@pytest.mark.slow
def test_contract__slither__finds_nothing_that_is_not_answered():
    said = complaints(findings(), answered())
    if said:
        pytest.fail("\n".join(said), pytrace=False)


@pytest.mark.slow
def test_findings__careless_contract__are_seen():
    found = findings(CARELESS)
    assert {("tx-origin", "Careless.take"), ("arbitrary-send-eth", "Careless.take")} <= found
    said = complaints(found, answered())
    assert any(line.startswith("new: tx-origin in Careless.take: mend it") for line in said)


def test_complaints__answer_of_another_place_or_check__is_none():
    found = {("timestamp", "A.f"), ("assembly", "A.g")}
    assert complaints(found, {("timestamp", "A.*"), ("assembly", "A.g")}) == []
    new, gone = complaints(found, {("timestamp", "A.*"), ("assembly", "B.g")})
    assert new.startswith("new: assembly in A.g")
    assert gone.startswith("gone: assembly in B.g")


def test_answered__row_without_a_reason__is_no_answer(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("| `timestamp` | `A.f` | |\n| `assembly` | `A.g` | It cuts a list |\n")
    assert answered(page) == {("assembly", "A.g")}
