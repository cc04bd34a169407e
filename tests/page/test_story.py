"""The whole story in a real browser, against a real chain and the utility's own script."""

import re
from time import monotonic

from playwright.sync_api import expect

from market.bids import Offer
from market.store import load_offers, load_results, save_offers
from tests.page.browser import PHONE, accessibility_problems, take_screenshot
from tests.page.forms import HASH, PASSWORD
from tests.scripts.chain import UTILITY, wait_until

HEAT_PUMP = Offer(2000, 2 * 10**12, "heat pump")


def fill(page, row, device, energy, price):
    for name, value in (("device", device), ("energy", energy), ("price", price)):
        page.locator(f"#rows-{row}-{name}").fill(value)


def start_agent(page):
    page.get_by_role("button", name=re.compile("Start the consumer")).click()
    expect(page.locator("#agent-state")).to_have_text(re.compile("At work"))
    expect(page.locator("#agent")).to_contain_text("waiting for requests")


def test_story__from_an_empty_form_to_a_paid_winner__is_told_without_reloading(
    page, server, chain, market
):
    page.goto("/")
    expect(page.locator("#agent")).to_contain_text("There are no bids yet")
    take_screenshot(page, "1-first-visit")

    page.get_by_role("link", name="Enter your bids").first.click()
    fill(page, 0, "heat pump", "2.0", "0.002")
    page.get_by_role("button", name="Add a bid").click()
    fill(page, 1, "car charger", "1.5", "0.003")
    expect(page.locator("#total")).to_have_text("2 bids, together up to 3.5 kWh")
    page.get_by_role("button", name="Save the bids").click()
    expect(page.get_by_role("status").first).to_have_text("Saved: 2 bids in bids.json")
    assert load_offers(server.bids_file) == (HEAT_PUMP, Offer(1500, 3 * 10**12, "car charger"))
    take_screenshot(page, "2-bids-saved")

    page.goto("/")
    start_agent(page)
    page.evaluate("window.notReloaded = true")
    utility = server.start_command("utility", "request", "5", "0.004", "600")

    title = page.get_by_role("heading", name="Request 1 open for bids")
    expect(title).to_be_visible()
    expect(page.locator("#market")).to_contain_text("5.0 kWh wanted, at most 0.004 ETH/kWh")
    expect(page.locator("#market progress")).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("heat pump.*2.0 kWh"))).to_be_visible()
    chain.bid(market, 1, 3)
    expect(page.locator("#market")).to_contain_text("3 bids offer 5.5 kWh")
    take_screenshot(page, "3-round-open")
    assert accessibility_problems(page) == []

    chain.close_gate(market, 1)
    expect(page.locator("#won")).to_have_text("Won: 3.0 kWh, paid 0.009 ETH")
    assert page.evaluate("window.notReloaded")
    wait_until(lambda: "you won" in page.locator("#log").inner_text(), "it is logged", 60)
    take_screenshot(page, "4-won")
    assert utility.wait(60) == 0
    results = load_results(server.folder / "results.json")
    assert results.total_payment_wei == 9 * 10**15
    paid = {result.transaction for result in results.results}
    shown = page.locator("#market [data-whole]").evaluate_all("all => all.map(o => o.title)")
    assert paid <= {*shown}
    page.locator("#market [data-whole]").first.click()
    expect(page.locator("#market [data-whole] code").first).to_have_text(next(iter(paid)))

    page.get_by_role("link", name="History").click()
    expect(page.locator("main")).to_contain_text("3.0 kWh for 0.009 ETH")
    page.get_by_text("Request 1", exact=True).click()
    take_screenshot(page, "5-history")
    assert accessibility_problems(page) == []
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as CSV").click()
    lines = download.value.path().read_text("utf-8").splitlines()
    assert len(lines) == 3
    assert "heat pump,2.0,0.002,2.0,0.003,0.003,0.006" in lines[1]

    page.goto("/")
    page.get_by_role("button", name="Stop the consumer").click()
    expect(page.locator("#agent-state")).to_have_text(re.compile("Stopped"))
    assert server.agent() is None


def seconds_until_shown(page, chain, market):
    """Return how long a request is on chain before the page, as it is, shows it."""
    if newest := market.request_count():
        market.cancel_request(chain.sender(UTILITY), newest)
    expect(page.get_by_role("heading", name="No request is open")).to_be_visible()
    chain.request(market)
    began_s = monotonic()
    expect(page.locator("#market progress")).to_be_visible()
    return monotonic() - began_s


def test_request__that_opens__shows_soon_and_after_a_reload(page, server, chain, market):
    save_offers(server.bids_file, [HEAT_PUMP])
    page.goto("/")
    expect(page.get_by_role("heading", name="No request is open")).to_be_visible()
    start_agent(page)
    # The quickest of three: how busy the machine is says nothing about the page.
    assert min(seconds_until_shown(page, chain, market) for _ in range(3)) < 10
    request_id = market.request_count()
    page.reload()
    expect(page.get_by_role("heading", name="open for bids")).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("heat pump")).first).to_be_visible()
    expect(page.locator("#market .left")).to_have_text(re.compile(r"9 min \d+ s"))
    page.set_viewport_size(PHONE)
    take_screenshot(page, "6-round-phone")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    chain.settle(market, request_id)
    expect(page.locator("#won")).to_have_text("Won: 2.0 kWh, paid 0.004 ETH")
    take_screenshot(page, "7-won-phone")


def test_agent__that_crashes__is_seen_with_the_reason_and_starts_again(page, server):
    save_offers(server.bids_file, [HEAT_PUMP])
    page.goto("/")
    start_agent(page)
    server.kill_agent()
    expect(page.locator("#agent-state")).to_have_text(re.compile("Crashed"))
    expect(page.locator("#agent")).to_contain_text('the last it said was "waiting for requests"')
    expect(page.locator("#agent pre")).to_have_text("Killed by the signal SIGKILL")
    take_screenshot(page, "8-crashed")
    start_agent(page)

    page.get_by_role("button", name="Stop the consumer").click()
    expect(page.locator("#agent-state")).to_have_text(re.compile("Stopped"))
    settings = server.env_file.read_text("utf-8")
    server.env_file.write_text(f"{settings}REPLACE_SECONDS=never\n", "utf-8")
    page.get_by_role("button", name=re.compile("Start the consumer")).click()
    expect(page.locator("#agent-state")).to_have_text(re.compile("Ended by a problem"))
    expect(page.locator("#agent pre")).to_contain_text("REPLACE_SECONDS")
    server.env_file.write_text(settings, "utf-8")


def test_agent__started_elsewhere__is_seen_and_goes_on_without_the_page(page, server):
    save_offers(server.bids_file, [HEAT_PUMP])
    by_hand = server.start_command("consumer")
    page.goto("/")
    expect(page.locator("#agent-state")).to_have_text(re.compile("At work"))
    second = server.run("consumer").refused_with("A consumer works with this folder already")
    assert f"process {by_hand.pid}" in second.err
    server.stop_page()
    expect(page.get_by_role("alert")).to_contain_text("The page has lost its server")
    assert by_hand.poll() is None
    server.start()
    expect(page.locator("[data-trouble=lost]")).to_be_hidden()
    expect(page.locator("#agent-state")).to_have_text(re.compile("At work"))
    page.close()
    assert by_hand.poll() is None
    by_hand.terminate()
    by_hand.communicate(timeout=60)


def test_login__wrong_then_right__lets_in_and_out(page, server):
    server.env_file.write_text(
        f"{server.env_file.read_text('utf-8')}PAGE_PASSWORD_HASH='{HASH}'\n", "utf-8"
    )
    page.goto("/bids")
    page.get_by_label("Password of this page").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_have_text("The password is wrong")
    take_screenshot(page, "13-login")
    assert accessibility_problems(page) == []
    page.get_by_label("Password of this page").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Bids", exact=True)).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
