"""What is told in several places, in the same words and fields."""

from market.bids import LevelBid
from market.clearing import Pricing
from market.errors import MarketError
from market.invocation import command
from market.masking import JSON
from market.model import Request
from market.store import BidResult, PaymentState
from market.units import format_eth_per_kwh, format_kwh


def short(address: str) -> str:
    """Return the beginning and the end of an address or a hash, enough to tell it by."""
    return f"{address[:8]}…{address[-4:]}"


def price_name(pricing: Pricing) -> str:
    """Return what the price of the last bid accepted is to whoever is paid."""
    return "clearing price" if pricing == Pricing.UNIFORM else "highest accepted price"


def amounts(request: Request, bid: LevelBid) -> str:
    """Return how much a bid offers, and at which price."""
    price = format_eth_per_kwh(bid.price_level * request.price_step_wei)
    return f"{format_kwh(bid.energy_wh)} kWh at {price} ETH/kWh"


def bid_fields(request: Request, bid: LevelBid) -> dict[str, JSON]:
    """Return a bid as programs read it."""
    return {
        "request_id": request.request_id,
        "device": bid.offer.device,
        "energy_kwh": format_kwh(bid.energy_wh),
        "price_eth_per_kwh": format_eth_per_kwh(bid.price_level * request.price_step_wei),
    }


def kind_of(problem: MarketError) -> dict[str, JSON]:
    """Return what sort of problem it is, as programs read it."""
    return {"kind": type(problem).__name__}


def named(device: str | None) -> str:
    """Return a device's name in brackets, nothing for none."""
    return f" ({device})" if device else ""


def payment_words(result: BidResult) -> str:
    """Return how a bid that won is paid."""
    if result.payment_state == PaymentState.PAID and result.transaction:
        return f"paid (transaction {short(result.transaction)})"
    return f"waits in the contract: get it with `{command('consumer', 'withdraw')}`"
