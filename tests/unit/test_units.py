from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market import units
from market.errors import MarketError

# How a quantity is read and shown, the most the contract takes, and the unit for people.
FROM_PEOPLE = {
    "energy": (units.bid_energy_wh, units.format_kwh, 2**31 - 1, "kWh"),
    "reduction": (units.reduction_wh, units.format_kwh, 2**36 - 1, "kWh"),
    "price": (units.price_wei_per_wh, units.format_eth_per_kwh, 1000 * (2**64 - 1), "ETH/kWh"),
}
TOO_PRECISE = "is too precise: write at most {places} digits after the decimal point"
MAX_BIDDING_SECONDS = 30 * 24 * 60 * 60
each_quantity = pytest.mark.parametrize("quantity", FROM_PEOPLE)


@pytest.mark.parametrize(
    ("text", "number"),
    [("5", "5"), ("0.004", "0.004"), ("  5 \n", "5"), (".5", "0.5"), ("5.", "5"), ("-2", "-2")],
)
def test_parse_decimal__plain_decimal__is_exact(text, number):
    assert units.parse_decimal(text) == Decimal(number)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        ".",
        "1e3",
        "5 kWh",
        "nan",
        "inf",
        "1_000",
        "0x10",
        "--1",
        "1.2.3",
        "\u0665",
        "\u00b2",
        "1 2",
    ],
)
def test_parse_decimal__not_a_plain_decimal__says_what_to_write(text):
    with pytest.raises(MarketError, match=r"is not a number: write digits only, such as 5 or 0.5"):
        units.parse_decimal(text)


@pytest.mark.parametrize("text", ["0,5", "1,000", "1,000.5"])
def test_parse_decimal__comma__asks_for_a_decimal_point(text):
    with pytest.raises(
        MarketError, match=f'"{text}" has a comma: write a decimal point, such as 0.5$'
    ):
        units.parse_decimal(text)


def test_parse_decimal__very_long_text__is_quoted_in_part():
    with pytest.raises(MarketError) as problem:
        units.parse_decimal("x" * 10_000)
    assert len(str(problem.value)) < 150


@pytest.mark.parametrize(
    ("convert", "written", "on_chain"),
    [
        (units.bid_energy_wh, "3.0", 3000),
        (units.bid_energy_wh, "0.001", 1),
        (units.bid_energy_wh, "0.500" + "0" * 200, 500),
        (units.bid_energy_wh, "1E+3", 1_000_000),
        (units.bid_energy_wh, "2147483.647", 2**31 - 1),
        (units.reduction_wh, "68719476.735", 2**36 - 1),
        (units.price_wei_per_wh, "1", 10**15),
        (units.price_wei_per_wh, "0.003", 3 * 10**12),
        (units.price_wei_per_wh, "1E-15", 1),
        (units.price_wei_per_wh, "18446744.073709551615", 1000 * (2**64 - 1)),
    ],
)
def test_conversion__allowed_value__is_exact(convert, written, on_chain):
    assert convert(Decimal(written)) == on_chain


@each_quantity
@pytest.mark.parametrize(
    ("written", "shown", "reason"),
    [
        ("NaN", "NaN", "is not a number: write one such as 0.5"),
        ("Infinity", "Infinity", "is not a number: write one such as 0.5"),
        ("-Infinity", "-Infinity", "is not a number: write one such as 0.5"),
        ("0", "0", "must be more than zero"),
        ("-0.0", "-0.0", "must be more than zero"),
        ("-3.50", "-3.50", "must be more than zero"),
        ("1e400", "1E+400", "is too large: write at most {maximum} {unit}"),
        ("1" + "0" * 60, "1" + "0" * 39 + "...", "is too large: write at most {maximum} {unit}"),
        ("0.0000000000000001", "0.0000000000000001", TOO_PRECISE),
        ("1.00000000000000001", "1.00000000000000001", TOO_PRECISE),
        ("1e-400", "1E-400", TOO_PRECISE),
        ("1e-99999999", "1E-99999999", TOO_PRECISE),
    ],
)
def test_conversion__unusable_value__names_it_as_written(quantity, written, shown, reason):
    convert, show, maximum, unit = FROM_PEOPLE[quantity]
    places = 3 if unit == "kWh" else 15
    with pytest.raises(MarketError) as problem:
        convert(Decimal(written))
    assert str(problem.value) == f"{quantity} {shown} {unit} " + reason.format(
        maximum=show(maximum), unit=unit, places=places
    )


@each_quantity
def test_conversion__maximum_and_one_more__are_taken_and_refused(quantity):
    convert, show, maximum, _ = FROM_PEOPLE[quantity]
    assert convert(Decimal(show(maximum))) == maximum
    with pytest.raises(MarketError, match="is too large"):
        convert(Decimal(show(maximum + 1)))


@each_quantity
@given(data=st.data())
def test_conversion__formatted_value__comes_back_unchanged(quantity, data):
    convert, show, maximum, _ = FROM_PEOPLE[quantity]
    amount = data.draw(st.integers(1, maximum))
    assert convert(units.parse_decimal(show(amount))) == amount


@pytest.mark.parametrize("seconds", [1, 60, MAX_BIDDING_SECONDS])
def test_bidding_seconds__allowed__is_unchanged(seconds):
    assert units.bidding_seconds(Decimal(seconds)) == seconds


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("0", "must be more than zero"),
        ("0.5", "is too precise: write a whole number"),
        (str(MAX_BIDDING_SECONDS + 1), "is too large: write at most 2592000 s"),
    ],
)
def test_bidding_seconds__unusable__says_what_to_write(written, reason):
    with pytest.raises(MarketError, match=f"^bidding time {written} s {reason}$"):
        units.bidding_seconds(Decimal(written))


def test_conversion__coarse_decimal_context__is_still_exact():
    with localcontext() as context:
        context.prec = 3
        assert units.price_wei_per_wh(Decimal("1.234567890123456")) == 1_234_567_890_123_456
        assert units.format_eth_per_kwh(1_234_567_890_123_456) == "1.234567890123456"


@pytest.mark.parametrize(
    ("show", "amount", "shown"),
    [
        (units.format_kwh, 2000, "2.0"),
        (units.format_kwh, 0, "0.0"),
        (units.format_kwh, 1, "0.001"),
        (units.format_kwh, 12_340, "12.34"),
        (units.format_kwh, 100_000, "100.0"),
        (units.format_eth_per_kwh, 2 * 10**12, "0.002"),
        (units.format_eth_per_kwh, 1, "0.000000000000001"),
        (units.format_eth, 4 * 10**15, "0.004"),
        (units.format_eth, 1, "0.000000000000000001"),
        (units.format_eth, -1, "-0.000000000000000001"),
        (units.format_eth, 10**40 + 1, "1" + "0" * 22 + ".000000000000000001"),
    ],
)
def test_format__any_amount__is_a_plain_decimal(show, amount, shown):
    assert show(amount) == shown


@given(price=st.integers(1, 2**70), step=st.integers(1, 2**64 - 1))
def test_price_level_ceil__any_price__is_the_lowest_level_that_pays_it(price, step):
    level = units.price_level_ceil(price, step)
    assert (level - 1) * step < price <= level * step


@given(maximum=st.integers(1000, units.MAX_PRICE_WEI_PER_WH))
def test_price_step_wei_floor__any_maximum_price__is_the_widest_grid_within_it(maximum):
    step = units.price_step_wei_floor(maximum)
    assert 1000 * step <= maximum < 1000 * (step + 1)
    assert 1 <= step < 2**64


def test_price_step_wei_floor__below_one_wei_a_level__says_the_least_price():
    with pytest.raises(MarketError) as problem:
        units.price_step_wei_floor(999)
    assert str(problem.value) == (
        "maximum price 0.000000000000999 ETH/kWh is too low: write at least 0.000000000001 ETH/kWh"
    )


def test_escrow_wei__two_kwh_at_most_at_five_thousandths__is_a_hundredth_of_an_eth():
    step = units.price_step_wei_floor(units.price_wei_per_wh(Decimal("0.005")))
    assert units.escrow_wei(2000, step) == 10**16


def test_shift_exact__zero__is_zero():
    assert units.shift_exact(Decimal("0.0"), 18) == 0
