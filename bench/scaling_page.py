"""What the figures at size mean on a chain in use, as docs/SCALING.md."""

from collections.abc import Callable, Sequence
from pathlib import Path

from bench.chain import TRANSACTION_GAS_LIMIT
from bench.figures import share
from bench.scale_chains import BASE, DOLLARS_PER_ETH, ETHEREUM, Chain, eth, shown_dollars, shown_eth
from bench.scale_figures import RoundFigures, Scale
from market.model import BOOKS, MOST_BIDS_IN_REQUEST
from market.utility import PAY_BATCH

TEMPLATE = Path(__file__).with_name("scaling.template.md")
_CHAINS = (ETHEREUM, BASE)


def scaling_page(scale: Scale) -> str:
    """Return the page: the template with what was measured and what it comes to."""
    values = {**_stated(), **_gas(scale.rounds[-1]), **_times(scale), **_nodes(scale)}
    return TEMPLATE.read_text("utf-8").format(**values)


def _stated() -> dict[str, str]:
    """Return what is taken for given."""
    return {
        "ethereum_block_gas": f"{ETHEREUM.block_gas:,}",
        "ethereum_block_s": str(ETHEREUM.block_s),
        "ethereum_aim": f"1/{ETHEREUM.elasticity}",
        "quiet": str(ETHEREUM.gwei[0]),
        "busy": str(ETHEREUM.gwei[1]),
        "base_block_gas": f"{BASE.block_gas:,}",
        "base_block_s": str(BASE.block_s),
        "base_aim": f"1/{BASE.elasticity}",
        "base_gwei": str(BASE.gwei[0]),
        "transaction_gas": f"{TRANSACTION_GAS_LIMIT:,}",
        "dollars": f"${DOLLARS_PER_ETH:,}",
        "cheaper": f"{ETHEREUM.gwei[0] / BASE.gwei[0]:,.0f}",
        "roomier": f"{BASE.gas_per_s / ETHEREUM.gas_per_s:,.0f}",
        "books": str(BOOKS),
        "most_bids": f"{MOST_BIDS_IN_REQUEST:,}",
        "batch": str(PAY_BATCH),
    }


def _gas(largest: RoundFigures) -> dict[str, str]:
    """Return what the largest round takes, and what that costs."""
    bid, payment = share(largest.bids_gas, largest.bids), share(largest.pay_gas, largest.winners)
    quiet, busy = ETHEREUM.gwei
    return {
        "bid_gas": f"{bid:,}",
        "first_bid_gas": f"{share(largest.first_bids_gas, largest.bids):,}",
        "payment_gas": f"{payment:,}",
        "select_gas": f"{largest.select_gas:,}",
        "bid_quiet": shown_dollars(eth(bid, quiet)),
        "bid_busy": shown_dollars(eth(bid, busy)),
        "bid_base": shown_dollars(eth(bid, BASE.gwei[0])),
        "payment_quiet": shown_dollars(eth(payment, quiet)),
        "payment_busy": shown_dollars(eth(payment, busy)),
        "bid_bytes": str(largest.bid_bytes),
        "bids": f"{largest.bids:,}",
        "winners": f"{largest.winners:,}",
        "throughput": _throughput(largest, bid),
        "costs": _costs(largest, bid),
    }


def _times(scale: Scale) -> dict[str, str]:
    """Return how long the largest round takes on the chains, and in the programs."""
    largest = scale.rounds[-1]
    return {
        "payments": str(largest.payments),
        "paying_ethereum": _minutes(largest.payments * ETHEREUM.block_s),
        "paying_base": _minutes(largest.payments * BASE.block_s),
        "bids_blocks": str(_blocks(largest.bids_gas, ETHEREUM)),
        "refresh_s": f"{largest.refresh_s:.2f}",
        "report_s": f"{largest.report_s:.0f}",
        "peak_mb": f"{largest.peak_mb:.0f}",
    }


def _nodes(scale: Scale) -> dict[str, str]:
    """Return what consumers ask of their nodes."""
    agents, smallest, largest = scale.agents, scale.rounds[0], scale.rounds[-1]
    each_per_s = agents.resting_per_s / agents.agents
    return {
        "agents": str(agents.agents),
        "poll_s": f"{agents.poll_s:g}",
        "agent_block_s": str(agents.block_s),
        "each_per_s": f"{each_per_s:.1f}",
        "resting_per_s": f"{agents.resting_per_s:,.0f}",
        "busiest_per_s": f"{agents.busiest_per_s:,}",
        "all_per_s": f"{each_per_s * largest.bids:,.0f}",
        "pages": str(largest.look_calls - smallest.look_calls + 1),
        "agent_mb": f"{agents.shared_out_mb / agents.agents:.0f}",
    }


def _throughput(largest: RoundFigures, bid: int) -> str:
    rows = [["", *(chain.name for chain in _CHAINS)], ["---", *("---:" for _ in _CHAINS)]]
    rows += [
        _row("bids in a block of nothing else", lambda c: f"{c.block_gas // bid:,}"),
        _row("bids a minute, all blocks full", lambda c: f"{_bids_a_minute(c, bid):,}"),
        _row(
            "bids a minute, blocks as full as the chain aims at",
            lambda c: f"{_bids_a_minute(c, bid) // c.elasticity:,}",
        ),
        _row(
            f"{largest.bids:,} bids take",
            lambda c: _minutes(_blocks(largest.bids_gas, c) * c.block_s),
        ),
        _row(
            f"paying {largest.winners:,} winners takes, {PAY_BATCH} a block",
            lambda c: _minutes(largest.payments * c.block_s),
        ),
        _row(
            "the same, blocks full of payments",
            lambda c: _minutes(_blocks(largest.pay_gas, c) * c.block_s),
        ),
    ]
    return _table(rows)


def _costs(largest: RoundFigures, bid: int) -> str:
    priced = [(chain, gwei) for chain in _CHAINS for gwei in chain.gwei]
    gas = {
        "a bid": bid,
        "a payment": share(largest.pay_gas, largest.winners),
        "`select_winners`": largest.select_gas,
        f"{largest.bids:,} bids": largest.bids_gas,
        f"selecting and paying {largest.winners:,} winners": largest.select_gas + largest.pay_gas,
    }
    rows = [
        ["", "gas", *(f"{chain.name}, {gwei} gwei" for chain, gwei in priced)],
        ["---", "---:", *("---:" for _ in priced)],
    ]
    for label, used in gas.items():
        prices = [eth(used, gwei) for _, gwei in priced]
        rows.append([label, f"{used:,}", *(f"{shown_eth(p)} = {shown_dollars(p)}" for p in prices)])
    return _table(rows)


def _bids_a_minute(chain: Chain, bid: int) -> int:
    return chain.block_gas // bid * chain.blocks_per_minute


def _blocks(gas: int, chain: Chain) -> int:
    return -(-gas // chain.block_gas)


def _minutes(seconds: int) -> str:
    return f"{seconds} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def _row(label: str, show: Callable[[Chain], str]) -> list[str]:
    return [label, *map(show, _CHAINS)]


def _table(rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
