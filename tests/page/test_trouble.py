"""What a window says when it is not told of changes, and by keyboard alone."""

import re

import pytest
import requests
from playwright.sync_api import expect
from werkzeug.security import generate_password_hash

from flaskapp.household import MOST_STREAMS
from market.bids import Offer
from market.store import load_offers, save_offers
from tests.page.browser import accessibility_problems, take_screenshot
from tests.page.forms import HASH, PASSWORD
from tests.scripts.chain import UTILITY, wait_until

HEAT_PUMP = Offer(2000, 2 * 10**12, "heat pump")
OTHER_PASSWORD = "another horse battery"
OTHER_HASH = generate_password_hash(OTHER_PASSWORD, method="pbkdf2:sha256:1000")


def set_password(server, market, hashed):
    server.env_file.write_text(
        f"CONTRACT_ADDRESS={market.address}\nPAGE_PASSWORD_HASH='{hashed}'\n", "utf-8"
    )


def log_in(page, password):
    page.get_by_label("Password of this page").fill(password)
    page.get_by_role("button", name="Log in").click()


def test_events__too_many_windows__says_so_until_one_is_closed(page, server):
    streams = [
        requests.get(f"{server.url}/events", stream=True, timeout=60) for _ in range(MOST_STREAMS)
    ]
    page.goto("/")
    expect(page.get_by_role("alert")).to_contain_text("Too many windows watch already")
    take_screenshot(page, "14-too-many-windows")
    assert accessibility_problems(page) == []
    for stream in streams:
        stream.close()
    expect(page.locator("[data-trouble=full]")).to_be_hidden()
    expect(page.get_by_role("heading", name="No request is open")).to_be_visible()


def test_events__logged_out__leads_to_the_login_and_back(page, server, market):
    set_password(server, market, HASH)
    page.goto("/history")
    log_in(page, PASSWORD)
    expect(page.get_by_role("heading", name="History")).to_be_visible()
    set_password(server, market, OTHER_HASH)
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    log_in(page, OTHER_PASSWORD)
    expect(page.get_by_role("heading", name="History")).to_be_visible()


@pytest.mark.parametrize("script_is_late", [False, True])
def test_events__logged_out_while_typing__keeps_what_was_typed(
    page, server, market, script_is_late
):
    set_password(server, market, HASH)
    late = []
    if script_is_late:
        page.route("**/bids.js", lambda script: late.append(script))
    page.goto("/bids")
    with page.expect_request("**/bids.js"):
        log_in(page, PASSWORD)
    for name, typed in (("device", "heat pump"), ("energy", "2"), ("price", "0.002")):
        page.locator(f"#rows-0-{name}").fill(typed)
    assert bool(late) == script_is_late
    for script in late:
        script.continue_()
    set_password(server, market, OTHER_HASH)
    expect(page.get_by_role("alert")).to_contain_text("You are logged out")
    take_screenshot(page, "15-logged-out-while-typing")
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Log in in another window").click()
    log_in(opened.value, OTHER_PASSWORD)
    expect(opened.value.get_by_role("heading", name="Log in")).to_be_hidden()
    opened.value.close()
    expect(page.locator("[data-trouble=out]")).to_be_hidden()
    page.get_by_role("button", name="Save the bids").click()
    expect(page.get_by_role("status").first).to_have_text("Saved: 1 bid in bids.json")
    assert load_offers(server.bids_file) == (HEAT_PUMP,)


def test_history__many_past_requests__says_how_far_it_is_and_when_there_is_more(
    page, server, chain, market
):
    for _ in range(16 + 25):
        market.cancel_request(chain.sender(UTILITY), chain.request(market))
    incomplete = re.compile(r"requests \d+ to 41 of 41 have been looked at for what you missed")
    # Held until the page was looked at: it would be told that it is complete some seconds later.
    page.route("**/events", lambda events: None)

    def opened():
        """Open the history, which does not wait for a first look that takes long."""
        page.goto("/history")
        return incomplete.search(page.locator("#progress").inner_text())

    wait_until(opened, "an incomplete history")
    take_screenshot(page, "16-history-incomplete")
    assert accessibility_problems(page) == []
    page.unroute("**/events")
    expect(page.locator("#progress")).to_be_hidden()
    page.get_by_role("link", name="load the history again").click()
    expect(page.locator("#newer")).to_be_hidden()
    expect(page.locator("#progress")).to_be_hidden()
    expect(page.locator(".rounds > li")).to_have_count(41)


def chart_title(page):
    """Return the title of the chart's tooltip for its first point."""
    return page.evaluate(
        """() => {
            const chart = Chart.getChart(document.querySelector("canvas"));
            chart.tooltip.setActiveElements([{ datasetIndex: 1, index: 1 }], { x: 0, y: 0 });
            chart.update();
            return chart.tooltip.title.join();
        }"""
    )


def test_chart__pointed_at__says_the_energy_with_its_unit(page, server, chain, market):
    chain.bid(market, chain.request(market), 1)
    page.goto("/")
    expect(page.locator("canvas")).to_be_visible()
    assert chart_title(page) == "2 kWh"


def press_until(page, name):
    """Press Tab until what has this name is focused, and be able to see where that is."""
    for _ in range(60):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        if focused.count() and name in focused.inner_text():
            assert focused.evaluate("one => getComputedStyle(one).outlineStyle") != "none"
            return
    raise AssertionError(f"{name} cannot be reached by keyboard")


def test_live__by_keyboard_alone__starts_and_stops_the_consumer(page, server):
    save_offers(server.bids_file, [HEAT_PUMP])
    page.goto("/")
    press_until(page, "Skip to the content")
    page.keyboard.press("Enter")
    press_until(page, "Start the consumer")
    page.keyboard.press("Enter")
    expect(page.locator("#agent")).to_contain_text("waiting for requests")
    press_until(page, "Stop the consumer")
    page.keyboard.press("Enter")
    expect(page.locator("#agent-state")).to_have_text("Stopped")
