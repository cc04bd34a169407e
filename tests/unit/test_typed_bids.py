from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.bids import Offer, parse_offers
from market.errors import MarketError
from market.typed_bids import NO_BIDS, TypedBid, check_bid, check_bids


def test_check_bid__right__is_an_offer():
    checked = check_bid(TypedBid(" heat pump ", " 2.5 ", ".003"))
    assert checked.offer == Offer(2500, 3 * 10**12, "heat pump")
    assert checked.problems == {}
    assert checked.least_wei == 75 * 10**14


def test_check_bid__no_device__is_an_offer_without_a_name():
    assert check_bid(TypedBid("  ", "1", "1")).offer == Offer(1000, 10**15, None)


def test_check_bid__all_wrong__has_a_sentence_for_each_field():
    checked = check_bid(TypedBid("x" * 101, "1,5", ""))
    assert checked.offer is None
    assert checked.problems["energy"] == '"1,5" has a comma: write a decimal point, such as 0.5'
    assert checked.problems["price"] == "Write the price, such as 0.003 ETH/kWh"
    assert checked.problems["device"].startswith("The device's name is too long")


@given(
    st.decimals("-0.001", "5000000", places=4),
    st.decimals("-0.001", "100", places=18),
)
def test_check_bid__any_numbers__are_judged_as_in_the_file(energy: Decimal, price: Decimal) -> None:
    text = f'{{"energy": [{energy:f}], "price": [{price:f}]}}'
    checked = check_bid(TypedBid("", f"{energy:f}", f"{price:f}"))
    if checked.offer:
        assert parse_offers(text, "bids.json") == (checked.offer,)
    else:
        with pytest.raises(MarketError) as problem:
            parse_offers(text, "bids.json")
        said = str(problem.value).partition("bid 1: ")[2]
        assert said.lower() in [each.lower() for each in checked.problems.values()]


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, NO_BIDS),
        (150, ""),
        (151, "A request takes 150 bids, and these are 151: remove some"),
    ],
)
def test_check_bids__number_of_rows__is_what_a_request_takes(count, said):
    checked, problem = check_bids([TypedBid("", "1", "1")] * count)
    assert (len(checked), problem) == (count, said)


def test_is_blank__only_blanks__is_so():
    assert TypedBid(" ", "", "\t").is_blank
    assert not TypedBid("", "0", "").is_blank
