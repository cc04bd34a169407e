"""What people write as a setting: each function returns its value, or MarketError what to write."""

import re
from collections.abc import Mapping
from decimal import Decimal, Inexact
from pathlib import Path
from typing import TypeVar

from pydantic import HttpUrl, TypeAdapter, ValidationError

from market.errors import MarketError
from market.units import (
    ETH_PLACES,
    GWEI_PLACES,
    bid_energy_wh,
    parse_decimal,
    price_wei_per_wh,
    shift_exact,
)

_LONGEST_S = 3600
_MOST_CONFIRMATIONS = 100
_MOST_REQUESTS = 10_000
_HIGHEST_PORT = 65535
_MOST_GWEI = 1_000_000
_MOST_ETH = 1_000_000
_BETWEEN_URLS = re.compile(r"[\s,]+")
_URL = TypeAdapter(HttpUrl)
# An address with one colon would be one with a port; IPv6 has two at least.
_HOST = re.compile(r"[0-9A-Za-z.-]{1,253}|(?=.*:.*:)[0-9A-Fa-f:.]{2,45}")
_YES_OR_NO = TypeAdapter(bool)

Choice = TypeVar("Choice")


def choice(members: Mapping[str, Choice], text: str) -> Choice:
    """Return one of an enum's members by its name, in either case."""
    if text.upper() not in members:
        raise MarketError(f"write one of {', '.join(members)}")
    return members[text.upper()]


def yes_or_no(text: str) -> bool:
    """Return whether it says yes."""
    try:
        return _YES_OR_NO.validate_python(text)
    except ValidationError:
        raise MarketError("write yes or no") from None


def seconds(text: str) -> float:
    """Return a time in seconds, more than none and at most an hour."""
    number = parse_decimal(text)
    if not 0 < number <= _LONGEST_S:
        raise MarketError(f"write more than 0 and at most {_LONGEST_S} seconds")
    return float(number)


def confirmations(text: str) -> int:
    """Return a number of blocks, which may be none."""
    return _whole(text, 0, _MOST_CONFIRMATIONS)


def port(text: str) -> int:
    """Return the number of a port."""
    return _whole(text, 1, _HIGHEST_PORT)


def host(text: str) -> str:
    """Return an IP address, or a name that this machine has, as a server is told it."""
    if not _HOST.fullmatch(text):
        raise MarketError("write an address of this machine such as 127.0.0.1, without a port")
    return text


def requests_per_day(text: str) -> int:
    """Return a number of requests, at least one."""
    return _whole(text, 1, _MOST_REQUESTS)


def minimum_bid_wh(text: str) -> int:
    """Return the Wh of an energy in kWh, which may be none."""
    energy_kwh = parse_decimal(text)
    return bid_energy_wh(energy_kwh) if energy_kwh else 0


def lowest_price_wei_per_wh(text: str) -> int:
    """Return the wei per Wh of a price in ETH per kWh, which may be nothing."""
    price_eth_per_kwh = parse_decimal(text)
    return price_wei_per_wh(price_eth_per_kwh) if price_eth_per_kwh else 0


def fee_wei_per_gas(text: str) -> int:
    """Return the wei of a price of gas in gwei."""
    number = parse_decimal(text)
    if not 0 < number <= _MOST_GWEI:
        raise MarketError(f"write more than 0 and at most {_MOST_GWEI} gwei")
    return _wei(number, GWEI_PLACES)


def balance_wei(text: str) -> int:
    """Return the wei of an amount in ETH, which may be nothing."""
    number = parse_decimal(text)
    if not 0 <= number <= _MOST_ETH:
        raise MarketError(f"write an amount from 0 to {_MOST_ETH} ETH")
    return _wei(number, ETH_PLACES)


def http_url(text: str) -> str:
    """Return an address of HTTP or HTTPS as it is written."""
    try:
        _URL.validate_python(text)
    except ValidationError:
        raise MarketError("write a URL such as http://127.0.0.1:8545") from None
    return text


def http_urls(text: str) -> tuple[str, ...]:
    """Return addresses that are separated by commas or blanks, each once."""
    written = dict.fromkeys(part for part in _BETWEEN_URLS.split(text) if part)
    if not written:
        http_url(text)
    return tuple(http_url(url) for url in written)


def path(text: str) -> Path:
    """Return a file or a folder; one below ~ is in the person's home."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise MarketError("there is no home folder: write the whole path") from None


def path_or_none(text: str) -> Path | None:
    """Return a file or a folder, or None if that is what it says."""
    return None if text.lower() == "none" else path(text)


def _whole(text: str, least: int, most: int) -> int:
    number = parse_decimal(text)
    if not least <= number <= most or number % 1:
        raise MarketError(f"write a whole number from {least} to {most}")
    return int(number)


def _wei(number: Decimal, places: int) -> int:
    try:
        return shift_exact(number, places)
    except Inexact:
        raise MarketError(f"write at most {places} digits after the decimal point") from None
