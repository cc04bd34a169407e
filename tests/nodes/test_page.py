"""The consumer's page with Hardhat's node as a live network: from entered bids to what they won."""

from uuid import uuid4

import pytest
import requests

from market.model import Status
from market.store import Outcome, load_results
from tests.nodes.conftest import PAGES_ACCOUNT
from tests.page.forms import save, token
from tests.page.server import PageServer
from tests.scripts.chain import wait_until


class Visitor(requests.Session):
    """Somebody who visits the page at one address, without a browser."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def request(self, method, url, *arguments, **options):
        return super().request(method, self._url + url, *arguments, **options)


@pytest.fixture
def server(tmp_path, home, stage, market, run, people):
    """The page of an approved consumer, which is not started yet."""
    run("utility", people.pages_consumer, function="approve").succeeded()
    server = PageServer(
        tmp_path,
        uuid4().hex,
        ENV_FILE=stage.env_file,
        KEYSTORE_FOLDER=home / ".brownie" / "accounts",
        CONSUMER_ACCOUNT=PAGES_ACCOUNT,
    )
    yield server.start("remote")
    server.stop()


def test_page__bids_entered_and_consumer_started_there__shows_what_was_won(
    server, hardhat, stage, market, people
):
    visitor = Visitor(server.url)
    assert save(visitor, ("heat pump", "2", "0.002")).ok
    assert visitor.post("/agent/start", data={"csrf_token": token(visitor)}).ok
    request_id = market.request_count() + 1
    utility = stage.start("utility", "request", "2.5", "0.004", "600", "remote")
    utility.wait_for("is open")
    wait_until(lambda: bids_of_the_page(market, request_id, people), "the page's consumer's bid")
    wait_until(lambda: f"Request {request_id}" in visitor.get("/").text, "the request on the page")
    hardhat.close_gate(market, request_id)
    utility.finish(90).succeeded()
    results_file = server.folder / "results.json"
    wait_until(results_file.exists, "the results")
    results = load_results(results_file)
    assert (results.request_id, results.status) == (request_id, Outcome.WON)
    won = [(bid.energy_wh, bid.price_wei_per_wh, bid.payment_wei) for bid in results.results]
    assert won == hardhat.due(market, request_id, people.pages_consumer)
    assert bids_of_the_page(market, request_id, people) == [2000]
    assert market.request(request_id).status == Status.SETTLED
    wait_until(lambda: "you won" in visitor.get("/").text, "what was won, on the page")
    assert f"Request {request_id}" in visitor.get("/history").text


def bids_of_the_page(market, request_id, people):
    """Return the energy (Wh) of each bid of the page's consumer on chain."""
    bids = market.bids(request_id)
    return [bid.energy_wh for bid in bids if bid.consumer == people.pages_consumer]
