import csv
import sqlite3
from contextlib import closing
from datetime import datetime, timezone
from io import StringIO

import pytest

from market.history import load_history
from market.history_csv import as_csv
from market.memory import Memory
from market.past_requests import Ended
from market.progress import PlacedBid, Round, State
from market.store import BidResult, Outcome, PaymentState, Results

CHAIN, CONTRACT, ACCOUNT = "31337:0xabc", "0xcontract", "0xaccount"
STEP = 4 * 10**9
JANUARY, MARCH = 1_767_300_000, 1_772_400_000


@pytest.fixture
def file(tmp_path):
    return tmp_path / "market.sqlite3"


@pytest.fixture
def remember(file):
    memory = Memory(file, CHAIN, CONTRACT, ACCOUNT)
    yield memory.save
    memory.close()


def won(request_id, closure, payment_wei, device="heat pump"):
    paid = BidResult(
        energy_wh=2000,
        price_wei_per_wh=payment_wei // 2000,
        payment_wei=payment_wei,
        device=device,
        payment_state=PaymentState.PAID,
        transaction="0xpaid",
    )
    return Round(
        request_id,
        State.FINAL,
        {"reduction_wh": 5000, "price_step_wei": STEP, "gate_closure": closure},
        [PlacedBid(1, 2000, 500, device), PlacedBid(2, 1000, 900, "oven")],
        gas_used=60_000,
        fee_wei=60_000 * 10**9,
        transaction="0xbid",
        results=Results(
            results=(paid,),
            time=datetime(2026, 1, 1, tzinfo=timezone.utc),
            request_id=request_id,
            status=Outcome.WON,
            contract=CONTRACT,
            chain_id=31337,
            clearing_price_wei_per_wh=3 * 10**12,
        ),
    )


def test_load_history__no_file__is_empty_and_makes_none(file):
    assert load_history(file).rounds == ()
    assert not file.exists()


def test_load_history__rounds__are_the_newest_first_with_totals_by_month(file, remember):
    remember(won(1, JANUARY, 6 * 10**15))
    remember(won(2, JANUARY + 60, 4 * 10**15))
    remember(won(3, MARCH, 5 * 10**15))
    history = load_history(file)
    assert [past.request_id for past in history.rounds] == [3, 2, 1]
    assert [(m.name, m.rounds, m.earned_wei) for m in history.months] == [
        ("2026-03", 1, 5 * 10**15),
        ("2026-01", 2, 10 * 10**15),
    ]
    assert (history.total.won, history.total.energy_wh) == (3, 6000)
    assert history.total.net_wei == 15 * 10**15 - 180_000 * 10**9


def test_load_history__bid_that_won__is_beside_the_one_that_did_not(file, remember):
    remember(won(1, JANUARY, 6 * 10**15))
    (past,) = load_history(file).rounds
    assert [(bid.device, bid.accepted_wh, bid.payment_wei) for bid in past.bids] == [
        ("heat pump", 2000, 6 * 10**15),
        ("oven", 0, 0),
    ]


def test_load_history__request_left_alone__has_the_reason(file, remember):
    terms = {"reduction_wh": 5000, "price_step_wei": STEP, "gate_closure": JANUARY}
    remember(Round(1, State.PASSED, terms, reason="DRY_RUN is on"))
    (past,) = load_history(file).rounds
    assert (past.outcome, past.reason, past.took_part) == ("not bid in", "DRY_RUN is on", False)


def test_load_history__ended_request_that_is_not_remembered__was_missed(file, remember):
    remember(won(1, JANUARY, 6 * 10**15))
    missed = Ended(2, False, JANUARY + 5, 1000, 0)
    cancelled = Ended(3, True, JANUARY + 9, 1000, 0)
    history = load_history(file, (CHAIN, CONTRACT), {1: missed, 2: missed, 3: cancelled})
    assert [(past.request_id, past.outcome) for past in history.rounds] == [
        (3, "cancelled"),
        (2, "missed"),
        (1, "won"),
    ]


def test_load_history__file_that_is_none__says_so(file):
    file.write_bytes(b"no database at all" * 100)
    history = load_history(file)
    assert history.rounds == ()
    assert "market.sqlite3 cannot be read" in history.problem


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_load_history__memory_of_another_version__is_left_as_it_is(file, remember, tmp_path):
    remember(won(1, JANUARY, 6 * 10**15))
    with closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA user_version = 7")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        before = db.execute("SELECT COUNT(*) FROM rounds").fetchone()
        assert "not of this version of the program" in load_history(file).problem
        assert db.execute("SELECT COUNT(*) FROM rounds").fetchone() == before
        assert db.execute("PRAGMA user_version").fetchone() == (7,)


def test_load_history__nobody_at_work__changes_nothing_and_makes_nothing(file, tmp_path):
    memory = Memory(file, CHAIN, CONTRACT, ACCOUNT)
    memory.save(won(1, JANUARY, 6 * 10**15))
    memory.close()
    before = contents(tmp_path)
    assert len(load_history(file).rounds) == 1
    assert contents(tmp_path) == before == {file.name: before[file.name]}


def test_load_history__what_was_just_remembered__is_there(file, remember):
    for request_id in range(1, 4):
        remember(won(request_id, JANUARY, 6 * 10**15))
        assert len(load_history(file).rounds) == request_id


def test_load_history__round_that_makes_no_sense__says_so(file, remember):
    remember(won(1, JANUARY, 6 * 10**15))
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("UPDATE rounds SET terms = 'none'")
    assert "market.sqlite3 cannot be read" in load_history(file).problem


def test_as_csv__rounds__have_a_line_for_each_bid(file, remember):
    remember(won(1, JANUARY, 6 * 10**15))
    rows = [*csv.DictReader(StringIO(as_csv(load_history(file).rounds)))]
    assert [(r["device"], r["accepted_kwh"], r["earned_eth"]) for r in rows] == [
        ("heat pump", "2.0", "0.006"),
        ("oven", "0.0", "0.0"),
    ]
    assert rows[0]["gate_closure_utc"] == "2026-01-01T20:40:00Z"


@pytest.mark.parametrize("device", ["=1+1", "+1", "-1", "@SUM(A1)"])
def test_as_csv__device_named_like_a_formula__is_no_formula(file, remember, device):
    remember(won(1, JANUARY, 6 * 10**15, device))
    first = next(csv.DictReader(StringIO(as_csv(load_history(file).rounds))))
    assert first["device"] == f"'{device}"
