import errno
import json
import os
import signal
import subprocess
import sys
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path
from stat import S_IMODE

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
    st.integers(1, 2**32 - 1),
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


def mode(path):
    return S_IMODE(path.stat().st_mode)


def names_in(folder):
    return [file.name for file in folder.iterdir()]


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
    with pytest.raises(MarketError, match="it is written when a request you bid in has ended"):
        store.load_results(path)


def test_outcome__every_way_to_end__has_its_word_in_the_file():
    assert [outcome.value for outcome in Outcome] == ["won", "lost", "no bids", "cancelled"]
    assert [state.value for state in PaymentState] == ["due", "paid", "deferred"]


# Writing whole or not at all


def test_write_whole__before_it_replaces_the_file__has_everything_on_the_disk(path, monkeypatch):
    sizes = []
    monkeypatch.setattr(os, "fsync", lambda file: sizes.append(os.fstat(file).st_size))
    store.write_whole(path, "twelve bytes")
    assert sizes == [12]


def test_write_whole__new_file__is_readable_for_all_unless_the_mask_forbids_it(path):
    mask = os.umask(0o027)
    try:
        store.write_whole(path, "a")
    finally:
        os.umask(mask)
    assert mode(path) == 0o640


def test_write_whole__new_file__has_the_mode_asked_for(path):
    store.write_whole(path, "a", new_file_mode=0o600)
    assert (path.read_text(), mode(path)) == ("a", 0o600)


def test_write_whole__existing_file__keeps_its_permissions_and_leaves_nothing_else(path):
    path.write_text("old")
    path.chmod(0o640)
    store.write_whole(path, "new\r\n", new_file_mode=0o600)
    assert (path.read_bytes(), mode(path)) == (b"new\r\n", 0o640)
    assert names_in(path.parent) == ["bids.json"]


def test_write_whole__existing_file__is_given_to_its_owner(path, monkeypatch):
    given_to = []
    monkeypatch.setattr(os, "chown", lambda _path, *owner: given_to.append(owner))
    path.write_text("old")
    store.write_whole(path, "new")
    assert given_to == [(path.stat().st_uid, path.stat().st_gid)]


def test_write_whole__may_not_change_the_owner__writes_all_the_same(path, monkeypatch):
    monkeypatch.setattr(os, "chown", fail_with(errno.EPERM))
    path.write_text("old")
    path.chmod(0o640)
    store.write_whole(path, "new")
    assert (path.read_text(), mode(path)) == ("new", 0o640)


def test_write_whole__link__stays_a_link(path, tmp_path):
    target = tmp_path / "elsewhere" / "real.json"
    target.parent.mkdir()
    target.write_text("old")
    path.symlink_to(target)
    store.write_whole(path, "new")
    assert path.is_symlink()
    assert target.read_text() == "new"


@pytest.mark.parametrize(
    ("module", "function", "code"),
    [
        (Path, "touch", errno.EROFS),
        (Path, "touch", errno.EACCES),
        (os, "fsync", errno.ENOSPC),
        (Path, "replace", errno.EIO),
        (Path, "chmod", errno.EIO),
    ],
)
def test_write_whole__system_refuses__keeps_the_old_file_and_no_other(
    path, monkeypatch, module, function, code
):
    path.write_text("old")
    monkeypatch.setattr(module, function, fail_with(code))
    with pytest.raises(MarketError) as problem:
        store.write_whole(path, "new")
    monkeypatch.undo()
    assert str(problem.value) == (
        f"{path} cannot be written ({os.strerror(code)}): "
        "check the free space, and that you may write in its folder"
    )
    assert path.read_text() == "old"
    assert names_in(path.parent) == ["bids.json"]


def test_write_whole__interrupted__keeps_the_old_file_and_no_other(path, monkeypatch):
    def interrupt(*_args):
        raise KeyboardInterrupt

    path.write_text("old")
    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        store.write_whole(path, "new")
    assert path.read_text() == "old"
    assert names_in(path.parent) == ["bids.json"]


def test_write_whole__killed_before_the_end__keeps_the_old_file(path):
    path.write_text("old")
    program = (
        "import os, signal, sys, pathlib\n"
        "from market import store\n"
        "pathlib.Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "store.write_whole(pathlib.Path(sys.argv[1]), 'new')\n"
    )
    ended = subprocess.run([sys.executable, "-c", program, path], cwd=REPOSITORY, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert path.read_text() == "old"


@pytest.mark.parametrize("folder", ["missing", "bids.json"])
def test_write_whole__no_such_folder__says_so(path, folder):
    path.write_text("a file, not a folder")
    with pytest.raises(MarketError, match=r"cannot be written \((No such file|Not a directory)"):
        store.write_whole(path.parent / folder / "new.json", "new")


def test_write_whole__path_is_a_folder__says_so(tmp_path):
    folder = tmp_path / "results.json"
    folder.mkdir()
    with pytest.raises(MarketError, match=r"results.json cannot be written \(Is a directory\)"):
        store.write_whole(folder, "new")
    assert names_in(tmp_path) == ["results.json"]


def test_write_whole__reader_at_the_same_time__sees_one_whole_file_or_the_other(path):
    texts = ["a" * 300_000, "b" * 300_000]
    store.write_whole(path, texts[0])
    enough = threading.Event()

    def write_in_turn():
        while not enough.is_set():
            for text in texts:
                store.write_whole(path, text)

    writer = threading.Thread(target=write_in_turn)
    writer.start()
    seen = []
    while len(seen) < 100 or len(set(seen)) < 2:
        seen.append(path.read_text())
    enough.set()
    writer.join()
    assert set(seen) == set(texts)
