"""What the scripts print. Every figure comes from the chain; nothing is computed anew here."""

from collections import deque
from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from market.clearing import Bid, merit_order
from market.model import Payment, Request, Status, Terms
from market.rounds import Round
from market.units import PRICE_LEVELS, format_eth, format_eth_per_kwh, format_kwh
from market.utility import Standings
from market.wording import price_name, short

_MOST_ROWS = 40


def console() -> Console:
    """Return the console to print on; long lines stay whole where they go to a file or a pipe."""
    shown = Console(highlight=False)
    return shown if shown.is_terminal else Console(highlight=False, width=120, soft_wrap=True)


def print_terms(out: Console, terms: Terms) -> None:
    """Say what is about to be requested, and what goes into escrow."""
    price = format_eth_per_kwh(terms.price_step_wei * PRICE_LEVELS)
    out.print(
        f"Request: {format_kwh(terms.reduction_wh)} kWh at no more than {price} ETH/kWh, "
        f"bids for {terms.bidding_seconds} s, {terms.pricing.name} pricing"
    )
    out.print(
        f"Escrow:  {format_eth(terms.escrow_wei)} ETH leave your account now; "
        "what the round does not cost comes back when the winners are selected"
    )


def watch(out: Console, standings: Iterable[Standings]) -> None:
    """Show how a request stands until its gate closes: live, or a line for every new bid."""
    if out.is_terminal:
        with Live(console=out, refresh_per_second=4) as live:
            for now in standings:
                live.update(Text(_standing_line(now)))
    else:
        for now in _changes(standings):
            out.print(_standing_line(now))
    out.print("Gate closed")


def watch_final(out: Console, left: Iterable[int], again: str) -> None:
    """Say that a reorganisation may still undo what was finished: live, or in one line.

    `again` is the command that does it once more.
    """
    counts = iter(left)
    if (first := next(counts, None)) is None:
        return
    if out.is_terminal:
        with Live(Text(_final_line(first, again)), console=out, refresh_per_second=4) as live:
            for blocks in counts:
                live.update(Text(_final_line(blocks, again)))
    else:
        out.print(_final_line(first, again))
        deque(counts, maxlen=0)
    out.print("Final: no reorganisation is expected to undo this")


def print_progress(out: Console, request: Request) -> None:
    """Say how far the settlement of a request has come."""
    if request.status == Status.CLEARED:
        out.print(
            f"Winners selected: {format_kwh(request.energy_wh)} kWh, {price_name(request.pricing)} "
            f"{format_eth_per_kwh(request.clearing_price_wei_per_wh)} ETH/kWh; "
            f"paid so far {format_eth(request.paid_wei)} of {format_eth(request.cost_wei)} ETH"
        )
    elif not request.energy_wh:
        out.print("No bids: the whole escrow is refunded")
    else:
        out.print("All winners are paid")


def print_round(out: Console, finished: Round) -> None:
    """Print the merit order with its clearing line, and the totals."""
    request, spending = finished.request, finished.spending
    price = format_eth_per_kwh(request.clearing_price_wei_per_wh)
    if finished.bids:
        out.print(_merit_order_table(request, finished.bids, finished.payments))
    rows = {
        "Energy bought": f"{format_kwh(request.energy_wh)} kWh",
        "Requested": f"{format_kwh(request.reduction_wh)} kWh",
        price_name(request.pricing).capitalize(): f"{price} ETH/kWh",
        "Escrow": f"{format_eth(request.escrow_wei)} ETH",
        "Paid to winners": f"{format_eth(request.paid_wei)} ETH",
        "Deferred": f"{format_eth(request.deferred_wei)} ETH (waits in the contract for withdraw)",
        "Refunded": f"{format_eth(request.refunded_wei)} ETH",
        "Gas spent by this run": f"{spending.gas:,} gas = {format_eth(spending.fees_wei)} ETH",
    }
    if not request.deferred_wei:
        del rows["Deferred"]
    totals = Table.grid(padding=(0, 2))
    for name, value in rows.items():
        totals.add_row(name, value)
    out.print(totals)


def _merit_order_table(request: Request, bids: list[Bid], payments: list[Payment]) -> Table:
    """Return the bids from the cheapest up, a line drawn behind the last one accepted."""
    accepted = {payment.bid_id: payment for payment in payments}
    ranked = merit_order(bids)
    last = max((rank for rank, bid in enumerate(ranked) if bid.bid_id in accepted), default=-1)
    table = _empty_merit_order_table(request)
    previous = -1
    for rank in [*_rows_to_show(len(ranked), last), len(ranked)]:
        if rank > previous + 1:
            table.add_row("…", "", f"{rank - previous - 1} more")
        if rank < len(ranked):
            bid = ranked[rank]
            cells = _merit_order_row(request, bid, accepted.get(bid.bid_id))
            style = "green" if bid.bid_id in accepted else "dim"
            table.add_row(str(rank + 1), *cells, style=style, end_section=rank == last)
        previous = rank
    return table


def _empty_merit_order_table(request: Request) -> Table:
    price = format_eth_per_kwh(request.clearing_price_wei_per_wh)
    table = Table(
        title=f"Merit order of request {request.request_id}",
        title_justify="left",
        caption=f"accepted above the line; {price_name(request.pricing)} {price} ETH/kWh",
        caption_justify="left",
    )
    table.add_column("rank", justify="right")
    table.add_column("bid", justify="right")
    table.add_column("consumer", no_wrap=True)
    for heading in ("offered kWh", "asks ETH/kWh", "accepted kWh", "earns ETH"):
        table.add_column(heading, justify="right")
    return table


def _merit_order_row(request: Request, bid: Bid, payment: Payment | None) -> list[str]:
    return [
        str(bid.bid_id),
        short(bid.consumer),
        format_kwh(bid.energy_wh),
        format_eth_per_kwh(bid.price_level * request.price_step_wei),
        format_kwh(payment.energy_wh) if payment else "-",
        format_eth(payment.amount_wei) if payment else "-",
    ]


def _rows_to_show(count: int, last_accepted: int) -> list[int]:
    """Return the ranks to print: all of a short list, else its head and what is around the line."""
    if count <= _MOST_ROWS:
        return list(range(count))
    half = _MOST_ROWS // 2
    around = range(max(0, last_accepted - half // 2), min(count, last_accepted + half // 2))
    return sorted({*range(half), *around})


def _changes(standings: Iterable[Standings]) -> Iterator[Standings]:
    """Yield the first standing, and each that has other bids than the one before."""
    seen: tuple[int, int] | None = None
    for now in standings:
        key = now.request.bid_count, now.quote.offered_wh
        if key != seen:
            yield now
            seen = key


def _final_line(blocks: int, again: str) -> str:
    return (
        f"Final in {blocks} block{'' if blocks == 1 else 's'}. Ctrl-C stops waiting for that: what "
        f"a reorganisation undoes until then is done again by: {again}"
    )


def _standing_line(now: Standings) -> str:
    request, quote = now.request, now.quote
    count = f"{request.bid_count} bid{'' if request.bid_count == 1 else 's'}"
    line = (
        f"Gate closes in {now.seconds_left:>3} s: {count}, {format_kwh(quote.offered_wh)} of "
        f"{format_kwh(request.reduction_wh)} kWh offered"
    )
    if quote.clearing_level:
        price = format_eth_per_kwh(quote.clearing_level * request.price_step_wei)
        line += f", at {price} ETH/kWh if it closed now"
    return line
