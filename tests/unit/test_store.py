import errno
import json
import os
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market import store
from market.bids import Offer
from market.errors import MarketError
from market.store import BidResult, Outcome, PaymentState, Results

REPOSITORY = Path(__file__).parents[2]
NOON_UTC = datetime(2025, 6, 1, 12, tzinfo=timezone.utc)
HEAT_PUMP = Offer(3000, 3 * 10**12, "heat pump")
offers = st.builds(
    Offer,
    st.integers(1, 2**31 - 1),
    st.integers(1, 1000 * (2**64 - 1)),
    st.none() | st.text(st.characters(whitelist_categories=["L", "N", "P"]), min_size=1),
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "bids.json"


@pytest.fixture
def won():
    return Results(
        results=(
            BidResult(
                energy_wh=2000,
                price_wei_per_wh=2 * 10**12,
                payment_wei=4 * 10**15,
                device="heat pump",
                payment_state=PaymentState.PAID,
                transaction="0xab",
            ),
            BidResult(energy_wh=500, price_wei_per_wh=2 * 10**12, payment_wei=10**15),
        ),
        time=NOON_UTC,
        request_id=7,
        status=Outcome.WON,
        contract="0xcd",
        chain_id=31337,
        clearing_price_wei_per_wh=2 * 10**12,
    )


def fail_with(code):
    def fail(*_args, **_kwargs):
        raise OSError(code, os.strerror(code))

    return fail


# The consumer's offers


def test_load_offers__the_repositorys_example__is_one_heat_pump():
    assert store.load_offers(REPOSITORY / "database" / "bids.json") == (HEAT_PUMP,)


def test_load_offers__file_missing__says_how_to_mend(path):
    with pytest.raises(
        MarketError, match=r"There is no .*bids.json: copy database/bids.json from the"
    ):
        store.load_offers(path)


def test_load_offers__a_folder__says_it_must_be_a_file(tmp_path):
    with pytest.raises(
        MarketError, match=r"cannot be read \(Is a directory\): it must be a file that"
    ):
        store.load_offers(tmp_path)


def test_load_offers__unreadable_file__says_so(path, monkeypatch):
    monkeypatch.setattr(Path, "open", fail_with(errno.EACCES))
    with pytest.raises(MarketError, match=r"bids.json cannot be read \(Permission denied\)"):
        store.load_offers(path)


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_load_offers__not_utf8__says_so(path, encoding):
    path.write_text('{"device": ["Wärmepumpe"]}', encoding=encoding)
    with pytest.raises(MarketError, match=r"bids\.json is not UTF-8 text: save it again as UTF-8"):
        store.load_offers(path)


def test_load_offers__wrong_entry__names_the_file(path):
    path.write_text('{"energy": [0], "price": [1]}')
    with pytest.raises(MarketError) as problem:
        store.load_offers(path)
    assert str(problem.value) == f"{path}: bid 1: energy 0 kWh must be more than zero"


def test_load_offers__endless_file__is_refused_without_reading_it_all():
    with pytest.raises(MarketError, match="/dev/zero: longer than 1000000 characters"):
        store.load_offers(Path("/dev/zero"))


def test_save_offers__two_offers__writes_exact_json_numbers(path):
    store.save_offers(path, [HEAT_PUMP, Offer(1, 1)])
    assert path.read_text() == (
        '{"energy": [3.0, 0.001], "price": [0.003, 0.000000000000001], '
        '"device": ["heat pump", null]}\n'
    )


@given(rows=st.lists(offers, min_size=1))
def test_save_offers__any_offers__are_loaded_unchanged(rows, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "any_offers.json"
    store.save_offers(path, rows)
    assert store.load_offers(path) == tuple(rows)


def test_save_offers__name_with_an_umlaut__stays_legible(path):
    store.save_offers(path, [Offer(1, 1, "Wärmepumpe")])
    assert "Wärmepumpe" in path.read_text(encoding="utf-8")


def test_save_offers__none__is_refused_on_loading(path):
    store.save_offers(path, [])
    with pytest.raises(MarketError, match="there are no bids: add one"):
        store.load_offers(path)


# The results


def test_write_results__two_winning_bids__is_in_the_units_of_people(path, won):
    store.write_results(path, won)
    assert json.loads(path.read_text()) == {
        "results": [
            {
                "Energy": "2.0",
                "Price": "0.002",
                "payment_eth": "0.004",
                "device": "heat pump",
                "payment_state": "paid",
                "transaction": "0xab",
            },
            {
                "Energy": "0.5",
                "Price": "0.002",
                "payment_eth": "0.001",
                "device": None,
                "payment_state": "due",
                "transaction": None,
            },
        ],
        "time": "2025-06-01T12:00:00Z",
        "request_id": 7,
        "status": "won",
        "contract": "0xcd",
        "chain_id": 31337,
        "clearing_price_eth_per_kwh": "0.002",
        "final": True,
        "chain": None,
        "block_number": None,
        "total_energy_kwh": "2.5",
        "total_payment_eth": "0.005",
    }


def test_results__time_in_another_zone__is_utc(won):
    summer = NOON_UTC.astimezone(timezone(timedelta(hours=2)))
    assert Results(**{**dict(won), "time": summer}).model_dump(mode="json")["time"] == (
        "2025-06-01T12:00:00Z"
    )


def test_results__time_without_a_zone__is_refused(won):
    with pytest.raises(ValueError, match="timezone"):
        Results(**{**dict(won), "time": datetime(2025, 6, 1)})


def test_load_results__written_results__come_back_unchanged(path, won):
    store.write_results(path, won)
    assert store.load_results(path) == won


def test_load_results__nothing_won__has_zero_totals(path, won):
    lost = Results(**{**dict(won), "results": (), "status": Outcome.LOST})
    store.write_results(path, lost)
    assert (store.load_results(path).total_energy_wh, lost.total_payment_wei) == (0, 0)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"0.004"', '"many"'),
        ('"0.004"', '"NaN"'),
        ('"0.004"', '"Infinity"'),
        ('"2.0"', '"2.00001"'),
        ('"2.0"', "2.5"),
        ('"won"', '"maybe"'),
        ("}", ""),
    ],
)
def test_load_results__another_content__says_how_to_mend(path, won, old, new):
    store.write_results(path, won)
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(MarketError) as problem:
        store.load_results(path)
    assert str(problem.value) == (
        f"{path} is not a results file: delete it, the next request writes it anew"
    )


def test_load_results__missing__says_when_it_is_written(path):
    with pytest.raises(MarketError, match=": it is written when a request you bid in has ended"):
        store.load_results(path)


def test_write_results__file__is_laid_out_for_people(path, won):
    store.write_results(path, won)
    text = path.read_text()
    assert text == json.dumps(json.loads(text), indent=2) + "\n"


def test_outcome__every_way_to_end__has_its_word_in_the_file():
    assert [outcome.value for outcome in Outcome] == ["won", "lost", "no bids", "cancelled"]
    assert [state.value for state in PaymentState] == ["due", "paid", "deferred"]
