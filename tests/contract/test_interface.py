"""What other programs build on: names, types, and which fields of an event can be searched."""

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def entries(abi, kind):
    return {entry["name"]: entry for entry in abi if entry["type"] == kind}


def signature(entry):
    fields = [*entry["inputs"], *entry.get("outputs", [])]
    return [(field["type"], field.get("indexed"), field.get("components")) for field in fields]


@pytest.mark.parametrize("kind", ["function", "event", "error"])
def test_contract__everything_the_interface_declares__is_in_its_abi(market, kind):
    artifact = json.loads((ROOT / "build/contracts/IDemand_Reduction.json").read_text())
    declared = entries(artifact["abi"], kind)
    assert len(declared) > 10
    for name, entry in declared.items():
        assert signature(entries(market.abi, kind)[name]) == signature(entry)


def test_contract__error_of_the_book__is_in_its_abi(market):
    assert "LevelFull" in entries(market.abi, "error")


def test_contract__ether__is_taken_by_request_reduction_only(market):
    payable = [
        entry.get("name") for entry in market.abi if entry.get("stateMutability") == "payable"
    ]
    assert payable == ["request_reduction"]


def test_events__request_and_person__are_indexed_and_nothing_else_is(market):
    for name, event in entries(market.abi, "event").items():
        if not name.startswith("Ownership"):
            indexed = {field["name"] for field in event["inputs"] if field["indexed"]}
            fields = {field["name"] for field in event["inputs"]}
            assert indexed == fields & {"request_id", "consumer", "payee"}, name
