import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from market.agent import guardrails_of
from market.clearing import Access, Pricing
from market.guardrails import Guardrails, midnight_s
from market.model import Request, Status
from market.quiet_hours import parse_quiet_hours
from market.settings import Settings
from market.units import PRICE_LEVELS

GWEI = 10**9
NOBODY = "0x" + "0" * 40
MAXIMUM_WEI_PER_WH = 4 * GWEI * PRICE_LEVELS
REQUEST = Request(
    1, Status.BIDDING, Access.OPEN, Pricing.UNIFORM, NOBODY, 5000, 4 * GWEI, *([0] * 12)
)


@pytest.fixture(autouse=True)
def berlin(monkeypatch):
    """The device is where clocks change twice a year."""
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def utc_s(*date):
    return int(datetime(*date, tzinfo=timezone.utc).timestamp())


NOON_S = utc_s(2025, 6, 1, 10)


@pytest.mark.parametrize("answered", [0, 1, 10**6])
def test_objection__no_guardrails__is_none(answered):
    assert Guardrails().objection(REQUEST, NOON_S, answered) == ""


@pytest.mark.parametrize(("above_wei", "refused"), [(-1, False), (0, False), (1, True)])
def test_objection__lowest_price__refuses_requests_that_pay_less(above_wei, refused):
    rails = Guardrails(lowest_price_wei_per_wh=MAXIMUM_WEI_PER_WH + above_wei)
    assert bool(rails.objection(REQUEST, NOON_S, 0)) == refused


def test_objection__lowest_price__says_both_prices():
    rails = Guardrails(lowest_price_wei_per_wh=5 * 10**12)
    assert rails.objection(REQUEST, NOON_S, 0) == (
        "it pays at most 0.004 ETH/kWh, and LOWEST_PRICE_ETH_PER_KWH is 0.005"
    )


@pytest.mark.parametrize(
    ("most", "answered", "refused"),
    [(3, 2, False), (3, 3, True), (3, 4, True), (0, 0, True), (None, 99, False)],
)
def test_objection__most_requests_a_day__refuses_the_next(most, answered, refused):
    rails = Guardrails(maximum_requests_per_day=most)
    assert bool(rails.objection(REQUEST, NOON_S, answered)) == refused


@pytest.mark.parametrize(("hour_utc", "refused"), [(19, False), (20, True), (4, True), (5, False)])
def test_objection__quiet_hours__are_by_the_devices_clocks(hour_utc, refused):
    rails = Guardrails(quiet_hours=parse_quiet_hours("22:00-07:00"))
    objection = rails.objection(REQUEST, utc_s(2025, 6, 1, hour_utc), 0)
    assert objection == ("it is within QUIET_HOURS, 22:00-07:00" if refused else "")


def test_guardrails_of__settings_of_a_household__are_its_limits():
    hours = parse_quiet_hours("22:00-07:00")
    settings = Settings(
        env_file=Path(".env"),
        lowest_price_wei_per_wh=7,
        maximum_requests_per_day=3,
        quiet_hours=hours,
    )
    assert guardrails_of(settings) == Guardrails(7, 3, hours)


@pytest.mark.parametrize(
    ("now", "midnight"),
    [
        ((2025, 6, 1, 10), (2025, 5, 31, 22)),
        ((2025, 6, 1, 21, 59, 59), (2025, 5, 31, 22)),
        ((2025, 6, 1, 22), (2025, 6, 1, 22)),
        ((2025, 1, 1, 12), (2024, 12, 31, 23)),
        # The days on which the clocks are changed.
        ((2025, 3, 30, 12), (2025, 3, 29, 23)),
        ((2025, 10, 26, 12), (2025, 10, 25, 22)),
    ],
)
def test_midnight_s__a_time__is_when_the_day_began_here(now, midnight):
    assert midnight_s(utc_s(*now)) == utc_s(*midnight)


def test_midnight_s__any_hour_of_a_year__is_at_most_25_hours_ago():
    start = datetime(2025, 1, 1, tzinfo=timezone.utc)
    for hour in range(366 * 24):
        now_s = int((start + timedelta(hours=hour)).timestamp())
        assert 0 <= now_s - midnight_s(now_s) < 25 * 3600
