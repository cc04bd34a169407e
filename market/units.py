"""Exact conversion between the chain's integers and the numbers people read and write.

On chain: energy in whole Wh, prices in wei per Wh, money in wei.
For people: energy in kWh, prices in ETH per kWh, money in ETH, all as plain decimals.
"""

import re
from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import NamedTuple

from market.errors import MarketError

# The contract's limits (contracts/Demand_Reduction.sol).
PRICE_LEVELS = 1000
MAX_BID_WH = 2**31 - 1
MAX_REDUCTION_WH = 2**36 - 1
MAX_PRICE_STEP_WEI = 2**64 - 1
MAX_BIDDING_SECONDS = 30 * 24 * 3600
MAX_PRICE_WEI_PER_WH = PRICE_LEVELS * MAX_PRICE_STEP_WEI

# Decimal places of the people's unit that one unit on chain is worth.
KWH_PLACES = 3
ETH_PLACES = 18
GWEI_PLACES = 9
ETH_PER_KWH_PLACES = ETH_PLACES - KWH_PLACES

# Wide enough for any 256-bit integer; a result that would have to be rounded is an exception.
_EXACT = Context(prec=90, traps=[Inexact, InvalidOperation])
_PLAIN_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)")
_LONGEST_QUOTE = 40


class _Quantity(NamedTuple):
    """A kind of number people write: its name, their unit, and how it is stored on chain."""

    name: str
    unit: str
    places: int
    maximum: int


_BID_ENERGY = _Quantity("energy", "kWh", KWH_PLACES, MAX_BID_WH)
_REDUCTION = _Quantity("reduction", "kWh", KWH_PLACES, MAX_REDUCTION_WH)
_BIDDING_TIME = _Quantity("bidding time", "s", 0, MAX_BIDDING_SECONDS)
_PRICE = _Quantity("price", "ETH/kWh", ETH_PER_KWH_PLACES, MAX_PRICE_WEI_PER_WH)


def parse_decimal(text: str) -> Decimal:
    """Return the number a person typed, such as "5" or "0.004", exactly.

    MarketError for anything but a plain decimal: a unit, a comma and an exponent are refused.
    """
    typed = text.strip()
    if "," in typed:
        raise MarketError(f"{_quoted(typed)} has a comma: write a decimal point, such as 0.5")
    if not _PLAIN_DECIMAL.fullmatch(typed):
        raise MarketError(f"{_quoted(typed)} is not a number: write digits only, such as 5 or 0.5")
    return Decimal(typed)


def bid_energy_wh(energy_kwh: Decimal) -> int:
    """Return a bid's energy in Wh; MarketError unless it is 1 to MAX_BID_WH, and whole."""
    return _on_chain(energy_kwh, _BID_ENERGY)


def reduction_wh(reduction_kwh: Decimal) -> int:
    """Return a request's reduction in Wh; MarketError unless 1 to MAX_REDUCTION_WH, and whole."""
    return _on_chain(reduction_kwh, _REDUCTION)


def price_wei_per_wh(price_eth_per_kwh: Decimal) -> int:
    """Return a price in wei per Wh; MarketError unless 1 to MAX_PRICE_WEI_PER_WH, and whole."""
    return _on_chain(price_eth_per_kwh, _PRICE)


def bidding_seconds(seconds: Decimal) -> int:
    """Return a bidding time in s; MarketError unless it is 1 to MAX_BIDDING_SECONDS, and whole."""
    return _on_chain(seconds, _BIDDING_TIME)


def price_level_ceil(price_wei_per_wh: int, price_step_wei: int) -> int:
    """Return the lowest price level that pays at least this price.

    More than PRICE_LEVELS means: above the request's maximum price.
    """
    return -(-price_wei_per_wh // price_step_wei)


def price_step_wei_floor(maximum_price_wei_per_wh: int) -> int:
    """Return the widest price step whose grid does not exceed this maximum price.

    MarketError when the maximum price is less than one wei per Wh a level.
    """
    if maximum_price_wei_per_wh < PRICE_LEVELS:
        raise MarketError(
            f"maximum price {format_eth_per_kwh(maximum_price_wei_per_wh)} ETH/kWh is too low: "
            f"write at least {format_eth_per_kwh(PRICE_LEVELS)} ETH/kWh"
        )
    return maximum_price_wei_per_wh // PRICE_LEVELS


def escrow_wei(reduction_wh: int, price_step_wei: int) -> int:
    """Return the most a request can cost: the whole reduction at the maximum price."""
    return reduction_wh * price_step_wei * PRICE_LEVELS


def format_kwh(energy_wh: int) -> str:
    """Return energy in kWh, exactly: 2000 Wh is "2.0"."""
    return _plain(energy_wh, KWH_PLACES)


def format_eth(amount_wei: int) -> str:
    """Return money in ETH, exactly: 4 * 10**15 wei is "0.004"."""
    return _plain(amount_wei, ETH_PLACES)


def format_eth_per_kwh(price_wei_per_wh: int) -> str:
    """Return a price in ETH per kWh, exactly: 2 * 10**12 wei per Wh is "0.002"."""
    return _plain(price_wei_per_wh, ETH_PER_KWH_PLACES)


def format_gwei(amount_wei: int) -> str:
    """Return a price of gas in gwei, exactly: 1.5 * 10**9 wei is "1.5"."""
    return _plain(amount_wei, GWEI_PLACES)


def shift_exact(number: Decimal, places: int) -> int:
    """Return number * 10**places, which must be whole; decimal.Inexact otherwise."""
    return int(_EXACT.to_integral_exact(_EXACT.scaleb(number, places)))


def _on_chain(number: Decimal, quantity: _Quantity) -> int:
    """Return a positive quantity in the chain's unit; MarketError names it as it was written."""
    name, unit, places, maximum = quantity
    written = f"{name} {_as_written(number)} {unit}"
    if not number.is_finite():
        raise MarketError(f"{written} is not a number: write one such as 0.5")
    if number <= 0:
        raise MarketError(f"{written} must be more than zero")
    if number > _EXACT.scaleb(Decimal(maximum), -places):
        raise MarketError(f"{written} is too large: write at most {_plain(maximum, places)} {unit}")
    try:
        return shift_exact(number, places)
    except Inexact:
        raise MarketError(f"{written} is too precise: {_digits_allowed(places)}") from None


def _digits_allowed(places: int) -> str:
    if not places:
        return "write a whole number"
    return f"write at most {places} digits after the decimal point"


def _plain(amount: int, places: int) -> str:
    """Return amount / 10**places without an exponent; at least one decimal unless it has none."""
    if not places:
        return str(amount)
    whole, _, decimals = f"{_EXACT.scaleb(Decimal(amount), -places):f}".partition(".")
    return f"{whole}.{decimals.rstrip('0') or '0'}"


def _as_written(number: Decimal) -> str:
    """Return the digits a person wrote, cut short if there are very many."""
    spelled_out = number.is_finite() and abs(number.adjusted()) < _LONGEST_QUOTE
    return _cut(f"{number:f}" if spelled_out else str(number))


def _quoted(text: str) -> str:
    return f'"{_cut(text)}"'


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}..."
