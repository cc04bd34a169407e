"""How the page writes what it shows: numbers with their units, times, and what a state means."""

import re
from datetime import datetime, timezone

from flask import Flask
from markupsafe import Markup

from market.history import utc
from market.live import Stage
from market.units import ETH_PLACES, format_eth, format_eth_per_kwh, format_kwh
from market.wording import price_name, short

_TYPED = re.compile("`([^`]+)`")
_SHOWN_PLACES = 6
_SMALLEST_WEI = 10 ** (ETH_PLACES - _SHOWN_PLACES)


def kwh(energy_wh: int) -> str:
    """Return energy with its unit, exactly."""
    return f"{format_kwh(energy_wh)} kWh"


def eth(amount_wei: int) -> str:
    """Return money with its unit, exactly."""
    return f"{format_eth(amount_wei)} ETH"


def price(wei_per_wh: int) -> str:
    """Return a price with its unit, exactly."""
    return f"{format_eth_per_kwh(wei_per_wh)} ETH/kWh"


def rounded_eth(amount_wei: int) -> Markup:
    """Return money in a few digits, never more than there is; all of them show on pointing."""
    shown_wei = amount_wei - amount_wei % _SMALLEST_WEI
    if shown_wei == amount_wei:
        return Markup.escape(eth(amount_wei))
    text = format_eth(shown_wei) if shown_wei else f"less than {format_eth(_SMALLEST_WEI)}"
    return Markup('<span title="{}">{} ETH</span>').format(eth(amount_wei), text)


def price_of(amount_wei: int, energy_wh: int) -> str:
    """Return what was paid for each kWh, with its unit; a dash where nothing was sold."""
    return price(amount_wei // energy_wh) if energy_wh else "–"


def when(time: datetime | int | None) -> Markup:
    """Return a time that the browser shows in its own zone; in UTC where it does not."""
    if time is None:
        return Markup("–")
    moment = utc(time) if isinstance(time, int) else time.astimezone(timezone.utc)
    if moment is None:
        return Markup("a time that no calendar has")
    return Markup('<time datetime="{}">{}</time>').format(
        moment.isoformat(timespec="seconds").replace("+00:00", "Z"),
        f"{moment:%Y-%m-%d %H:%M:%S} UTC",
    )


def stage_badge(stage: Stage) -> tuple[str, str]:
    """Return the look of a stage's badge, and its words."""
    return _BADGES[stage]


def stage_words(stage: Stage) -> str:
    """Return the end of a sentence that begins with: Request 1 is ..."""
    return _SENTENCES[stage]


_BADGES = {
    Stage.OPEN: ("good", "open for bids"),
    Stage.CLOSED: ("busy", "gate closed"),
    Stage.PAYING: ("busy", "being paid"),
    Stage.SETTLED: ("idle", "decided"),
    Stage.CANCELLED: ("idle", "cancelled"),
}
_SENTENCES = {
    Stage.OPEN: "open for bids",
    Stage.CLOSED: "closed for bids, and the winners are about to be selected",
    Stage.PAYING: "decided, and the winners are being paid",
    Stage.SETTLED: "decided",
    Stage.CANCELLED: "cancelled",
}


def counted(number: int, noun: str) -> str:
    """Return a number of things: 1 bid, 2 bids."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def coded(text: str) -> Markup:
    """Return a sentence with what is to be typed into a terminal, in backquotes, set apart."""
    return Markup(_TYPED.sub(r"<code>\1</code>", str(Markup.escape(text))))


def shortened(text: str) -> Markup:
    """Return an address or a hash in brief, which a press writes out and copies."""
    button = (
        '<button type="button" class="hash" title="{}" data-whole="{}" aria-expanded="false">'
        '<span class="unseen">Write out </span><code>{}</code></button>'
    )
    return Markup(button).format(text, text, short(text))


def add_words(app: Flask) -> None:
    """Let the templates use them."""
    amounts = (kwh, eth, price, price_of, rounded_eth)
    filters = (*amounts, when, counted, coded, shortened, price_name, stage_badge, stage_words)
    for written in filters:
        app.add_template_filter(written)
