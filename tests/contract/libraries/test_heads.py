"""The list that contracts/libraries/HeadsLib.sol keeps of the newest bids of words."""

import pytest
from hypothesis import strategies as st
from hypothesis.core import given

from tests.contract.helpers import MAX_BID_ID

WORDS = 143
bid_counts = st.one_of(
    st.integers(1, MAX_BID_ID), st.integers(0, 22).map(lambda bits: 2**bits), st.integers(1, 300)
)


@pytest.fixture(scope="module")
def harness(HeadsHarness, accounts):
    return HeadsHarness.deploy({"from": accounts[0]})


def words_of(bid_ids):
    """Return words with these newest bids, and everything else about them set."""
    return [2**256 - 1 ^ (MAX_BID_ID ^ bid_id) << 217 for bid_id in bid_ids]


@st.composite
def lists(draw):
    """Return how many bids there are, and the numbers of some of them."""
    bid_count = draw(bid_counts)
    bid_ids = st.integers(1, bid_count)
    return bid_count, draw(st.lists(bid_ids, min_size=1, max_size=WORDS))


@given(lists(), lists())
def test_at__after_another_list__gives_back_the_last_one(harness, earlier, later):
    for bid_count, bid_ids in (earlier, later):
        harness.keep(words_of(bid_ids), bid_count)
        assert harness.all(len(bid_ids), bid_count) == bid_ids


@pytest.mark.parametrize("bid_count", [1, 255, 256, 2**16, MAX_BID_ID])
def test_at__highest_number_in_every_word__gives_it_back(harness, bid_count):
    harness.keep(words_of([bid_count] * WORDS), bid_count)
    assert harness.all(WORDS, bid_count) == [bid_count] * WORDS
