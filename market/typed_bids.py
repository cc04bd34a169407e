"""Bids as a person types them into a form: the same rules as for bids.json, told field by field."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from market.bidder import MOST_BIDS
from market.bids import Offer
from market.errors import MarketError
from market.units import bid_energy_wh, parse_decimal, price_wei_per_wh

NO_BIDS = "There are no bids: add one, or stop the consumer if you want to bid nothing"


@dataclass(frozen=True, slots=True)
class TypedBid:
    """A row of the form, as it was typed: energy in kWh, the price in ETH/kWh."""

    device: str = ""
    energy: str = ""
    price: str = ""

    @property
    def is_blank(self) -> bool:
        """Return whether nothing was typed."""
        return not (self.device.strip() or self.energy.strip() or self.price.strip())


@dataclass(frozen=True, slots=True)
class CheckedBid:
    """What a row offers, or for each of its fields what is wrong with it."""

    offer: Offer | None
    problems: dict[str, str] = field(default_factory=dict)

    @property
    def least_wei(self) -> int:
        """Return what the offer earns at least, if all of its energy is accepted."""
        return self.offer.energy_wh * self.offer.price_wei_per_wh if self.offer else 0


def check_bid(typed: TypedBid) -> CheckedBid:
    """Return what a row offers; for a wrong field a sentence, in the market's own words."""
    problems: dict[str, str] = {}
    energy_wh = _number("energy", typed.energy, bid_energy_wh, problems)
    price = _number("price", typed.price, price_wei_per_wh, problems)
    device = typed.device.strip() or None
    try:
        # The name alone: the numbers have had their check.
        offer = Offer(energy_wh, price, device)
    except MarketError as problem:
        problems["device"] = _sentence(str(problem))
    return CheckedBid(None if problems else offer, problems)


def check_bids(rows: Sequence[TypedBid]) -> tuple[list[CheckedBid], str]:
    """Return every row's check, and what is wrong with all of them together, "" for nothing."""
    checked = [check_bid(row) for row in rows]
    if not rows:
        return checked, NO_BIDS
    if len(rows) > MOST_BIDS:
        return checked, f"A request takes {MOST_BIDS} bids, and these are {len(rows)}: remove some"
    return checked, ""


def _number(
    name: str, text: str, on_chain: Callable[[Decimal], int], problems: dict[str, str]
) -> int:
    """Return a field's number in the chain's unit; 0 if it is wrong, with the problem noted."""
    if not text.strip():
        problems[name] = f"Write the {name}, such as {_EXAMPLES[name]}"
        return 0
    try:
        return on_chain(parse_decimal(text))
    except MarketError as problem:
        problems[name] = _sentence(str(problem))
        return 0


_EXAMPLES = {"energy": "1.5 kWh", "price": "0.003 ETH/kWh"}


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
