"""What a consumer takes of a small device, as the page that is committed."""

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.device_consumer import Memory
from bench.device_rounds import BLOCK_S, Reaction

MEMORY_LIMIT_MB = {"alone": 70, "with Brownie": 100}
REACTION_LIMIT_S = 1.0
"""The most a bid may take beyond the time until the consumer looks at the chain again (s)."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What one way of running a consumer takes; `near` with a node that answers at once."""

    installed_mb: float
    start_s: float
    memory: Memory
    near: Reaction
    far: Reaction
    idle_per_hour: Mapping[str, float]

    @property
    def requests_per_idle_hour(self) -> float:
        """How often the node is asked while nothing happens."""
        return sum(self.idle_per_hour.values())


_SHOWN: Mapping[str, Callable[[Figures], str]] = {
    "installed size of Python's packages": lambda f: f"{f.installed_mb:,.0f} MB",
    "memory at rest, resident": lambda f: f"{f.memory.resident:.1f} MB",
    "memory at rest, private": lambda f: f"{f.memory.private:.1f} MB",
    "memory at its peak, once `python -m market` has begun": lambda f: f"{f.memory.peak:.0f} MB",
    "start, until it waits for requests": lambda f: f"{f.start_s:.1f} s",
    "requests to the node in an idle hour": lambda f: f"{f.requests_per_idle_hour:,.0f}",
    "from a request's block to the bid, usual": lambda f: f"{f.near.median_s:.2f} s",
    "from a request's block to the bid, latest": lambda f: f"{f.near.worst_s:.2f} s",
    "the same with a node 50 ms away, usual": lambda f: f"{f.far.median_s:.2f} s",
    "the same with a node 50 ms away, latest": lambda f: f"{f.far.worst_s:.2f} s",
}


def page(alone: Figures, with_brownie: Figures, poll_s: float, minutes: float) -> str:
    """Return the committed page."""
    rows = "\n".join(
        f"| {label} | {show(alone)} | {show(with_brownie)} |" for label, show in _SHOWN.items()
    )
    asked = ", ".join(
        f"`{method}` {count:,.0f}" for method, count in sorted(alone.idle_per_hour.items())
    )
    return f"""\
# What a consumer takes of a device

Measured by `./run_bench.sh --device`, which also rewrites this page, on {platform.machine()} with
Python {platform.python_version()}. The processes and the chain are real, and the node answers at
once where nothing else is said. The consumer looks at the chain every {poll_s:g} s and has its
account in a keystore file. When its memory is read, it has answered
{2 * len(alone.near.seconds)} requests and then rested for {1.5 * minutes:g} minutes, with a block
every {BLOCK_S} s.

| | `python -m market consumer` | `brownie run scripts/consumer.py` |
|---|---:|---:|
{rows}

Memory: *resident* is what `top` shows as RES, and *private* what the device would have free without
the consumer. The account was made with `python -m market account`; a keystore file made by Brownie
or by a wallet takes 268 MB more while it is opened, for about a second.

Times run from the request's block until the node has the bid's transaction, with no other request
open. They hold the wait for the next look at the chain, up to {poll_s:g} s, which is another one
for every request. From then on the consumer asks the node up to {alone.near.requests} questions,
one after the other, so a node that is further away takes longer.

The requests of an idle hour are {asked}.
"""


def above_limit(alone: Figures, with_brownie: Figures, poll_s: float) -> list[str]:
    """Return a line for every figure that is above its limit."""
    latest_s = poll_s + REACTION_LIMIT_S
    found = []
    for (name, limit_mb), figures in zip(
        MEMORY_LIMIT_MB.items(), (alone, with_brownie), strict=True
    ):
        if figures.memory.resident > limit_mb:
            found.append(
                f"Above its limit: memory at rest, {name}: "
                f"{figures.memory.resident:.1f} MB, at most {limit_mb}"
            )
        if max(figures.near.worst_s, figures.far.worst_s) > latest_s:
            found.append(f"Above its limit: reaction, {name}: more than {latest_s:g} s")
    return found
