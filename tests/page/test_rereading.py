import os
from itertools import count

import pytest

from flaskapp import rereading
from flaskapp.rereading import OnChange
from market.errors import MarketError

LONG_AGO_S = 1_700_000_000


def write(path, text, time_s=LONG_AGO_S):
    path.write_text(text, "utf-8")
    os.utime(path, (time_s, time_s))


@pytest.fixture
def path(tmp_path):
    written = tmp_path / ".env"
    write(written, "first")
    return written


@pytest.fixture
def reads():
    return count(1)


@pytest.fixture
def counted(path, reads):
    """What is read, with the number of the reading."""
    return OnChange(path, lambda: (path.read_text("utf-8") if path.exists() else "", next(reads)))


def test_call__nothing_changed__is_read_once(counted):
    assert [counted() for _ in range(5)] == [("first", 1)] * 5


def test_call__file_that_is_missing__is_looked_for_but_read_once(path, counted):
    path.unlink()
    assert [counted() for _ in range(5)] == [("", 1)] * 5
    write(path, "made")
    assert counted() == ("made", 2)


@pytest.mark.parametrize(
    ("text", "time_s"), [("longer", LONG_AGO_S), ("other", LONG_AGO_S + 1), ("other", LONG_AGO_S)]
)
def test_call__replaced_by_another__is_read_again(path, counted, text, time_s):
    counted()
    new = path.with_name("new")
    write(new, text, time_s)
    new.replace(path)
    assert counted() == (text, 2)


def test_call__changed_twice_within_a_tick_of_the_clock__is_read_again(path, counted, monkeypatch):
    monkeypatch.setattr(rereading, "time", lambda: LONG_AGO_S + 1)
    for text in ("one", "two", "six"):
        write(path, text)
        assert counted()[0] == text


def test_call__wrong__says_so_each_time_until_mended(path):
    readings = count(1)

    def read():
        if path.read_text("utf-8") == "first":
            raise MarketError(f"wrong, reading {next(readings)}")
        return "good"

    settings = OnChange(path, read)
    for _ in range(3):
        with pytest.raises(MarketError, match="wrong, reading 1"):
            settings()
    write(path, "mended")
    assert settings() == "good"
