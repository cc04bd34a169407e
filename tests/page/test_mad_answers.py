"""Whatever a node or a file says, the page shows the rest, and never breaks."""

import sqlite3
from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from flaskapp import looking
from flaskapp.looking import Looker, Picture
from flaskapp.words import coded, price_of, when
from market.clearing import Access, Award, Bid, Pricing
from market.history import load_history
from market.live import Round, View
from market.memory import MEMORY_FILE
from market.model import Payment, Quote, Request, Status
from market.node import Block
from market.past_requests import Ended, ended
from market.supply import supply_of

ME, OTHER = "0x" + "1" * 40, "0x" + "2" * 40
_WORD = 2**256 - 1
_NUMBERS = 14
_NOUGHT = [0] * _NUMBERS

# As wide as the widest of what is multiplied on chain; money may be wider.
numbers = st.sampled_from([0, 1, 999, 2**31, 2**40]) | st.integers(0, 2**64 - 1)
money = numbers | st.integers(0, _WORD)
accounts = st.sampled_from([ME, OTHER])
bids = st.builds(Bid, numbers, accounts, numbers, numbers)
awards = st.builds(Award, numbers, accounts, numbers, numbers, money)
payments = st.builds(Payment, numbers, accounts, numbers, money, st.booleans(), st.just("0xab"))
requests = st.builds(
    Request,
    numbers,
    st.sampled_from(Status),
    st.sampled_from(Access),
    st.sampled_from(Pricing),
    accounts,
    *[numbers] * _NUMBERS,
)


@st.composite
def mad_rounds(draw):
    request = draw(requests)
    offered = draw(st.lists(bids, max_size=4))
    return Round(
        request,
        left_s=draw(numbers),
        open_for_s=draw(numbers),
        quote=draw(st.none() | st.builds(Quote, *[numbers] * 4)),
        bids=tuple(offered),
        mine=tuple(bid for bid in offered if bid.consumer == ME),
        awards=tuple(draw(st.lists(awards, max_size=2))),
        supply=draw(st.sampled_from([None, supply_of(offered, request, ME)])),
        payments=draw(st.none() | st.lists(payments, max_size=3).map(tuple)),
    )


views = st.builds(
    View,
    head=st.builds(Block, numbers, st.just("0xhash"), numbers),
    chain_id=numbers,
    chain=st.just("7:0xab"),
    contract=st.just(OTHER),
    account=st.none() | st.just(ME),
    balance_wei=st.none() | money,
    deferred_wei=money,
    may_bid=st.booleans(),
    request_count=numbers,
    rounds=st.lists(mad_rounds(), max_size=2).map(tuple),
    last=st.none() | mad_rounds(),
    past=st.dictionaries(numbers, requests.map(ended), max_size=3),
    unknown_before=numbers,
)


@pytest.fixture
def seeing(app, monkeypatch):
    """A client of a page that sees what it is given."""
    household = app.extensions["household"]
    client = app.test_client()

    def see(view):
        watcher = SimpleNamespace(newest=lambda *_, **__: (1, Picture(view)), closed=False)
        app.extensions["household"] = replace(household, watcher=watcher)
        return client

    yield see
    app.extensions["household"] = household


@settings_of_hypothesis(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(view=views)
def test_pages__any_numbers_from_the_chain__are_shown(seeing, view):
    client = seeing(view)
    for path in ("/", "/history", "/history.csv"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert "Traceback" not in answer.text
    with client.get("/events") as stream:
        assert next(stream.response).startswith(b"event: picture")


@pytest.mark.parametrize("time_s", [-(10**20), 253_402_300_800, 2**40, _WORD])
def test_when__beyond_the_calendar__is_words(time_s):
    assert when(time_s) == "a time that no calendar has"


def test_coded__what_is_to_be_typed__is_set_apart_and_nothing_else_is_markup():
    assert coded("run `a <b>` & c") == "run <code>a &lt;b&gt;</code> &amp; c"


def test_price_of__nothing_sold__is_no_price():
    assert (price_of(10**15, 0), price_of(4 * 10**15, 2000)) == ("–", "0.002 ETH/kWh")


def test_load_history__rounds_at_impossible_times__are_shown_without_one(tmp_path):
    past = {1: Ended(1, False, _WORD, 0, 0)}
    (past,) = load_history(tmp_path / MEMORY_FILE, ("7:0xab", OTHER), past).rounds
    assert past.time is None


def test_look__memory_that_cannot_be_read__shows_the_market_all_the_same(settings, monkeypatch):
    """The thread that everybody's page waits for must live on."""
    view = View(
        Block(1, "0x", 1),
        7,
        "7:0xab",
        OTHER,
        ME,
        1,
        0,
        True,
        1,
        (),
        Round(Request(1, Status.SETTLED, Access(0), Pricing(0), OTHER, *_NOUGHT)),
        {},
    )
    monkeypatch.setattr(
        looking.Looker, "_live_market", lambda *_: SimpleNamespace(look=lambda: view)
    )
    path = settings.database_folder / MEMORY_FILE
    looker = Looker(lambda: settings, remote=False)
    path.write_bytes(b"no database at all" * 100)
    assert looker() == Picture(view)
    path.unlink()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 7")
    db.close()
    assert looker() == Picture(view)
    path.unlink()
    path.mkdir()
    assert looker() == Picture(view)
