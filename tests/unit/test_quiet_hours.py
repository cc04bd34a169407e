import time as clock
from datetime import datetime, time, timezone

import pytest

from market.errors import MarketError
from market.quiet_hours import QuietHours, parse_quiet_hours


@pytest.fixture(params=["UTC", "Asia/Kolkata", "EST5EDT"])
def zone(request, monkeypatch):
    monkeypatch.setenv("TZ", request.param)
    clock.tzset()
    yield request.param
    monkeypatch.undo()
    clock.tzset()


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("22:00-07:00", QuietHours(time(22), time(7))),
        ("9:05 - 17:30", QuietHours(time(9, 5), time(17, 30))),
        ("20:00–24:00", QuietHours(time(20), time(0))),
    ],
)
def test_parse_quiet_hours__two_times__are_read(text, hours):
    assert parse_quiet_hours(text) == hours


def test_str__read_again__is_the_same():
    assert str(parse_quiet_hours("9:05 - 17:30")) == "09:05-17:30"


@pytest.mark.parametrize(
    ("hours", "at", "covered"),
    [
        ("22:00-07:00", "21:59", False),
        ("22:00-07:00", "22:00", True),
        ("22:00-07:00", "00:00", True),
        ("22:00-07:00", "06:59", True),
        ("22:00-07:00", "07:00", False),
        ("09:00-17:00", "08:59", False),
        ("09:00-17:00", "09:00", True),
        ("09:00-17:00", "17:00", False),
        ("20:00-24:00", "23:59", True),
        ("20:00-24:00", "00:00", False),
    ],
)
def test_cover__time_of_the_devices_zone__counts(zone, hours, at, covered):
    moment = datetime.combine(datetime(2026, 7, 1), time.fromisoformat(at))
    assert parse_quiet_hours(hours).cover(int(moment.timestamp())) is covered


def test_cover__clocks_go_forward__is_by_what_they_show(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    clock.tzset()
    try:
        hours = parse_quiet_hours("22:00-07:00")
        # 05:30 UTC is 06:30 there in winter and 07:30 in summer.
        winter, summer = (
            datetime(2026, m, d, 5, 30, tzinfo=timezone.utc) for m, d in ((3, 28), (3, 29))
        )
        assert [hours.cover(int(at.timestamp())) for at in (winter, summer)] == [True, False]
    finally:
        monkeypatch.undo()
        clock.tzset()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("evening", "^write two times such as 22:00-07:00"),
        ("25:00-07:00", "^write two times such as 22:00-07:00"),
        ("24:01-07:00", "^write two times such as 22:00-07:00"),
        ("08:00-08:00", "^they begin and end at 08:00: write two times such as 22:00-07:00"),
    ],
)
def test_parse_quiet_hours__anything_else__says_how_to_write_them(text, said):
    with pytest.raises(MarketError, match=said):
        parse_quiet_hours(text)
