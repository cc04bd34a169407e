"""The files in `database/`: what the consumer offers, and what it won.

A file is written whole or not at all, so that a reader, or a power cut, never meets half of one.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import timezone
from decimal import Decimal
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Annotated

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    computed_field,
)

from market.bids import MAX_BIDS_CHARACTERS, Offer, parse_offers
from market.errors import MarketError
from market.files import read_text, write_whole
from market.units import (
    ETH_PER_KWH_PLACES,
    ETH_PLACES,
    KWH_PLACES,
    format_eth,
    format_eth_per_kwh,
    format_kwh,
    shift_exact,
)

BIDS_FILE, RESULTS_FILE = "bids.json", "results.json"

# What a quantity is called in results.json, where it is in the people's unit.
_FILE_KEYS = {
    "energy_wh": "Energy",
    "price_wei_per_wh": "Price",
    "payment_wei": "payment_eth",
    "clearing_price_wei_per_wh": "clearing_price_eth_per_kwh",
    "total_energy_wh": "total_energy_kwh",
    "total_payment_wei": "total_payment_eth",
}


def _in_chain_unit(written: object, places: int) -> object:
    """Return the integer for a number in the file; what is not text is already an integer."""
    return shift_exact(Decimal(written), places) if isinstance(written, str) else written


# Integers in Python; in the file exact decimals, as text.
_Energy = Annotated[
    int, BeforeValidator(partial(_in_chain_unit, places=KWH_PLACES)), PlainSerializer(format_kwh)
]
_Price = Annotated[
    int,
    BeforeValidator(partial(_in_chain_unit, places=ETH_PER_KWH_PLACES)),
    PlainSerializer(format_eth_per_kwh),
]
_Money = Annotated[
    int, BeforeValidator(partial(_in_chain_unit, places=ETH_PLACES)), PlainSerializer(format_eth)
]
_UtcTime = Annotated[AwareDatetime, AfterValidator(lambda time: time.astimezone(timezone.utc))]


class Outcome(str, Enum):
    """How a request ended for this consumer."""

    WON = "won"
    LOST = "lost"
    NO_BIDS = "no bids"
    CANCELLED = "cancelled"


class PaymentState(str, Enum):
    """Where the money for a bid is; deferred money waits in the contract for `withdraw`."""

    DUE = "due"
    PAID = "paid"
    DEFERRED = "deferred"


class _FilePart(BaseModel):
    model_config = ConfigDict(
        frozen=True, populate_by_name=True, alias_generator=lambda name: _FILE_KEYS.get(name, name)
    )


class BidResult(_FilePart):
    """What one bid won, and the transaction that paid it."""

    energy_wh: _Energy
    price_wei_per_wh: _Price
    payment_wei: _Money
    device: str | None = None
    payment_state: PaymentState = PaymentState.DUE
    transaction: str | None = None


class Results(_FilePart):
    """What one request brought this consumer; the content of results.json."""

    results: tuple[BidResult, ...]
    time: _UtcTime
    request_id: int
    status: Outcome
    contract: str
    chain_id: int
    clearing_price_wei_per_wh: _Price = 0
    # Not before it has its confirmations: until then a reorganisation may still undo it.
    final: bool = True
    # A local chain that is started anew has the same id, and the contract the same address.
    chain: str | None = None
    # The block at which the end was seen: what ends later has not been reported yet.
    block_number: int | None = None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def total_energy_wh(self) -> _Energy:
        """The energy of all the bids that won, in Wh."""
        return sum(result.energy_wh for result in self.results)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def total_payment_wei(self) -> _Money:
        """The money for all the bids that won, in wei."""
        return sum(result.payment_wei for result in self.results)


def load_offers(path: Path) -> tuple[Offer, ...]:
    """Return the offers in a bids.json; MarketError if there are none, or one is wrong."""
    # One character too many is enough for a file that is too long to be refused.
    text = read_text(path, "copy database/bids.json from the repository", MAX_BIDS_CHARACTERS + 1)
    return parse_offers(text, str(path))


def save_offers(
    path: Path, offers: Iterable[Offer], notes: Mapping[str, object] | None = None
) -> None:
    """Write the offers as a bids.json that `load_offers` reads back; it refuses a list of none.

    `notes` are the writer's own, by keys that begin with "_".
    """
    rows = list(offers)
    # json cannot write a Decimal as a number with its exact digits, so the numbers are joined here.
    energies = ", ".join(format_kwh(offer.energy_wh) for offer in rows)
    prices = ", ".join(format_eth_per_kwh(offer.price_wei_per_wh) for offer in rows)
    devices = _json([offer.device for offer in rows])
    own = "".join(f", {_json(key)}: {_json(note)}" for key, note in (notes or {}).items())
    text = f'{{"energy": [{energies}], "price": [{prices}], "device": {devices}{own}}}\n'
    write_whole(path, text)


def load_results(path: Path) -> Results:
    """Return what the last request brought; MarketError if the file is not as written here."""
    text = read_text(path, "it is written when a request you bid in has ended")
    try:
        return Results.model_validate_json(text)
    except (ValueError, ArithmeticError):
        raise MarketError(
            f"{path} is not a results file: delete it, the next request writes it anew"
        ) from None


def write_results(path: Path, results: Results) -> None:
    """Write results.json: energy in kWh, prices in ETH per kWh, money in ETH, as text."""
    write_whole(path, results.model_dump_json(by_alias=True, indent=2) + "\n")


def remove_results(path: Path) -> None:
    """Have no results.json; MarketError if it stays."""
    try:
        path.unlink(missing_ok=True)
    except OSError as problem:
        raise MarketError(
            f"{path} cannot be removed ({problem.strerror}): check that you may write in its folder"
        ) from None


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
