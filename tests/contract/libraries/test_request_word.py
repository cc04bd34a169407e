"""The layout that contracts/libraries/RequestWord.sol states, bit by bit."""

import pytest
from hypothesis import strategies as st
from hypothesis.core import given

from market.clearing import Access, Pricing
from market.model import Status

FIELDS = {
    "reduction_wh": 36,
    "minimum_bid_wh": 32,
    "gate_closure": 40,
    "price_step_wei": 64,
    "bid_count": 24,
    "regions": 48,
}
"""The numbers and their bits, from the lowest."""
LEVELS_IN_A_REGION = 21

numbers = st.fixed_dictionaries(
    {name: st.integers(0, 2**bits - 1) for name, bits in FIELDS.items()}
)
accesses = st.sampled_from(Access)
pricings = st.sampled_from(Pricing)
statuses = st.sampled_from(Status)


@pytest.fixture(scope="module")
def harness(RequestWordHarness, accounts):
    return RequestWordHarness.deploy({"from": accounts[0]})


def word_of(fields, access, pricing, status):
    word, shift = 0, 0
    for name, bits in FIELDS.items():
        word |= fields[name] << shift
        shift += bits
    return word | access << shift | pricing << shift + 4 | status << shift + 8


@given(numbers, accesses, pricings, statuses)
def test_readers__any_word__give_back_what_is_in_it(harness, fields, access, pricing, status):
    word = word_of(fields, access, pricing, status)
    *terms, bid_count, regions = fields.values()
    assert harness.terms(word) == tuple(terms)
    assert harness.state(word) == (access, pricing, status, bid_count, regions)
    assert harness.is_open_to_all(word) == (access == Access.OPEN)
    assert harness.is_bidding(word) == (status == Status.BIDDING)


@given(numbers, accesses, pricings)
def test_pack__any_terms__is_a_request_that_takes_bids_and_has_none(
    harness, fields, access, pricing
):
    fields |= {"bid_count": 0, "regions": 0}
    terms = [*fields.values()][:4]
    expected = word_of(fields, access, pricing, Status.BIDDING)
    assert harness.pack(*terms, access, pricing) == expected


@given(numbers, accesses, pricings, statuses, st.integers(1, 1000))
def test_with_bid__room_for_one__counts_it_and_marks_its_region(
    harness, fields, access, pricing, status, level
):
    fields["bid_count"] = min(fields["bid_count"], 2**24 - 2)
    before = word_of(fields, access, pricing, status)
    fields["bid_count"] += 1
    fields["regions"] |= 1 << (level - 1) // LEVELS_IN_A_REGION
    assert harness.with_bid(before, level) == word_of(fields, access, pricing, status)


@given(numbers, accesses, pricings, statuses, accesses, statuses)
def test_with_access_and_status__any_word__replace_those_and_nothing_else(
    harness, fields, access, pricing, status, other_access, other_status
):
    word = word_of(fields, access, pricing, status)
    opened = harness.with_access(word, other_access)
    assert opened == word_of(fields, other_access, pricing, status)
    assert harness.with_status(word, other_status) == word_of(fields, access, pricing, other_status)
