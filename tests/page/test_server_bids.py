"""The server without a browser: the bids' form."""

import pytest
from markupsafe import escape

from market.bids import Offer
from market.store import load_offers, save_offers
from tests.page.forms import row, save, token, version, version_in, versions_in

HEAT_PUMP = Offer(2000, 2 * 10**12, "heat pump")


def test_bids__saved__are_in_the_file_and_shown(client, settings):
    assert (
        save(client, ("heat pump", " 2 ", ".002"), ("", "1", "1"), ("", "", "")).status_code == 302
    )
    assert load_offers(settings.database_folder / "bids.json") == (
        HEAT_PUMP,
        Offer(1000, 10**15, None),
    )
    shown = client.get("/bids").text
    assert "Saved: 2 bids in bids.json" in shown
    assert 'value="heat pump"' in shown


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (("pump", "", "1"), "Write the energy, such as 1.5 kWh"),
        (("pump", "1", ""), "Write the price, such as 0.003 ETH/kWh"),
        (("pump", "1 kWh", "1"), "is not a number: write digits only"),
        (("pump", "1", "nan"), "is not a number: write digits only"),
        (("pump", "0.0001", "1"), "too precise: write at most 3 digits"),
        (("p\u202eump", "1", "1"), "too long, or not plain text"),
    ],
)
def test_bids__wrong__are_marked_and_nothing_is_saved(client, settings, written, said):
    answer = save(client, ("good", "1", "1"), written)
    assert answer.status_code == 422
    assert said in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert not (settings.database_folder / "bids.json").exists()


def test_bids__none__are_not_saved(client):
    answer = save(client, ("", "", ""))
    assert answer.status_code == 422
    assert "There are no bids: add one" in answer.text


def test_bids__more_than_a_request_takes__are_not_saved(client):
    answer = save(client, *[("d", "1", "1")] * 151)
    assert answer.status_code == 422
    assert "A request takes 150 bids, and these are 151: remove some" in answer.text


def test_bids__made_from_another_version__are_kept_on_the_page_and_not_saved(client, settings):
    path = settings.database_folder / "bids.json"
    save_offers(path, [HEAT_PUMP])
    answer = save(client, ("mine", "1", "1"), version="of yesterday")
    assert answer.status_code == 409
    assert "was changed meanwhile" in answer.text
    assert 'value="mine"' in answer.text
    assert load_offers(path) == (HEAT_PUMP,)


def test_bids__without_javascript__rows_are_added_and_removed(client):
    form = {"csrf_token": token(client), "version": version(client), **row(0, "a", "1", "1")}
    added = client.post("/bids", data={**form, "action": "add"}).text
    assert 'name="rows-1-device"' in added
    form.update(row(1, "b", "1", "1"))
    removed = client.post("/bids", data={**form, "action": "remove-0"}).text
    assert 'value="b"' in removed
    assert 'value="a"' not in removed


def test_bids__disk_that_cannot_be_written__says_so_and_keeps_what_was_typed(client, settings):
    path = settings.database_folder / "bids.json"
    path.mkdir()
    answer = save(client, ("mine", "1", "1"))
    assert answer.status_code == 500
    assert "cannot be written" in answer.text
    assert 'value="mine"' in answer.text


def test_check__rows__says_what_is_wrong_and_what_is_earned(client):
    rows = [
        {"device": "pump", "energy": "2", "price": "0.002"},
        {"energy": "x"},
        "no row",
    ]
    answer = client.post(
        "/bids/check", json={"rows": rows}, headers={"X-CSRFToken": token(client)}
    ).json
    assert answer["rows"][0] == {
        "earns": "earns 0.004 ETH or more if all of it is accepted",
        "problems": {},
    }
    assert answer["rows"][1]["problems"].keys() == {"energy", "price"}
    assert answer["total"] == "1 bid, together up to 2.0 kWh"


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"", b'{"energy": [], "price": []}'])
def test_bids__file_broken_by_hand__is_explained_and_can_be_replaced(client, settings, content):
    path = settings.database_folder / "bids.json"
    path.write_bytes(content)
    assert "The file is broken" in client.get("/bids").text
    assert save(client, ("heat pump", "2", "0.002")).status_code == 302
    assert load_offers(path) == (HEAT_PUMP,)


def test_bids_text__mended__is_saved_as_written(client, settings):
    path = settings.database_folder / "bids.json"
    path.write_text("{", "utf-8")
    text = '{"_note": "mine",\n "energy": [2], "price": [0.002], "device": ["heat pump"]}\n'
    form = {"csrf_token": token(client), "version": version(client), "text": text}
    assert client.post("/bids/text", data=form).status_code == 302
    assert path.read_text("utf-8") == text


def test_bids_text__still_wrong__is_not_saved_and_kept_on_the_page(client, settings):
    path = settings.database_folder / "bids.json"
    path.write_text("{", "utf-8")
    form = {"csrf_token": token(client), "version": version(client), "text": "[still]"}
    answer = client.post("/bids/text", data=form)
    assert answer.status_code == 422
    assert "[still]" in answer.text
    assert path.read_text("utf-8") == "{"


def mend(client, text, page_version):
    form = {"csrf_token": token(client), "version": page_version, "text": text}
    return client.post("/bids/text", data=form)


@pytest.fixture
def changed_meanwhile(client, settings):
    """The version that a page shows of a broken file, which somebody else has mended since."""
    path = settings.database_folder / "bids.json"
    path.write_text("{", "utf-8")
    shown = version(client)
    save_offers(path, [HEAT_PUMP])
    return shown


def test_bids_text__file_changed_meanwhile__both_are_shown_and_none_is_lost(
    client, settings, changed_meanwhile
):
    mine = '{"energy": [1], "price": [1], "device": ["mine"]}'
    asked = mend(client, mine, changed_meanwhile)
    assert asked.status_code == 409
    assert "was changed meanwhile" in asked.text
    assert "heat pump: 2.0 kWh at 0.002 ETH/kWh" in asked.text
    assert escape(mine) in asked.text
    path = settings.database_folder / "bids.json"
    assert load_offers(path) == (HEAT_PUMP,)
    assert mend(client, mine, version_in(asked)).status_code == 302
    assert path.read_text("utf-8") == mine


def test_bids_text__wrong_while_the_file_changed__does_not_take_its_version_over(
    client, settings, changed_meanwhile
):
    wrong = mend(client, "[still", changed_meanwhile)
    assert wrong.status_code == 422
    assert {*versions_in(wrong)} == {changed_meanwhile}
    text = '{"energy": [1], "price": [1]}'
    assert mend(client, text, version_in(wrong)).status_code == 409
    assert load_offers(settings.database_folder / "bids.json") == (HEAT_PUMP,)


def test_bids_text__file_broken_anew_meanwhile__shows_the_text_that_is_there(client, settings):
    path = settings.database_folder / "bids.json"
    path.write_text("{", "utf-8")
    shown = version(client)
    path.write_text('{"somebody else\'s": 1', "utf-8")
    asked = mend(client, '{"energy": [1], "price": [1]}', shown)
    assert asked.status_code == 409
    assert escape('{"somebody else\'s": 1') in asked.text
