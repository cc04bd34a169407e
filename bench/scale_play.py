"""A round of a size from its request to its report, with the utility as an operator runs it."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from io import StringIO
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import NamedTuple

from eth_utils.address import to_checksum_address
from rich.console import Console

from bench.counting_proxy import CountingProxy, counting_proxy
from bench.device_consumer import furnish
from bench.device_install import ROOT
from bench.scale_check import Receipt, check_ether, check_round, sent_bids
from bench.scale_figures import RoundFigures
from bench.scale_market import FOLDER, PRICE_STEP_WEI, utility_key
from bench.scale_node import running_node
from bench.scale_round import GATE_S, Bidding, SizedRound, gas_of
from bench.scale_utility import Phases, operator
from market.clearing import Clearing
from market.contract import DemandReduction
from market.live import LiveMarket
from market.provider import connect
from market.report import watch
from market.units import PRICE_LEVELS, format_eth_per_kwh, format_kwh
from market.utility import Utility

_LOOKS = 5


class Look(NamedTuple):
    """How long a look at the market takes (s), and how many questions to the node."""

    seconds: float
    calls: int


@dataclass(frozen=True, slots=True)
class Played:
    """A round that was played to its end: what its bids took, and what came after them."""

    bidding: Bidding
    refresh: Look
    page: Look
    phases: Phases
    report_calls: int
    receipts: Sequence[Receipt]
    rule: Clearing


def play(count: int) -> RoundFigures:
    """Play a round of so many bids, and return what it took.

    WrongOutcome where it departs from the market rule, in a bid or in a wei.
    """
    with ExitStack() as stack:
        sized = SizedRound(stack.enter_context(running_node()), count)
        first_bidding = sized.first_use()
        played = _played(sized, stack)
    return _figures(sized, first_bidding, played)


def _played(sized: SizedRound, stack: ExitStack) -> Played:
    proxy = stack.enter_context(counting_proxy(sized.node.url))
    folder = Path(stack.enter_context(TemporaryDirectory(prefix=FOLDER, dir=ROOT)))
    # The round is over with its report: no block comes by itself that could make it final.
    household = furnish(
        folder,
        proxy.url,
        sized.market.address,
        account=utility_key(),
        role="UTILITY",
        CONFIRMATIONS=0,
    )
    before_wei, first_block = sized.holdings_wei(), sized.node.block_number() + 1
    running = stack.enter_context(operator(household, _words(sized)))
    running.wait_until_open()
    request_id = sized.market.request_count()
    bidding = sized.bid(request_id)
    refresh, page = _looks(sized, request_id)
    sized.node.pass_time(GATE_S)
    phases = running.wait_until_done()
    receipts = sized.node.receipts(first_block)
    report_calls = sum(one.time_s > phases.paid_s for one in proxy.asked)
    rule = _check(sized, request_id, before_wei, receipts)
    return Played(bidding, refresh, page, phases, report_calls, receipts, rule)


def _words(sized: SizedRound) -> list[str]:
    """Return the command that an operator would type."""
    kwh = format_kwh(sized.reduction_wh)
    price = format_eth_per_kwh(PRICE_STEP_WEI * PRICE_LEVELS)
    return ["utility", "request", kwh, price, str(GATE_S), "remote"]


def _looks(sized: SizedRound, request_id: int) -> tuple[Look, Look]:
    """Return what a refresh of the utility's display takes, and of the consumer's page."""
    with counting_proxy(sized.node.url) as proxy:
        market = DemandReduction(connect(proxy.url), sized.market.address)
        return _refresh(market, sized, request_id, proxy), _page_look(market, sized, proxy)


def _refresh(
    market: DemandReduction, sized: SizedRound, request_id: int, proxy: CountingProxy
) -> Look:
    utility = Utility(market, sized.utility.sender, wait=lambda _: None)
    screen = Console(file=StringIO(), force_terminal=True)
    asked, begin_s = len(proxy.asked), monotonic()
    watch(screen, islice(utility.until_gate_closure(request_id), _LOOKS))
    return Look((monotonic() - begin_s) / _LOOKS, (len(proxy.asked) - asked) // _LOOKS)


def _page_look(market: DemandReduction, sized: SizedRound, proxy: CountingProxy) -> Look:
    asked, begin_s = len(proxy.asked), monotonic()
    LiveMarket(market, to_checksum_address(sized.bidders[0].address)).look()
    return Look(monotonic() - begin_s, len(proxy.asked) - asked)


def _check(
    sized: SizedRound, request_id: int, before_wei: dict[str, int], receipts: Sequence[Receipt]
) -> Clearing:
    bids = sent_bids(sized.bidders, sized.codec, receipts)
    rule = check_round(sized.market, sized.market.request(request_id), bids, receipts)
    utility = sized.utility.sender.signer.address.lower()
    check_ether(before_wei, sized.holdings_wei(), utility, rule, receipts)
    return rule


def _figures(sized: SizedRound, first_bidding: Bidding, played: Played) -> RoundFigures:
    bidding, phases = played.bidding, played.phases
    selecting = sized.of_kind(played.receipts, "WinnersSelected")
    paying = sized.of_kind(played.receipts, "WinnerPaid")
    return RoundFigures(
        bids=len(sized.bidders),
        winners=len(played.rule.awards),
        first_bids_gas=first_bidding.gas,
        bids_gas=bidding.gas,
        bids_blocks=bidding.blocks,
        bids_s=bidding.seconds,
        bid_bytes=bidding.bytes_each,
        select_gas=gas_of(selecting),
        select_s=phases.selected_s - phases.closed_s,
        pay_gas=gas_of(paying),
        payments=len(paying),
        pay_s=phases.paid_s - phases.selected_s,
        dearest_gas=max(gas_of([one]) for one in [*selecting, *paying]),
        report_s=phases.end_s - phases.paid_s,
        report_calls=played.report_calls,
        refresh_s=played.refresh.seconds,
        refresh_calls=played.refresh.calls,
        look_s=played.page.seconds,
        look_calls=played.page.calls,
        peak_mb=phases.peak_mb,
    )
