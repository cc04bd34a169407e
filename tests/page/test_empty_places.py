"""Whoever comes for the first time, or where something is missing, sees what to do next."""

from contextlib import contextmanager
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from market.bids import Offer
from market.store import save_offers
from tests.page.browser import DESKTOP, PHONE, accessibility_problems, take_screenshot
from tests.page.server import PageServer

pytestmark = pytest.mark.slow

HEAT_PUMP = Offer(2000, 2 * 10**12, "heat pump")
NOBODY = "http://127.0.0.1:9"
# Each size and each colour once: what the one breaks, the other does not hide.
_LOOKS = [("phone", PHONE, "dark"), ("desktop", DESKTOP, "light")]


@contextmanager
def begun(folder, **environment):
    server = PageServer(folder, uuid4().hex, **environment)
    try:
        yield server.start()
    finally:
        server.stop()


def look_at(browser, server, name, path, said):
    """Open a page in every size and colour: it says what to do, and can be read by everybody."""
    for size, viewport, scheme in _LOOKS:
        context = browser.new_context(
            base_url=server.url, viewport=viewport, color_scheme=scheme, locale="en-GB"
        )
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.goto(path)
        for words in said:
            expect(page.locator("main")).to_contain_text(words)
        take_screenshot(page, f"empty-{name}-{size}-{scheme}")
        assert accessibility_problems(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        context.close()


_SET_UP = {
    "no-env": (
        None,
        "There is no .env: install -m 600 .env.template .env makes one to fill in, and so does "
        "the utility's python -m market deploy",
    ),
    "no-contract": ("", "There is no CONTRACT_ADDRESS in .env: write the contract's address there"),
    "no-account": ("CONSUMER_ACCOUNT=nobody\n", "nobody"),
    "no-node": (f"LOCAL_RPC_URL={NOBODY}\n", "start one with ./run_chain.sh in another terminal"),
}


@pytest.mark.parametrize("name", _SET_UP)
def test_live__not_set_up_yet__says_what_is_missing_and_what_to_do(
    browser, tmp_path, chain, market, name
):
    written, said = _SET_UP[name]
    environment = {} if name == "no-node" else {"LOCAL_RPC_URL": chain.url}
    with begun(tmp_path, **environment) as server:
        if written is not None:
            contract = "" if name == "no-contract" else f"CONTRACT_ADDRESS={market.address}\n"
            server.env_file.write_text(written + contract, "utf-8")
        look_at(browser, server, f"{name}-live", "/", [said, "What to do next", "Enter your bids"])
        look_at(browser, server, f"{name}-history", "/history", [said, "Nothing to show yet"])


def test_pages__nothing_has_happened_yet__lead_to_the_first_bids(browser, server):
    steps = ["No request is open", "Enter your bids", "Start your consumer", "Then wait"]
    look_at(browser, server, "first-live", "/", steps)
    look_at(browser, server, "first-bids", "/bids", ["Fill in a row for each device"])
    look_at(browser, server, "first-history", "/history", ["Nothing has happened yet"])


def test_pages__bids_broken__lead_to_where_they_can_be_mended(browser, server):
    server.bids_file.write_text('{"energy": [2.0],\n "price": [0.002}\n', "utf-8")
    look_at(browser, server, "broken-live", "/", ["bids.json is broken", "Mend it"])
    said = ["line 2, column 17: not JSON", "mend it here", "start anew with the form below"]
    look_at(browser, server, "broken-bids", "/bids", said)


def test_live__consumer_crashed__says_so_with_the_reason_and_how_to_go_on(browser, server, page):
    save_offers(server.bids_file, [HEAT_PUMP])
    page.goto("/")
    page.get_by_role("button", name="Start the consumer").click()
    expect(page.locator("#agent")).to_contain_text("waiting for requests")
    server.kill_agent()
    expect(page.locator("#agent-state")).to_have_text("Crashed")
    said = ["Crashed", "Killed by the signal SIGKILL", "Start the consumer again"]
    look_at(browser, server, "crashed-live", "/", said)


def test_live__bids_but_no_request__says_what_is_left_to_do(browser, server):
    save_offers(server.bids_file, [HEAT_PUMP])
    said = ["No request is open", "Your bids are entered: 1 bid", "Start your consumer"]
    look_at(browser, server, "no-rounds-live", "/", said)
