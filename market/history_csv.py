"""The history as a file for a spreadsheet."""

import csv
from collections.abc import Iterable
from io import StringIO

from market.history import PastBid, PastRound
from market.units import format_eth, format_eth_per_kwh, format_kwh

_COLUMNS = (
    "request",
    "gate_closure_utc",
    "contract",
    "outcome",
    "reason",
    "device",
    "offered_kwh",
    "asked_eth_per_kwh",
    "accepted_kwh",
    "paid_eth_per_kwh",
    "clearing_price_eth_per_kwh",
    "earned_eth",
    "request_gas",
    "request_gas_cost_eth",
    "payment_transaction",
)


def as_csv(rounds: Iterable[PastRound]) -> str:
    """Return a line a bid, or a round without bids; times in UTC, a column's name has its unit."""
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    for past in rounds:
        for bid in past.bids or (None,):
            writer.writerow([_harmless(cell) for cell in _row(past, bid)])
    return text.getvalue()


def _row(past: PastRound, bid: PastBid | None) -> list[str]:
    clearing = past.clearing_price_wei_per_wh
    return [
        str(past.request_id),
        past.time.isoformat().replace("+00:00", "Z") if past.time else "",
        past.contract,
        past.outcome,
        past.reason,
        (bid.device or "") if bid else "",
        format_kwh(bid.energy_wh) if bid else "",
        format_eth_per_kwh(bid.price_wei_per_wh) if bid else "",
        format_kwh(bid.accepted_wh) if bid else "",
        format_eth_per_kwh(bid.paid_wei_per_wh) if bid and bid.accepted_wh else "",
        "" if clearing is None else format_eth_per_kwh(clearing),
        format_eth(bid.payment_wei) if bid else "",
        str(past.gas_used or ""),
        format_eth(past.fee_wei) if past.gas_used else "",
        (bid.transaction or "") if bid else "",
    ]


def _harmless(cell: str) -> str:
    """Return a cell that a spreadsheet does not take for a formula."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t") else cell
