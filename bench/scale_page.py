"""The figures at size as bench/SCALE.md."""

from collections.abc import Callable, Mapping

from bench.chain import HARDFORK, TRANSACTION_GAS_LIMIT
from bench.figures import share
from bench.scale_figures import AgentFigures, RoundFigures, Scale
from bench.scale_node import BLOCK_GAS
from bench.scale_round import BLOCK_S
from market.utility import PAY_BATCH

_SHOWN: Mapping[str, Callable[[RoundFigures], str]] = {
    "a bid, first use of its slot, gas": lambda r: f"{share(r.first_bids_gas, r.bids):,}",
    "a bid in a used book, gas": lambda r: f"{share(r.bids_gas, r.bids):,}",
    "all bids, gas": lambda r: f"{r.bids_gas:,}",
    "`select_winners`, gas": lambda r: f"{r.select_gas:,}",
    "winners": lambda r: f"{r.winners:,}",
    "all payments, gas": lambda r: f"{r.pay_gas:,}",
    "a payment, gas": lambda r: f"{share(r.pay_gas, r.winners):,}",
    "transactions of payments": lambda r: f"{r.payments:,}",
    "dearest transaction after gate closure, gas": lambda r: f"{r.dearest_gas:,}",
    "blocks with bids": lambda r: f"{r.bids_blocks:,}",
    "bidding, s": lambda r: f"{r.bids_s:,.1f}",
    "selection, s": lambda r: f"{r.select_s:,.1f}",
    "payment, s": lambda r: f"{r.pay_s:,.1f}",
    "a refresh of the utility's display, s": lambda r: f"{r.refresh_s:.2f}",
    "its questions to the node": lambda r: f"{r.refresh_calls:,}",
    "final merit order and totals, s": lambda r: f"{r.report_s:,.1f}",
    "their questions to the node": lambda r: f"{r.report_calls:,}",
    "a first look of the consumer's page, s": lambda r: f"{r.look_s:.2f}",
    "its questions to the node, all in all": lambda r: f"{r.look_calls:,}",
    "memory of the utility's process at its peak, MB": lambda r: f"{r.peak_mb:,.0f}",
}


def page(scale: Scale) -> str:
    """Return the page: the same for the same figures."""
    return f"""\
# The market at size

Measured by `./run_bench.sh --scale`, which also rewrites this page,
[docs/SCALING.md](../docs/SCALING.md) and [docs/gas.svg](../docs/gas.svg), on
{scale.processors} processors. The node is Anvil with blocks of {BLOCK_GAS:,} gas and at most
{TRANSACTION_GAS_LIMIT:,} gas a transaction, by the rules of {HARDFORK}. Gas is the
same on every machine, times are not. Compiled with {scale.compiler}.

## Rounds

Every bid comes from a wallet of its own, signed with a key of its own, at a level drawn at random;
nearly everybody wins. The utility is `python -m market utility request` in a process of its own,
which pays up to {PAY_BATCH} winners a transaction and sends each when the one before is in a block;
a block comes every {BLOCK_S} s. Each round is played to its end. Every bid, award and payment is
compared with `market/clearing.py`, and what everybody holds afterwards with that and the fees, to
the wei.

{_rounds(scale)}

Bidding runs from the first bid sent until the last one is in a block. The final merit order takes
in all bids and payments of the round. What a first look of the consumer's page takes, every look
takes that finds new bids.

## Consumers

{scale.agents.agents} consumers, each `python -m market consumer` in a process of its own with its
own folder, keystore account and `bids.json`, on one node through one counting proxy, all on the
machine above. A block comes every {scale.agents.block_s} s, and each consumer looks at the chain
every {scale.agents.poll_s:g} s (`POLL_SECONDS`). All bids were in a block before gate closure, and
each `results.json` is what the market rule gives.

{_agents(scale.agents)}
"""


def _rounds(scale: Scale) -> str:
    head = " | ".join(f"{one.bids:,} bids" for one in scale.rounds)
    rows = [f"| | {head} |", f"|---|{'---:|' * len(scale.rounds)}"]
    for label, show in _SHOWN.items():
        rows.append(f"| {label} | {' | '.join(map(show, scale.rounds))} |")
    return "\n".join(rows)


def _agents(agents: AgentFigures) -> str:
    rows = {
        "from the request's block to the bid sent, usual": f"{agents.bid_usual_s:.1f} s",
        "the same, latest": f"{agents.bid_latest_s:.1f} s",
        "left until gate closure when the last bid was in a block": (
            f"{agents.spare_s} of {agents.gate_s} s"
        ),
        "requests to the node while nothing happens": f"{agents.resting_per_s:,.0f} a second",
        "requests to the node in the busiest second": f"{agents.busiest_per_s:,}",
        "memory of all of them, what they share counted once": f"{agents.shared_out_mb:,.0f} MB",
        "the same for each": f"{agents.shared_out_mb / agents.agents:.0f} MB",
    }
    return "\n".join(["| | |", "|---|---:|", *(f"| {a} | {b} |" for a, b in rows.items())])
