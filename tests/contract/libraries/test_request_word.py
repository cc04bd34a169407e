"""The layout that contracts/libraries/RequestWord.sol states, bit by bit."""

import pytest
from hypothesis import strategies as st
from hypothesis.core import given

from market.clearing import Access, Pricing
from market.model import Status

FIELDS = {
    "reduction_wh": 36,
    "least_bid_wh": 32,
    "states_none": 1,
    "price_step_wei": 64,
    "pricing": 1,
    "gate_closure": 40,
    "access": 2,
    "status": 3,
    "regions": 48,
    "nothing": 5,
    "bid_count": 24,
}
"""What is in a word and its bits, from the lowest."""
LEVELS_IN_A_REGION = 21
LONGEST_S = 2**22 - 1
MAX_BID_ID = 2**23 - 1

NUMBERS = ("reduction_wh", "gate_closure", "price_step_wei", "regions", "bid_count")
accesses = st.sampled_from(Access)
pricings = st.sampled_from(Pricing)
statuses = st.sampled_from(Status)
minimums = st.one_of(st.just(0), st.integers(0, 2**32 - 1))


@st.composite
def words_fields(draw):
    minimum_wh = draw(minimums)
    return {
        **{name: draw(st.integers(0, 2 ** FIELDS[name] - 1)) for name in NUMBERS},
        "least_bid_wh": max(minimum_wh, 1),
        "states_none": int(minimum_wh == 0),
        "pricing": draw(pricings),
        "access": draw(accesses),
        "status": draw(statuses),
        "nothing": 0,
    }


def stated_wh(fields):
    return fields["least_bid_wh"] - fields["states_none"]


@pytest.fixture(scope="module")
def harness(RequestWordHarness, accounts):
    return RequestWordHarness.deploy({"from": accounts[0]})


def word_of(fields):
    word, shift = 0, 0
    for name, bits in FIELDS.items():
        word |= fields[name] << shift
        shift += bits
    assert shift == 256
    return word


@given(words_fields())
def test_readers__any_word__give_back_what_is_in_it(harness, fields):
    word = word_of(fields)
    assert harness.terms(word) == (
        fields["reduction_wh"],
        stated_wh(fields),
        fields["least_bid_wh"],
        fields["gate_closure"],
        fields["price_step_wei"],
    )
    names = ("access", "pricing", "status", "bid_count", "regions")
    assert harness.state(word) == tuple(fields[name] for name in names)


@given(words_fields())
def test_pack__any_terms__is_a_request_that_takes_bids_and_has_none(harness, fields):
    fields |= {"bid_count": 0, "regions": 0, "status": Status.BIDDING}
    terms = (fields["reduction_wh"], stated_wh(fields), fields["gate_closure"])
    packed = harness.pack(*terms, *(fields[n] for n in ("price_step_wei", "access", "pricing")))
    assert packed == word_of(fields)


@given(words_fields(), st.one_of(st.integers(-2, 2), st.integers(-(2**22), 2**22)), st.data())
def test_is_restricted__any_word__is_false_only_where_anybody_may_bid(
    harness, fields, left_s, data
):
    fields["access"] = data.draw(st.one_of(st.just(Access.OPEN), accesses))
    fields["status"] = data.draw(st.one_of(st.just(Status.BIDDING), statuses))
    time = max(fields["gate_closure"] - left_s, 0)
    left_s = fields["gate_closure"] - time
    anybody = (fields["access"], fields["status"]) == (Access.OPEN, Status.BIDDING)
    expected = not (anybody and 0 < left_s <= LONGEST_S + 1)
    assert harness.is_restricted(word_of(fields), time) == expected


@given(words_fields(), st.integers(-2, 2))
def test_is_overfull__any_word__tells_more_bids_than_numbers(harness, fields, beside):
    assert harness.is_overfull(word_of(fields)) == (fields["bid_count"] > MAX_BID_ID)
    fields["bid_count"] = MAX_BID_ID + beside
    assert harness.is_overfull(word_of(fields)) == (beside > 0)


@given(words_fields(), st.integers(1, 1000))
def test_with_bid__room_for_one__counts_it_and_marks_its_region(harness, fields, level):
    fields["bid_count"] = min(fields["bid_count"], 2**24 - 2)
    before = word_of(fields)
    fields["bid_count"] += 1
    fields["regions"] |= 1 << (level - 1) // LEVELS_IN_A_REGION
    assert harness.with_bid(before, level) == word_of(fields)


@given(words_fields(), accesses, statuses)
def test_with_access_and_status__any_word__replace_those_and_nothing_else(
    harness, fields, access, status
):
    word = word_of(fields)
    assert harness.with_access(word, access) == word_of({**fields, "access": access})
    assert harness.with_status(word, status) == word_of({**fields, "status": status})
