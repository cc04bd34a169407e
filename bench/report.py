"""The figures as a table on the screen, and as the page that is committed."""

import difflib
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from bench.chain import HARDFORK
from bench.figures import Figure, Section

COLUMNS = ("case", "measured", "limit", "replaced")
INTRODUCTION = """\
# What the market costs

Gas, measured by `./run_bench.sh`, which also rewrites this page. A figure per bid or per
winner is the transaction's whole gas divided by their number, rounded up. Every round behind a
figure is played to its end, and its outcome compared with the market rule. What the contract that
this one replaces took is quoted as published.
"""
FLOOR = """\
## What cannot be less, and where the rest goes

- A bid alone in its transaction: 21,788 for the transaction and its calldata, 15,000 for the three
  slots it writes (the request's, the bid's, its word of levels) and 2,780 for the log are the
  floor, 39,568. The remaining 1,403 are code: 472 to find the function, 206 to check the calldata,
  the rest the checks and the packing of the bid.
- A selection that finds 143 words of levels in use: 300,300 to read them, 30,000 to write the
  newest bids of those words into six slots (17,100 more each at the first use of a book), 22,100
  for the outcome, 21,204 for the transaction, 9,300 for the refund, about 9,000 for the request,
  the guard and the log. The remaining 57,000 are arithmetic, 400 a word, for both pricings alike.
- A payment: 2,100 to read the bid, 2,600 for its consumer's account, 6,700 for a call that moves
  Ether (9,000 less the 2,300 that the payee does not use) and the log are the floor. The rest is
  arithmetic, and in a batch of 100 a hundredth of the transaction and of how far it has come.
"""
PLAIN_WIDTH = 110
"""Columns where the output is no terminal."""


def show(sections: Iterable[Section], compiler: str) -> None:
    """Print the figures as a table."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=PLAIN_WIDTH)
    for section in sections:
        console.print(_table(section))
    console.print(_settings(compiler), style="dim")


def page(sections: Iterable[Section], compiler: str) -> str:
    """Return the committed page: one line a figure, the same for the same figures."""
    parts = [INTRODUCTION, f"{_settings(compiler)}\n"]
    for section in sections:
        parts.append(f"## {section.title}\n\n{section.note}\n\n{_markdown(section)}\n")
    parts.append(FLOOR)
    return "\n".join(parts)


def differences(committed: str, measured: str) -> list[str]:
    """Return the lines in which the pages differ: what is committed with -, what is so with +."""
    lines = difflib.unified_diff(committed.splitlines(), measured.splitlines(), n=0, lineterm="")
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]


def describe_excess(figure: Figure) -> str:
    """Return a line that says by how much the figure is above its limit."""
    return f"Above its limit: {figure.case}: {figure.gas:,} gas, at most {figure.limit:,}"


def _settings(compiler: str) -> str:
    return f"Compiled with {compiler}. Gas counted by the rules of {HARDFORK}."


def _table(section: Section) -> Table:
    table = Table(title=section.title, caption=section.note, title_justify="left", expand=True)
    table.caption_justify = "left"
    case, *numbers = COLUMNS
    table.add_column(case, ratio=1)
    for column in numbers:
        table.add_column(column, justify="right", min_width=len("16,777,216"), no_wrap=True)
    for figure in section.figures:
        table.add_row(*_cells(figure), style="bold red" if figure.is_above_limit else "")
    return table


def _markdown(section: Section) -> str:
    rows = [COLUMNS, ("---", "---:", "---:", "---:"), *map(_cells, section.figures)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cells(figure: Figure) -> tuple[str, str, str, str]:
    limit = "" if figure.limit is None else f"{figure.limit:,}"
    return figure.case, f"{figure.gas:,}", limit, figure.replaced
