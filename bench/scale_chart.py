"""Gas against bids as a chart for the README: the same picture for the same figures."""

from collections.abc import Mapping, Sequence
from math import log10
from typing import Any

import pygal
from pygal.style import Style

from bench.chain import TRANSACTION_GAS_LIMIT
from bench.scale_figures import RoundFigures

REPLACED_GAS = {10: 770_000, 100: 5_600_000, 200: 13_500_000}
"""What the replaced contract took to choose and pay so many bids, as published."""
_BIDS = {1: "1", 10: "10", 100: "100", 1_000: "1,000", 10_000: "10,000"}
_GAS = {10**5: "0.1M", 10**6: "1M", 10**7: "10M", 10**8: "100M", 10**9: "1,000M"}
# Readable on white and on black; where the reader's page is dark, so is the text's counterpart.
_TEXT, _TEXT_ON_DARK = "#3d444d", "#d1d7e0"
_COLOURS = ("#1f8fd1", "#35a150", "#ef6820", "#8a8f98")
_CSS = f"""
text, .title {{ fill: {_TEXT} !important }}
.axis .line {{ stroke: #8a8f98 !important; stroke-opacity: .35 }}
.series .line {{ stroke-width: 2.5px !important; stroke-opacity: 1 !important }}
@media (prefers-color-scheme: dark) {{
  text, .title {{ fill: {_TEXT_ON_DARK} !important }}
}}
"""


def chart(rounds: Sequence[RoundFigures]) -> bytes:
    """Return the chart as an SVG file, both axes logarithmic."""
    drawn = _empty_chart()
    ours = {one.bids: one for one in rounds}
    drawn.add("select_winners", _points({n: one.select_gas for n, one in ours.items()}))
    drawn.add(
        "paying all winners, in transactions of 100",
        _points({n: one.pay_gas for n, one in ours.items()}),
    )
    drawn.add("replaced contract: choosing and paying in one", _points(REPLACED_GAS))
    most = dict.fromkeys((min(ours), max(ours)), TRANSACTION_GAS_LIMIT)
    drawn.add(
        f"the most one transaction may use: {TRANSACTION_GAS_LIMIT:,}",
        _points(most),
        show_dots=False,
        stroke_style={"width": 2, "dasharray": "6, 5"},
    )
    drawn.add_xml_filter(_without_extras)
    rendered: bytes = drawn.render()
    return rendered + b"\n"


def _empty_chart() -> Any:
    style = Style(
        background="transparent",
        plot_background="transparent",
        foreground=_TEXT,
        foreground_strong=_TEXT,
        foreground_subtle=_TEXT,
        colors=_COLOURS,
        font_family="system-ui, sans-serif",
        title_font_size=18,
        label_font_size=14,
        major_label_font_size=14,
        legend_font_size=15,
    )
    drawn = pygal.XY(
        style=style,
        title="Gas to choose and pay the winners",
        x_title="bids in the request",
        y_title="gas",
        width=860,
        height=560,
        legend_at_bottom=True,
        legend_at_bottom_columns=1,
        js=(),
        dots_size=4,
        show_x_guides=True,
    )
    # Otherwise drawn at random, anew for every picture.
    drawn.uuid = "gas"
    drawn.config.css.append(f"inline:{_CSS}")
    drawn.x_labels = _ticks(_BIDS, from_exponent=1)
    drawn.y_labels = _ticks(_GAS, from_exponent=5)
    return drawn


def _points(gas_by_bids: Mapping[int, int]) -> list[dict[str, Any]]:
    """Return the points of a line, each with what a pointer over it shows."""
    return [
        {"value": (log10(bids), log10(gas)), "label": f"{bids:,} bids: {gas:,} gas"}
        for bids, gas in sorted(gas_by_bids.items())
    ]


def _ticks(names: Mapping[int, str], from_exponent: int) -> list[dict[str, Any]]:
    return [
        {"value": log10(number), "label": name}
        for number, name in names.items()
        if number >= 10**from_exponent
    ]


def _without_extras(root: Any) -> Any:
    """Drop what runs or changes from day to day: scripts, and the library's note of the date."""
    for parent in [*root.iter()]:
        for child in [*parent]:
            if not isinstance(child.tag, str) or child.tag.endswith("script"):
                parent.remove(child)
    return root
