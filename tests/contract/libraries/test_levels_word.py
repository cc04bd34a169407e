"""The layout that contracts/libraries/LevelsWord.sol states, bit by bit."""

import pytest
from hypothesis import strategies as st
from hypothesis.core import given

LANES = 7
WORDS = 143
FULL_WH = 2**31 - 1

stamps = st.integers(0, 2**16 - 1)
bid_ids = st.integers(0, 2**23 - 1)
lanes = st.integers(0, LANES - 1)
energies = st.integers(0, FULL_WH)
first_words = st.integers(0, WORDS - 5)
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
    before = word_of(0, newest, energies_wh)
    got = harness.with_bid(before, stamp, lane, changed[lane] - energies_wh[lane], bid_id)
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


def sums_of(lists, index):
    """Return the energy in words, which begin at a word of the grid, and that times level."""
    energies_wh = [energy_wh for energies in lists for energy_wh in energies]
    first = index * LANES + 1
    levels = sum(level * energy_wh for level, energy_wh in enumerate(energies_wh, first))
    return sum(energies_wh), levels


@given(stamps, bid_ids, st.lists(energy_lists, max_size=5), first_words)
def test_sums__any_words__are_those_over_their_levels(harness, stamp, newest, lists, index):
    words = [word_of(stamp, newest, energies_wh) for energies_wh in lists]
    assert harness.sums(words, index) == sums_of(lists, index)


@given(st.lists(st.sets(lanes), max_size=5), first_words)
def test_sums__full_levels__do_not_run_into_each_other(harness, full, index):
    lists = [[FULL_WH * (lane in lanes) for lane in range(LANES)] for lanes in full]
    words = [word_of(2**16 - 1, 2**23 - 1, energies_wh) for energies_wh in lists]
    assert harness.sums(words, index) == sums_of(lists, index)


def test_sums__whole_grid_full__do_not_overflow(harness):
    full = word_of(2**16 - 1, 2**23 - 1, [FULL_WH] * LANES)
    assert full == 2**256 - 1
    assert harness.sums([full] * WORDS, 0) == sums_of([[FULL_WH] * LANES] * WORDS, 0)


@given(stamps, stamps, bid_ids, energy_lists)
def test_bare__any_stamp__is_the_word_without_it_or_nothing(
    harness, stamp, other, newest, energies_wh
):
    word, bare = word_of(stamp, newest, energies_wh), word_of(0, newest, energies_wh)
    assert harness.bare(word, stamp) == bare
    assert harness.newest_bid_id_of_bare(bare) == newest
    assert harness.bare(word, other) == (bare if stamp == other else 0)
