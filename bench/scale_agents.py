"""Consumers as processes of their own on one node, one for each household."""

import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import monotonic, sleep

import psutil

from bench.chain import WrongOutcome
from bench.counting_proxy import Asked, CountingProxy, counting_proxy
from bench.device_consumer import Consumer, Household, Memory, furnish, memory, running_consumer
from bench.device_install import ROOT
from bench.device_page import MEMORY_LIMIT_MB
from bench.device_rounds import SEND
from bench.scale_figures import AgentFigures
from bench.scale_market import FOLDER, PRICE_STEP_WEI, open_market
from bench.scale_node import Node, running_node
from bench.scale_wallets import FUNDS_WEI, derived_key, fund
from bench.waiting import until
from market.clearing import Clearing, clear
from market.errors import MarketError
from market.model import Request, Terms
from market.settings import Settings
from market.store import RESULTS_FILE, load_results
from market.units import PRICE_LEVELS, format_eth_per_kwh, format_kwh

BLOCK_S = 2
"""The time between blocks; an L2's, in which a consumer finds something new at every look."""
GATE_S = 240
POLL_S: float = Settings.model_fields["poll_seconds"].default
REST_S = 20
_RESULTS_S = 120
_COMMAND = (sys.executable, "-m", "market", "consumer", "remote")


@dataclass(frozen=True, slots=True)
class Answers:
    """How a request was answered: seconds to each bid, and what the node was asked."""

    seconds: tuple[float, ...]
    asked: tuple[Asked, ...]
    spare_s: int


class Town:
    """A market with households, each with a folder, an account and bids of its own."""

    def __init__(self, node: Node, proxy: CountingProxy, folder: Path, count: int) -> None:
        self._node, self._proxy = node, proxy
        self._utility = open_market(node)
        self.market = self._utility.market
        self._offers = _offers(count)
        self.households = [self._household(folder / str(n), n) for n in range(count)]
        fund(node, [one.account for one in self.households], FUNDS_WEI)

    def answers(self) -> tuple[Request, Answers]:
        """Make a request, and return how it was answered by everybody.

        WrongOutcome if somebody did not get a bid into a block before gate closure.
        """
        count, seen = len(self.households), len(self._proxy.asked)
        reduction_wh = sum(energy_wh for energy_wh, _ in self._offers) * 9 // 10
        request = self._utility.request(Terms(reduction_wh, PRICE_STEP_WEI, GATE_S))
        begin_s = monotonic()
        until(lambda: self._all_in(request), "not everybody has bid in time", GATE_S, 0.2)
        spare_s = request.gate_closure - self.market.head().time_s
        asked = tuple(one for one in self._proxy.asked[seen:] if one.time_s > begin_s)
        sent_s = [one.time_s - begin_s for one in asked if one.method == SEND]
        return self.market.request(request.request_id), Answers(
            tuple(sorted(sent_s)[:count]), asked, spare_s
        )

    def finish(self, request: Request) -> None:
        """Finish the request; WrongOutcome unless each household is told what the rule gives it."""
        self._node.pass_time(GATE_S)
        for _ in self._utility.finish(request.request_id):
            pass
        rule = clear(
            self.market.bids(request.request_id),
            request.reduction_wh,
            request.price_step_wei,
            request.pricing,
        )
        until(lambda: all(map(_is_told, self.households)), "somebody has no results", _RESULTS_S)
        self._check(rule)

    def _household(self, folder: Path, number: int) -> Household:
        folder.mkdir()
        energy_wh, price_wei_per_wh = self._offers[number]
        return furnish(
            folder,
            self._proxy.url,
            self.market.address,
            account=derived_key(number),
            offers={
                "energy": [float(format_kwh(energy_wh))],
                "price": [float(format_eth_per_kwh(price_wei_per_wh))],
            },
        )

    def _all_in(self, request: Request) -> bool:
        return self.market.request(request.request_id).bid_count == len(self.households)

    def _check(self, rule: Clearing) -> None:
        due_wei = Counter({award.consumer: award.payment_wei for award in rule.awards})
        for one in self.households:
            told_wei = load_results(one.folder / RESULTS_FILE).total_payment_wei
            if told_wei != due_wei[one.account]:
                raise WrongOutcome(f"{one.account} was told {told_wei}, not {due_wei[one.account]}")


def fitting_agents() -> int:
    """Return how many consumers the free memory holds."""
    return max(1, int(psutil.virtual_memory().available / 1e6) // MEMORY_LIMIT_MB["alone"])


def measure_agents(count: int, rest_s: float = REST_S) -> AgentFigures:
    """Return what so many consumers take; WrongOutcome if one of them fails.

    For `rest_s` they are watched while there is nothing to do.
    """
    with ExitStack() as stack:
        node = stack.enter_context(running_node())
        proxy = stack.enter_context(counting_proxy(node.url))
        folder = Path(stack.enter_context(TemporaryDirectory(prefix=FOLDER, dir=ROOT)))
        town = Town(node, proxy, folder, count)
        node.mine_by_the_clock(BLOCK_S)
        consumers = _start_all(stack, town.households)
        resting_per_s = _resting_per_s(proxy, rest_s)
        request, answers = town.answers()
        held = [memory(one.pid) for one in consumers]
        town.finish(request)
        for one in consumers:
            # All at once; the stack would wait for each in turn.
            os.kill(one.pid, signal.SIGTERM)
        return _figures(answers, resting_per_s, held)


def _start_all(stack: ExitStack, households: Sequence[Household]) -> list[Consumer]:
    """Start the consumers, as many at a time as there are processors."""

    def start(household: Household) -> Consumer:
        return stack.enter_context(running_consumer(_COMMAND, household))

    starters = ThreadPoolExecutor(os.cpu_count())
    try:
        return [*starters.map(start, households)]
    finally:
        starters.shutdown(cancel_futures=True)


def _resting_per_s(proxy: CountingProxy, rest_s: float) -> float:
    """Return how often the node is asked in a second while there is no request."""
    seen = len(proxy.asked)
    sleep(rest_s)
    return (len(proxy.asked) - seen) / rest_s


def _figures(answers: Answers, resting_per_s: float, held: Sequence[Memory]) -> AgentFigures:
    by_second = Counter(int(one.time_s) for one in answers.asked)
    return AgentFigures(
        agents=len(held),
        poll_s=POLL_S,
        block_s=BLOCK_S,
        gate_s=GATE_S,
        bid_usual_s=median(answers.seconds),
        bid_latest_s=max(answers.seconds),
        spare_s=answers.spare_s,
        resting_per_s=resting_per_s,
        busiest_per_s=max(by_second.values()),
        shared_out_mb=sum(one.shared_out for one in held),
        private_mb=sum(one.private for one in held),
    )


def _offers(count: int) -> list[tuple[int, int]]:
    """Return an energy and a price for each household (Wh, wei per Wh)."""
    draw = random.Random(count)
    return [
        (draw.randint(500, 5_000), draw.randint(1, PRICE_LEVELS) * PRICE_STEP_WEI)
        for _ in range(count)
    ]


def _is_told(household: Household) -> bool:
    with suppress(MarketError):
        load_results(household.folder / RESULTS_FILE)
        return True
    return False
