"""The form in a real browser: every check as one types, two windows, a broken file."""

import re

import pytest
from playwright.sync_api import expect

from market.bids import Offer
from market.store import load_offers, save_offers
from tests.page.browser import PHONE, accessibility_problems, take_screenshot
from tests.page.conftest import serving

HEAT_PUMP = Offer(2000, 2 * 10**12, "heat pump")
SAUNA = Offer(4000, 5 * 10**12, "sauna")


@pytest.fixture(scope="module")
def served(tmp_path_factory, chain):
    """One server for all tests here: each begins with a file of its own."""
    with serving(tmp_path_factory.mktemp("page"), chain, chain.new_market()) as server:
        yield server


@pytest.fixture
def server(served):
    served.bids_file.unlink(missing_ok=True)
    return served


@pytest.fixture
def form(page, server):
    save_offers(server.bids_file, [HEAT_PUMP])
    page.goto("/bids")
    return page


def test_form__typed_wrong__says_so_in_the_markets_words_and_saves_nothing(form, server):
    before = server.bids_file.read_bytes()
    for name, typed, said in [
        ("energy", "", "Write the energy, such as 1.5 kWh"),
        ("energy", "two", '"two" is not a number: write digits only, such as 5 or 0.5'),
        ("energy", "1,5", '"1,5" has a comma: write a decimal point, such as 0.5'),
        ("energy", "0", "Energy 0 kWh must be more than zero"),
        ("energy", "-1", "Energy -1 kWh must be more than zero"),
        (
            "energy",
            "0.0001",
            "Energy 0.0001 kWh is too precise: write at most 3 digits after the decimal point",
        ),
        (
            "energy",
            "5000000",
            "Energy 5000000 kWh is too large: write at most 2147483.647 kWh",
        ),
        ("price", "0", "Price 0 ETH/kWh must be more than zero"),
        ("price", "1e-3", '"1e-3" is not a number: write digits only, such as 5 or 0.5'),
        (
            "device",
            "x" * 101,
            "The device's name is too long, or not plain text: "
            "write up to 100 letters, digits and signs",
        ),
    ]:
        good = form.locator(f"#rows-0-{name}").input_value()
        form.locator(f"#rows-0-{name}").fill(typed)
        expect(form.locator(f"#rows-0-{name}-problem")).to_have_text(said)
        expect(form.locator(f"#rows-0-{name}")).to_have_attribute("aria-invalid", "true")
        form.locator(f"#rows-0-{name}").fill(good)
        expect(form.locator(f"#rows-0-{name}-problem")).to_have_text("")

    form.locator("#rows-0-price").fill("cheap")
    form.get_by_role("button", name="Save the bids").click()
    expect(form.get_by_role("alert")).to_have_text("Nothing was saved: mend what is marked")
    expect(form.locator("#rows-0-price")).to_be_focused()
    expect(form.locator("#rows-0-price")).to_have_value("cheap")
    take_screenshot(form, "9-form-wrong")
    assert accessibility_problems(form) == []
    assert server.bids_file.read_bytes() == before


def test_form__by_keyboard_alone__adds_and_removes_and_saves(form, server):
    form.locator("#rows-0-device").focus()
    for _ in range(4):
        form.keyboard.press("Tab")
    form.keyboard.press("Tab")
    expect(form.get_by_role("button", name="Add a bid")).to_be_focused()
    form.keyboard.press("Enter")
    for typed in ("sauna", "4", "0.005"):
        form.keyboard.type(typed)
        form.keyboard.press("Tab")
    expect(form.get_by_role("button", name="Remove bid 2")).to_be_focused()
    form.locator("#rows-0-device").focus()
    for _ in range(3):
        form.keyboard.press("Tab")
    form.keyboard.press("Enter")
    expect(form.locator("[data-row]")).to_have_count(1)
    form.keyboard.press("Enter")
    expect(form.get_by_role("status").first).to_have_text("Saved: 1 bid in bids.json")
    assert load_offers(server.bids_file) == (SAUNA,)


def test_form__in_two_windows__the_second_to_save_is_asked(form, server):
    other = form.context.new_page()
    other.goto("/bids")
    form.locator("#rows-0-energy").fill("3")
    form.get_by_role("button", name="Save the bids").click()
    expect(form.get_by_role("status").first).to_have_text("Saved: 1 bid in bids.json")

    expect(other.locator("#stale")).to_be_visible()
    other.locator("#rows-0-energy").fill("1")
    other.get_by_role("button", name="Save the bids").click()
    expect(other.get_by_role("alert")).to_contain_text("changed meanwhile")
    expect(other.locator("main")).to_contain_text("heat pump: 3.0 kWh at 0.002 ETH/kWh")
    assert load_offers(server.bids_file)[0].energy_wh == 3000
    take_screenshot(other, "10-conflict")
    assert accessibility_problems(other) == []
    other.get_by_role("button", name="Save mine over it").click()
    expect(other.get_by_role("status").first).to_have_text("Saved: 1 bid in bids.json")
    assert load_offers(server.bids_file)[0].energy_wh == 1000


def test_file__broken_by_hand__says_where_and_can_be_mended(page, server):
    server.bids_file.write_text('{"energy": [2.0],\n "price": [0.002}\n', "utf-8")
    page.goto("/bids")
    expect(page.locator("#file-problem")).to_contain_text("bids.json: line 2, column 17: not JSON")
    page.set_viewport_size(PHONE)
    take_screenshot(page, "11-broken-phone")
    assert accessibility_problems(page) == []
    page.locator("#text").fill('{"energy": [2.0], "price": [-1]}')
    page.get_by_role("button", name="Save the text").click()
    expect(page.locator("#file-problem")).to_contain_text(
        "bid 1: price -1 ETH/kWh must be more than zero"
    )
    page.locator("#text").fill('{"energy": [2.0], "price": [0.002], "device": ["heat pump"]}')
    page.get_by_role("button", name="Save the text").click()
    expect(page.get_by_role("status").first).to_have_text("Saved: 1 bid in bids.json")
    assert load_offers(server.bids_file) == (HEAT_PUMP,)


def test_pages__dark_and_narrow__have_no_serious_problem(browser, server):
    save_offers(server.bids_file, [HEAT_PUMP, SAUNA])
    context = browser.new_context(base_url=server.url, viewport=PHONE, color_scheme="dark")
    page = context.new_page()
    for path, name in (("/", "live"), ("/bids", "bids"), ("/history", "history")):
        page.goto(path)
        take_screenshot(page, f"12-{name}-dark-phone")
        assert accessibility_problems(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()


def test_device__named_like_a_script__is_only_text(page, server):
    save_offers(server.bids_file, [Offer(1000, 10**12, '"><script>alert(1)</script>')])
    page.goto("/bids")
    expect(page.locator("#rows-0-device")).to_have_value('"><script>alert(1)</script>')
    expect(page.locator("#rows-0-device-problem")).to_have_text(re.compile("^$"))
