"""What a consumer offers, and which of it fits a request."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import Any

from market.errors import MarketError
from market.units import (
    PRICE_LEVELS,
    bid_energy_wh,
    format_eth_per_kwh,
    format_kwh,
    price_level_ceil,
    price_wei_per_wh,
)

# Far more than any household writes; keeps a wrong file from filling a small device's memory.
MAX_BIDS_CHARACTERS = 1_000_000

_EXAMPLE = '{"energy": [3.0], "price": [0.003], "device": ["heat pump"]}'
_KEYS = ("energy", "price", "device")
_LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Offer:
    """The most a consumer would save with one device, and the least it asks for that."""

    energy_wh: int
    price_wei_per_wh: int
    device: str | None = None

    def __post_init__(self) -> None:
        """Raise MarketError for a device's name that a page or a terminal cannot show."""
        if self.device and not (self.device.isprintable() and len(self.device) <= _LONGEST_NAME):
            raise MarketError(
                f"the device's name is too long, or not plain text: "
                f"write up to {_LONGEST_NAME} letters, digits and signs"
            )


@dataclass(frozen=True, slots=True)
class LevelBid:
    """An offer as it is submitted to a request: on the request's price grid."""

    offer: Offer
    energy_wh: int
    price_level: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """An offer that is not submitted to a request, and why, in words for people."""

    offer: Offer
    reason: str


def parse_offers(text: str, source: str) -> tuple[Offer, ...]:
    """Return the offers written in `text`, in their order; there is at least one.

    The form is {"energy": [3.0], "price": [0.003], "device": ["heat pump"]}, in kWh and ETH per
    kWh; "device" may be left out, and keys that begin with "_" are the writer's own notes.
    MarketError names `source` and the entry that is wrong.
    """
    try:
        columns = _columns(_document(text.removeprefix("\ufeff")))
        return tuple(
            _offer(number, *row) for number, row in enumerate(zip(*columns, strict=True), start=1)
        )
    except MarketError as problem:
        raise MarketError(f"{source}: {problem}") from None


def bids_for_request(
    offers: Iterable[Offer], *, reduction_wh: int, price_step_wei: int, minimum_bid_wh: int
) -> tuple[list[LevelBid], list[Refusal]]:
    """Return the offers to submit to a request, and those it cannot take, both in their order.

    The asking price is rounded up to the request's grid, so nobody is paid less than they ask.
    """
    bids: list[LevelBid] = []
    refusals: list[Refusal] = []
    for offer in offers:
        if reason := _why_refused(offer, price_step_wei, minimum_bid_wh):
            refusals.append(Refusal(offer, reason))
        else:
            level = price_level_ceil(offer.price_wei_per_wh, price_step_wei)
            bids.append(LevelBid(offer, min(offer.energy_wh, reduction_wh), level))
    return bids, refusals


def one_level_up(bids: Iterable[LevelBid], full_level: int) -> tuple[list[LevelBid], list[Refusal]]:
    """Return the bids with those at a level that takes no more energy a level higher, in order.

    That is a thousandth of the highest price more. At the highest level there is nothing higher.
    """
    moved: list[LevelBid] = []
    refusals: list[Refusal] = []
    for bid in bids:
        if bid.price_level != full_level:
            moved.append(bid)
        elif full_level < PRICE_LEVELS:
            moved.append(replace(bid, price_level=full_level + 1))
        else:
            refusals.append(Refusal(bid.offer, "no more energy fits at the highest price"))
    return moved, refusals


def _why_refused(offer: Offer, price_step_wei: int, minimum_bid_wh: int) -> str:
    maximum_price = PRICE_LEVELS * price_step_wei
    if offer.price_wei_per_wh > maximum_price:
        return (
            f"it asks {format_eth_per_kwh(offer.price_wei_per_wh)} ETH/kWh, "
            f"and the request pays at most {format_eth_per_kwh(maximum_price)} ETH/kWh: "
            "ask less to take part"
        )
    if offer.energy_wh < minimum_bid_wh:
        return (
            f"it offers {format_kwh(offer.energy_wh)} kWh, "
            f"and the request's smallest bid is {format_kwh(minimum_bid_wh)} kWh: "
            "offer more to take part"
        )
    return ""


def _document(text: str) -> dict[str, Any]:
    """Return the JSON object in `text`, its numbers as Decimal with every digit written."""
    if len(text) > MAX_BIDS_CHARACTERS:
        raise MarketError(f"longer than {MAX_BIDS_CHARACTERS} characters: write fewer bids")
    if not text.strip():
        raise MarketError(f"is empty: write your bids, such as {_EXAMPLE}")
    document = _parsed(text)
    if not isinstance(document, dict):
        raise MarketError(f"not an object in braces: write it as {_EXAMPLE}")
    return document


def _parsed(text: str) -> object:
    try:
        return json.loads(
            text,
            parse_float=_number,
            parse_int=_number,
            parse_constant=Decimal,
            object_pairs_hook=_distinct_keys,
        )
    except json.JSONDecodeError as problem:
        where = f"line {problem.lineno}, column {problem.colno}"
        raise MarketError(f"{where}: not JSON ({problem.msg}): write it as {_EXAMPLE}") from None
    except RecursionError:
        raise MarketError(f"nested too deeply: write it as {_EXAMPLE}") from None


def _number(literal: str) -> Decimal:
    try:
        return Decimal(literal)
    except InvalidOperation:
        raise MarketError(f"{literal:.40} is out of range: write a number such as 0.5") from None


def _distinct_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    distinct: dict[str, Any] = {}
    for key, value in pairs:
        if key in distinct:
            raise MarketError(f'"{key:.40}" is there twice: put all its entries into one list')
        distinct[key] = value
    return distinct


def _columns(document: dict[str, Any]) -> tuple[list[Any], list[Any], list[Any]]:
    """Return the energies, prices and devices, one of each for every bid."""
    for key in document:
        if key not in _KEYS and not key.startswith("_"):
            raise MarketError(f'unknown key "{key:.40}": {_suggestion(key)}')
    energies = _list(document, "energy")
    prices = _list(document, "price")
    devices = _list(document, "device") if "device" in document else [None] * len(energies)
    for key, column in (("price", prices), ("device", devices)):
        if len(column) != len(energies):
            raise MarketError(
                f'"energy" and "{key}" differ in length ({len(energies)} and {len(column)}): '
                f'write one entry in "{key}" for each in "energy"'
            )
    if not energies:
        raise MarketError(f"there are no bids: add one, such as {_EXAMPLE}")
    return energies, prices, devices


def _suggestion(key: str) -> str:
    matches = get_close_matches(key.lower(), _KEYS, n=1)
    return f'did you mean "{matches[0]}"?' if matches else f"the keys are {', '.join(_KEYS)}"


def _list(document: dict[str, Any], key: str) -> list[Any]:
    if key not in document:
        raise MarketError(f'the list "{key}" is missing: write it as {_EXAMPLE}')
    column = document[key]
    if not isinstance(column, list):
        raise MarketError(f'"{key}" is not a list: put brackets around it, as in {_EXAMPLE}')
    return column


def _offer(number: int, energy: object, price: object, device: object) -> Offer:
    """Return one offer; MarketError names the entry by its number and its device."""
    try:
        return Offer(
            energy_wh=_quantity("energy", energy, bid_energy_wh),
            price_wei_per_wh=_quantity("price", price, price_wei_per_wh),
            device=_device(device),
        )
    except MarketError as problem:
        name = f" ({device:.40})" if isinstance(device, str) and device else ""
        raise MarketError(f"bid {number}{name}: {problem}") from None


def _quantity(name: str, written: object, on_chain: Callable[[Decimal], int]) -> int:
    if isinstance(written, Decimal):
        return on_chain(written)
    raise MarketError(
        f"{name} {_as_json(written)} is not a number: write one such as 0.5, without quotes"
    )


def _device(written: object) -> str | None:
    """Return the device's name, or None where it was left empty."""
    if written is None or isinstance(written, str):
        return written or None
    raise MarketError(f"device {_as_json(written)} is not a name: write one in quotes, or null")


def _as_json(written: object) -> str:
    """Return what stands in the file, of lists and objects only the brackets."""
    if isinstance(written, list | dict):
        return "[...]" if isinstance(written, list) else "{...}"
    shown = str(written) if isinstance(written, Decimal) else json.dumps(written)
    return f"{shown:.40}"
