import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.bids import (
    MAX_BIDS_CHARACTERS,
    LevelBid,
    Offer,
    Refusal,
    bids_for_request,
    one_level_up,
    parse_offers,
)
from market.errors import MarketError
from market.units import PRICE_LEVELS

FORM = '{"energy": [3.0], "price": [0.003], "device": ["heat pump"]}'
STEP = 5 * 10**9  # wei per Wh: at most 0.005 ETH/kWh


def problem_with(text):
    with pytest.raises(MarketError) as problem:
        parse_offers(text, "bids.json")
    line = str(problem.value)
    assert line.startswith("bids.json: ")
    assert len(line) < 250
    return line


def second_bid(energy="1", price="1", device='"car"'):
    """A bids.json whose second bid is the one given."""
    return f'{{"energy": [3, {energy}], "price": [1, {price}], "device": ["pump", {device}]}}'


def test_parse_offers__example__is_in_wh_and_wei_per_wh():
    assert parse_offers(FORM, "bids.json") == (Offer(3000, 3 * 10**12, "heat pump"),)


def test_parse_offers__several_bids__keeps_their_order():
    text = '{"energy": [1, 0.5], "price": [2e-3, 1e-05], "device": ["boiler", null]}'
    assert parse_offers(text, "bids.json") == (
        Offer(1000, 2 * 10**12, "boiler"),
        Offer(500, 10**10, None),
    )


def test_parse_offers__no_device_list__leaves_the_devices_unnamed():
    assert parse_offers('{"energy": [3], "price": [1]}', "bids.json")[0].device is None


def test_parse_offers__empty_device__is_unnamed():
    text = '{"energy": [3], "price": [1], "device": [""]}'
    assert parse_offers(text, "bids.json")[0].device is None


def test_parse_offers__notes_and_byte_order_mark__are_ignored():
    text = '\ufeff{"_note": {"any": ["thing"]}, "energy": [3], "price": [1]}'
    assert parse_offers(text, "bids.json") == (Offer(3000, 10**15),)


def test_parse_offers__number_no_float_can_hold__is_exact():
    text = '{"energy": [2147483.647], "price": [1234567.000000000000001]}'
    assert parse_offers(text, "x") == (Offer(2147483647, 1234567000000000000001),)


@given(st.lists(st.tuples(st.integers(1, 2**31 - 1), st.integers(1, 10**19)), min_size=1))
def test_parse_offers__amounts_spelled_out__come_back_exactly(amounts):
    energies = ", ".join(f"{wh}e-3" for wh, _ in amounts)
    prices = ", ".join(f"{wei // 10**15}.{wei % 10**15:015}" for _, wei in amounts)
    offers = parse_offers(f'{{"energy": [{energies}], "price": [{prices}]}}', "bids.json")
    assert [(offer.energy_wh, offer.price_wei_per_wh) for offer in offers] == amounts


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty: write your bids, such as EXAMPLE"),
        (" \n", "is empty: write your bids, such as EXAMPLE"),
        (
            '{"energy": [3.0],\n "price": 0,003}',
            "line 2, column 13: not JSON "
            "(Expecting property name enclosed in double quotes): write it as EXAMPLE",
        ),
        ("energy: 3", "line 1, column 1: not JSON (Expecting value): write it as EXAMPLE"),
        (FORM + FORM, "line 1, column 61: not JSON (Extra data): write it as EXAMPLE"),
        ("[" * 100_000, "nested too deeply: write it as EXAMPLE"),
        ("[3.0]", "not an object in braces: write it as EXAMPLE"),
        ("3.0", "not an object in braces: write it as EXAMPLE"),
        ("null", "not an object in braces: write it as EXAMPLE"),
        ("NaN", "not an object in braces: write it as EXAMPLE"),
        ("{}", 'the list "energy" is missing: write it as EXAMPLE'),
        ('{"energy": [3.0]}', 'the list "price" is missing: write it as EXAMPLE'),
        ('{"energy": [3.0], "prices": [1]}', 'unknown key "prices": did you mean "price"?'),
        ('{"PRICE": [1]}', 'unknown key "PRICE": did you mean "price"?'),
        ('{"zzz": 1}', 'unknown key "zzz": the keys are energy, price, device'),
        (f'{{"{"z" * 99}": 1}}', f'unknown key "{"z" * 40}": the keys are energy, price, device'),
        (
            '{"energy": 3.0, "price": [1]}',
            '"energy" is not a list: put brackets around it, as in EXAMPLE',
        ),
        (
            '{"energy": [3], "price": {}}',
            '"price" is not a list: put brackets around it, as in EXAMPLE',
        ),
        (
            '{"energy": [1], "price": [1], "device": "car"}',
            '"device" is not a list: put brackets around it, as in EXAMPLE',
        ),
        (
            '{"energy": [1], "price": [1, 2]}',
            '"energy" and "price" differ in length (1 and 2): '
            'write one entry in "price" for each in "energy"',
        ),
        (
            '{"energy": [1], "price": [1], "device": []}',
            '"energy" and "device" differ in length (1 and 0): '
            'write one entry in "device" for each in "energy"',
        ),
        ('{"energy": [], "price": []}', "there are no bids: add one, such as EXAMPLE"),
        (
            '{"energy": [1], "price": [1], "energy": [2]}',
            '"energy" is there twice: put all its entries into one list',
        ),
        (
            '{"energy": [1e99999999999999999999], "price": [1]}',
            "1e99999999999999999999 is out of range: write a number such as 0.5",
        ),
        (
            "{" + " " * MAX_BIDS_CHARACTERS + "}",
            "longer than 1000000 characters: write fewer bids",
        ),
    ],
)
def test_parse_offers__wrong_form__says_where_and_how_to_mend(text, reason):
    assert problem_with(text) == f"bids.json: {reason}".replace("EXAMPLE", FORM)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("-3.50", "-3.50 "),
        ("0", "0 "),
        ("NaN", "NaN "),
        ("-Infinity", "-Infinity "),
        ('"3.0"', '"3.0" is not a number: write one such as 0.5, without quotes'),
        ("true", "true is not a number"),
        ("null", "null is not a number"),
        ("[1]", "[...] is not a number"),
        ('{"a": 1}', "{...} is not a number"),
        ("1e400", "1E+400 "),
        ("99999999999", "99999999999 "),
        ("0.0000000000000001", "0.0000000000000001 "),
        ("1" * 5000, "1" * 40 + "... "),
    ],
)
@pytest.mark.parametrize("name", ["energy", "price"])
def test_parse_offers__unusable_number__names_bid_device_and_value(name, written, shown):
    problem = problem_with(second_bid(**{name: written}))
    assert problem.startswith(f"bids.json: bid 2 (car): {name} {shown}")


def test_parse_offers__bad_bid_without_device__is_named_by_its_number():
    assert problem_with('{"energy": [1, 0], "price": [1, 1]}').startswith("bids.json: bid 2: ")


@pytest.mark.parametrize(
    ("device", "shown"), [("3", "3"), ('["car"]', "[...]"), ("false", "false")]
)
def test_parse_offers__device_that_is_not_text__shows_it(device, shown):
    assert problem_with(second_bid(device=device)) == (
        f"bids.json: bid 2: device {shown} is not a name: write one in quotes, or null"
    )


@pytest.mark.parametrize(
    ("device", "shown"),
    [("x" * 101, "x" * 40), ("\x1b[31m", "[31m"), ("\ud800 car", "car")],
)
def test_parse_offers__device_that_cannot_be_shown__says_what_can(device, shown):
    assert problem_with(second_bid(device=json.dumps(device))).replace("( ", "(") == (
        f"bids.json: bid 2 ({shown}): the device's name is too long, or not plain text: "
        "write up to 100 letters, digits and signs"
    )


def test_offer__longest_name__is_allowed():
    assert Offer(1, 1, "ü" * 100).device == "ü" * 100


def test_bids_for_request__price_between_two_levels__is_rounded_up():
    offer = Offer(1000, 2 * STEP + 1)
    assert bids_for_request([offer], reduction_wh=5000, price_step_wei=STEP, minimum_bid_wh=0) == (
        [LevelBid(offer, 1000, 3)],
        [],
    )


def test_bids_for_request__exactly_at_the_limits__is_submitted():
    offer = Offer(500, 1000 * STEP)
    assert bids_for_request(
        [offer], reduction_wh=5000, price_step_wei=STEP, minimum_bid_wh=500
    ) == ([LevelBid(offer, 500, 1000)], [])


def test_bids_for_request__offer_above_the_reduction__is_submitted_with_the_reduction():
    offer = Offer(9000, STEP)
    bids, _ = bids_for_request([offer], reduction_wh=5000, price_step_wei=STEP, minimum_bid_wh=0)
    assert bids == [LevelBid(offer, 5000, 1)]


def test_bids_for_request__above_the_maximum_price__is_refused_with_both_prices():
    offer = Offer(1000, 1000 * STEP + 1)
    assert bids_for_request([offer], reduction_wh=5000, price_step_wei=STEP, minimum_bid_wh=0) == (
        [],
        [
            Refusal(
                offer,
                "it asks 0.005000000000001 ETH/kWh, and the request pays at most 0.005 ETH/kWh: "
                "ask less to take part",
            )
        ],
    )


def test_bids_for_request__below_the_smallest_bid__is_refused_with_both_energies():
    small, large = Offer(499, STEP), Offer(500, STEP)
    bids, refusals = bids_for_request(
        [small, large], reduction_wh=5000, price_step_wei=STEP, minimum_bid_wh=500
    )
    assert bids == [LevelBid(large, 500, 1)]
    assert refusals == [
        Refusal(
            small,
            "it offers 0.499 kWh, and the request's smallest bid is 0.5 kWh: "
            "offer more to take part",
        )
    ]


@given(
    st.lists(st.builds(Offer, st.integers(1, 2**31 - 1), st.integers(1, 10**7))),
    st.integers(1, 10**4),
)
def test_bids_for_request__any_offers__each_is_submitted_or_refused(offers, step):
    bids, refusals = bids_for_request(
        offers, reduction_wh=10**6, price_step_wei=step, minimum_bid_wh=1000
    )
    assert len(bids) + len(refusals) == len(offers)
    assert all(1 <= bid.price_level <= 1000 for bid in bids)
    assert all(bid.price_level * step >= bid.offer.price_wei_per_wh for bid in bids)
    assert all(1000 <= bid.energy_wh <= 10**6 for bid in bids)


def test_parse_offers__longest_text__is_read_and_one_more_character_is_not():
    text = '{"energy": [1], "price": [1]}'.ljust(MAX_BIDS_CHARACTERS)
    assert parse_offers(text, "bids.json") == (Offer(1000, 10**15),)
    with pytest.raises(MarketError, match="longer than"):
        parse_offers(text + " ", "bids.json")


def test_one_level_up__bids_at_the_full_level__ask_one_level_more():
    offers = [Offer(1000, 7, device) for device in ("a", "b", "c")]
    bids = [LevelBid(offer, 1000, level) for offer, level in zip(offers, (4, 5, 5), strict=True)]
    moved, refusals = one_level_up(bids, 5)
    assert moved == [
        LevelBid(offer, 1000, level) for offer, level in zip(offers, (4, 6, 6), strict=True)
    ]
    assert refusals == []


def test_one_level_up__highest_level__is_refused():
    offers = [Offer(1000, 7, device) for device in ("a", "b")]
    bids = [LevelBid(offers[0], 1000, PRICE_LEVELS - 1), LevelBid(offers[1], 1000, PRICE_LEVELS)]
    moved, refusals = one_level_up(bids, PRICE_LEVELS)
    assert moved == bids[:1]
    assert refusals == [Refusal(offers[1], "no more energy fits at the highest price")]
