"""The layout that contracts/libraries/LevelsWord.sol states, bit by bit."""

import pytest
from hypothesis import strategies as st
from hypothesis.core import given

LANES = 6
FULL_WH = 2**36 - 1

stamps = st.integers(0, 2**16 - 1)
bid_ids = st.integers(0, 2**24 - 1)
lanes = st.integers(0, LANES - 1)
energies = st.integers(0, FULL_WH)
energy_lists = st.lists(energies, min_size=LANES, max_size=LANES)


@pytest.fixture(scope="module")
def harness(LevelsWordHarness, accounts):
    return LevelsWordHarness.deploy({"from": accounts[0]})


def word_of(stamp, newest_bid_id, energies_wh):
    word = stamp << 240 | newest_bid_id << 216
    for lane, energy_wh in enumerate(energies_wh):
        word |= energy_wh << 36 * lane
    return word


@given(stamps, bid_ids, energy_lists, lanes)
def test_readers__any_word__give_back_what_is_in_it(harness, stamp, newest, energies_wh, lane):
    word = word_of(stamp, newest, energies_wh)
    assert harness.energy_wh(word, lane) == energies_wh[lane]
    assert harness.newest_bid_id(word) == newest
    assert harness.carries(word, stamp)


@given(stamps, stamps, bid_ids, energy_lists)
def test_carries__another_stamp__is_false(harness, stamp, other, newest, energies_wh):
    assert harness.carries(word_of(stamp, newest, energies_wh), other) == (stamp == other)


@given(stamps, bid_ids, energy_lists, lanes, energies)
def test_with_energy__any_word__replaces_that_level_and_nothing_else(
    harness, stamp, newest, energies_wh, lane, energy_wh
):
    changed = [*energies_wh]
    changed[lane] = energy_wh
    got = harness.with_energy(word_of(stamp, newest, energies_wh), lane, energy_wh)
    assert got == word_of(stamp, newest, changed)


@given(stamps, bid_ids, energy_lists, bid_ids)
def test_with_newest__any_word__replaces_the_bid_and_nothing_else(
    harness, stamp, newest, energies_wh, bid_id
):
    got = harness.with_newest(word_of(stamp, newest, energies_wh), bid_id)
    assert got == word_of(stamp, bid_id, energies_wh)


@given(stamps, bid_ids, energy_lists)
def test_totals__any_word__sums_its_levels(harness, stamp, newest, energies_wh):
    sum_wh, energy_lanes = harness.totals(word_of(stamp, newest, energies_wh))
    assert sum_wh == sum(energies_wh)
    assert energy_lanes == sum(lane * energy_wh for lane, energy_wh in enumerate(energies_wh))


def test_totals__all_levels_full__does_not_overflow(harness):
    full = word_of(2**16 - 1, 2**24 - 1, [FULL_WH] * LANES)
    assert full == 2**256 - 1
    assert harness.totals(full) == (6 * FULL_WH, 15 * FULL_WH)


@given(stamps, stamps, bid_ids, energy_lists)
def test_or_empty__any_stamp__is_the_word_itself_or_an_empty_one(
    harness, stamp, other, newest, energies_wh
):
    word = word_of(stamp, newest, energies_wh)
    assert harness.or_empty(word, stamp) == word
    expected = word if stamp == other else word_of(other, 0, [0] * LANES)
    assert harness.or_empty(word, other) == expected
