"""The layout that contracts/libraries/BidWord.sol states, bit by bit."""

import pytest
from hypothesis import strategies as st
from hypothesis.core import given

consumers = st.integers(0, 2**160 - 1)
energies_wh = st.integers(0, 2**32 - 1)
levels = st.integers(0, 2**16 - 1)
bid_ids = st.integers(0, 2**24 - 1)


@pytest.fixture(scope="module")
def harness(BidWordHarness, accounts):
    return BidWordHarness.deploy({"from": accounts[0]})


def address(number):
    return f"0x{number:040x}"


def word_of(consumer, energy_wh, level, older_bid_id):
    return consumer << 72 | energy_wh << 40 | level << 24 | older_bid_id


@given(consumers, energies_wh, levels, bid_ids)
def test_pack__any_bid__is_laid_out_as_documented(harness, consumer, energy_wh, level, older):
    packed = harness.pack(address(consumer), energy_wh, level, older)
    assert packed == word_of(consumer, energy_wh, level, older)


@given(consumers, energies_wh, levels, bid_ids)
def test_unpack__any_word__gives_back_the_bid(harness, consumer, energy_wh, level, older):
    got_consumer, *rest = harness.unpack(word_of(consumer, energy_wh, level, older))
    assert int(got_consumer, 16) == consumer
    assert rest == [energy_wh, level, older]


@given(consumers, energies_wh, levels, bid_ids)
def test_withdrawn__any_bid__loses_its_energy_only(harness, consumer, energy_wh, level, older):
    withdrawn = harness.withdrawn(word_of(consumer, energy_wh, level, older))
    assert withdrawn == word_of(consumer, 0, level, older)


def test_pack__all_fields_at_their_limit__fills_the_low_232_bits(harness):
    largest = harness.pack(address(2**160 - 1), 2**32 - 1, 2**16 - 1, 2**24 - 1)
    assert largest == 2**232 - 1
