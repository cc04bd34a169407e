"""The layout that contracts/libraries/LevelsWord.sol states, bit by bit."""

import pytest
from hypothesis import strategies as st
from hypothesis.core import given

LANES = 7
FULL_WH = 2**31 - 1

stamps = st.integers(0, 2**16 - 1)
bid_ids = st.integers(0, 2**23 - 1)
lanes = st.integers(0, LANES - 1)
energies = st.integers(0, FULL_WH)
first_levels = st.integers(1, 1000)
energy_lists = st.lists(energies, min_size=LANES, max_size=LANES)


@pytest.fixture(scope="module")
def harness(LevelsWordHarness, accounts):
    return LevelsWordHarness.deploy({"from": accounts[0]})


def word_of(stamp, newest_bid_id, energies_wh):
    word = stamp << 240 | newest_bid_id << 217
    for lane, energy_wh in enumerate(energies_wh):
        word |= energy_wh << 31 * lane
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


@given(stamps, bid_ids, energy_lists, lanes, energies, bid_ids)
def test_with_bid__room_at_its_level__adds_to_that_level_and_is_the_newest(
    harness, stamp, newest, energies_wh, lane, energy_wh, bid_id
):
    changed = [*energies_wh]
    changed[lane] = max(energies_wh[lane], energy_wh)
    before = word_of(stamp, newest, energies_wh)
    got = harness.with_bid(before, lane, changed[lane] - energies_wh[lane], bid_id)
    assert got == word_of(stamp, bid_id, changed)


@given(stamps, bid_ids, energy_lists, lanes, energies)
def test_with_less__any_word__takes_from_that_level_and_no_other(
    harness, stamp, newest, energies_wh, lane, energy_wh
):
    changed = [*energies_wh]
    changed[lane] = min(energies_wh[lane], energy_wh)
    before = word_of(stamp, newest, energies_wh)
    got = harness.with_less(before, lane, energies_wh[lane] - changed[lane])
    assert got == word_of(stamp, newest, changed)


@given(stamps, stamps, bid_ids, energy_lists)
def test_with_stamp__any_word__replaces_the_stamp_and_nothing_else(
    harness, stamp, other, newest, energies_wh
):
    got = harness.with_stamp(word_of(stamp, newest, energies_wh), other)
    assert got == word_of(other, newest, energies_wh)
    assert harness.stamp(got) == other


def energy_levels(first, energies_wh):
    return sum(level * energy_wh for level, energy_wh in enumerate(energies_wh, first))


@given(stamps, bid_ids, energy_lists, first_levels)
def test_totals__any_word__are_the_sums_over_its_levels(harness, stamp, newest, energies_wh, first):
    word = word_of(stamp, newest, energies_wh)
    assert harness.total_wh(word) == sum(energies_wh)
    assert harness.energy_levels(word, first) == energy_levels(first, energies_wh)


@given(st.sets(lanes), first_levels)
def test_totals__full_levels__do_not_run_into_each_other(harness, full, first):
    energies_wh = [FULL_WH * (lane in full) for lane in range(LANES)]
    word = word_of(2**16 - 1, 2**23 - 1, energies_wh)
    assert harness.total_wh(word) == FULL_WH * len(full)
    assert harness.energy_levels(word, first) == energy_levels(first, energies_wh)


def test_totals__all_levels_full__do_not_overflow(harness):
    full = word_of(2**16 - 1, 2**23 - 1, [FULL_WH] * LANES)
    assert full == 2**256 - 1
    assert harness.total_wh(full) == 7 * FULL_WH
    assert harness.energy_levels(full, 995) == energy_levels(995, [FULL_WH] * LANES)


@given(stamps, stamps, bid_ids, energy_lists)
def test_or_empty__any_stamp__is_the_word_itself_or_an_empty_one(
    harness, stamp, other, newest, energies_wh
):
    word = word_of(stamp, newest, energies_wh)
    assert harness.or_empty(word, stamp) == word
    expected = word if stamp == other else word_of(other, 0, [0] * LANES)
    assert harness.or_empty(word, other) == expected
