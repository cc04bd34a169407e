"""Foundry's fuzzer finds nothing, and what it did was of use."""

from random import randrange

import pytest

from attack.forge import fuzz
from attack.tally import OTHER, SUCCESS, Tally, changing_functions
from tests.attack.alone import alone_with_forge


@pytest.mark.slow
def test_market__fuzzed_by_foundry__keeps_every_promise():
    tally, seed = Tally(), randrange(2**32)
    with alone_with_forge():
        campaign = fuzz("default", seed, tally)
    print(tally.table())
    assert not campaign.failure, f"./run_fuzz.sh 1 --profile default --seed {seed}"
    assert campaign.calls > 5_000
    assert tally.complaints() == []


def written(tmp_path, *lines):
    file = tmp_path / "calls.txt"
    file.write_text("\n".join(lines))
    tally = Tally()
    tally.read(file)
    return tally


def test_tally__selectors__are_told_by_name(tmp_path):
    lines = (
        "3ccfd60b 96e3e3f3 7",
        "3ccfd60b 00000000 2",
        "3ccfd60b 96e3e3f3 1",
        "12345678 ffffffff 4",
    )
    tally = written(tmp_path, *lines)
    assert tally.calls["withdraw"] == {"NothingDeferred": 8, SUCCESS: 2}
    assert tally.calls[OTHER] == {"no reason given": 4}
    assert (tally.made, tally.succeeded) == (14, 2)


def test_tally__table__tells_calls_and_errors_of_every_function(tmp_path):
    tally = written(tmp_path, "3ccfd60b 96e3e3f3 7", "3ccfd60b 00000000 2")
    lines = [line.split() for line in tally.table().splitlines()]
    assert lines[1] == ["withdraw", "9", "2", "NothingDeferred", "7"]
    assert lines[-1] == ["all", "9", "2"]


def test_tally__fuzzer_that_only_reverts__is_of_little_use(tmp_path):
    complaints = written(tmp_path, "3ccfd60b 96e3e3f3 900").complaints()
    assert "withdraw has never succeeded" in complaints
    assert "only 0 of 900 calls have succeeded" in complaints


def test_tally__nothing_called__is_of_little_use():
    assert "only 0 of 0 calls have succeeded" in Tally().complaints()


def test_tally__every_function_has_succeeded__is_of_use():
    tally = Tally()
    for name in changing_functions():
        tally.calls[name][SUCCESS] = 1
    assert tally.complaints() == []
