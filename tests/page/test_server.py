"""The server without a browser: its pages and what they are made of."""

import json
import re

import pytest

from flaskapp.household import MOST_STREAMS
from market.bids import Offer
from market.store import save_offers
from tests.page.forms import PAGES, version

HEAT_PUMP = Offer(2000, 2 * 10**12, "heat pump")


@pytest.mark.parametrize("path", PAGES)
def test_page__without_anything_yet__says_what_to_do(client, path):
    answer = client.get(path)
    assert answer.status_code == 200
    assert re.search(r"Enter your bids|enter your bids|There is no bids\.json yet", answer.text)


@pytest.mark.parametrize("path", [*PAGES, "/history.csv", "/packages/chart.js", "/nowhere"])
def test_page__any__has_the_strict_headers(client, path):
    with client.get(path) as answer:
        headers = answer.headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize("path", [*PAGES, "/nowhere"])
def test_page__any__has_no_script_style_or_address_that_the_policy_forbids(client, path):
    text = client.get(path).text
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|https?://(?!127)", text)


def test_home__no_node__says_so_and_no_more(client):
    assert "No local chain is running at http://127.0.0.1:9" in client.get("/").text


def test_history_csv__nothing_yet__is_a_heading(client):
    answer = client.get("/history.csv")
    assert answer.mimetype == "text/csv"
    assert "attachment" in answer.headers["Content-Disposition"]
    assert answer.text.startswith("request,gate_closure_utc,")
    assert len(answer.text.splitlines()) == 1


@pytest.mark.parametrize(
    "name", ["axe.js", "../package.json", "..%2f..%2f.env", "chart.umd.js", "chart.js.map"]
)
def test_package__not_on_the_list__is_not_handed_out(client, name):
    assert client.get(f"/packages/{name}").status_code == 404


def test_package__on_the_list__is_the_installed_one(client):
    with client.get("/packages/chart.js") as answer:
        assert answer.mimetype == "text/javascript"
        assert b"Chart.js v4" in answer.data


@pytest.mark.parametrize(("path", "status"), [("/nowhere", 404), ("/agent/start", 405)])
def test_error__of_any_kind__is_a_page_in_plain_words(client, path, status):
    answer = client.get(path)
    assert answer.status_code == status
    assert "<h1>" in answer.text
    assert "Traceback" not in answer.text


def test_events__picture__has_the_parts_and_the_version_of_the_file(client, settings):
    save_offers(settings.database_folder / "bids.json", [HEAT_PUMP])
    answer = client.get("/events")
    assert answer.mimetype == "text/event-stream"
    first = next(answer.response).decode()
    answer.close()
    name, data = first.strip().splitlines()
    picture = json.loads(data.removeprefix("data: "))
    assert name == "event: picture"
    assert picture["bids_version"] == version(client)
    assert {"agent", "market", "log", "headline"} < picture.keys()


def test_events__too_many_at_a_time__are_refused_until_one_ends(client):
    streams = [client.get("/events") for _ in range(MOST_STREAMS)]
    assert client.get("/events").status_code == 503
    streams.pop().close()
    again = client.get("/events")
    assert again.status_code == 200
    for stream in [*streams, again]:
        stream.close()
