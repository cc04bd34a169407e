"""The device's bench: what it counts, and that a consumer stays as small as a device needs it."""

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from web3 import HTTPProvider

from bench.counting_proxy import counting_proxy
from bench.device_consumer import Memory, furnish, memory, running_consumer
from bench.device_page import MEMORY_LIMIT_MB, Figures, above_limit, page
from bench.device_rounds import DeviceChain, Reaction, idle_requests
from market.anvil import running_anvil
from market.errors import MarketError

POLL_S = 2.0
POLLS = 3
PROGRAMS = Path(sys.executable).parent
ALONE = (sys.executable, "-m", "market", "consumer", "remote")
WITH_BROWNIE = (str(PROGRAMS / "brownie"), "run", "scripts/consumer.py", "main", "remote")


@pytest.fixture(scope="module")
def node_url() -> Iterator[str]:
    with running_anvil("--chain-id", "424242") as url:
        yield url


@pytest.fixture
def figures() -> Figures:
    return Figures(
        installed_mb=113.2,
        start_s=2.61,
        memory=Memory(resident=63.44, shared_out=51.2, private=49.5, peak=65.0),
        near=Reaction((0.4, 1.2, 1.9), requests=9),
        far=Reaction((0.9, 1.7, 2.4), requests=9),
        idle_per_hour={"eth_call": 600.0, "eth_getBlockByNumber": 1950.0},
    )


@pytest.mark.long
@pytest.mark.parametrize(
    ("command", "limit_mb"),
    [*zip((ALONE, WITH_BROWNIE), MEMORY_LIMIT_MB.values(), strict=True)],
)
def test_consumer__at_rest__takes_no_more_memory_than_it_may(
    node_url: str, tmp_path: Path, command: tuple[str, ...], limit_mb: float
) -> None:
    with counting_proxy(node_url) as proxy:
        household = furnish(tmp_path, proxy.url, DeviceChain(node_url).contract)
        with running_consumer(command, household) as consumer:
            idle_requests(proxy, POLLS * POLL_S)

            assert memory(consumer.pid).resident < limit_mb
            assert len(proxy.asked) > POLLS


def test_running_consumer__contract_that_is_not_there__says_why(
    node_url: str, tmp_path: Path
) -> None:
    household = furnish(tmp_path, node_url, "0x" + "11" * 20)

    with (
        pytest.raises(MarketError, match="There is no contract at"),
        running_consumer(ALONE, household),
    ):
        pass


def test_counting_proxy__question__is_counted_and_answered(node_url: str) -> None:
    with counting_proxy(node_url) as proxy:
        answer = HTTPProvider(proxy.url).make_request("eth_chainId", [])

        assert int(answer["result"], 16) == 424242
        assert [one.method for one in proxy.asked] == ["eth_chainId"]


def test_memory__this_process__is_told_apart() -> None:
    held = memory(os.getpid())

    assert 0 < held.private <= held.shared_out <= held.resident <= held.peak


def test_page__two_ways__shows_both(figures: Figures) -> None:
    shown = page(figures, replace(figures, start_s=4.2), POLL_S, minutes=4)

    assert "| memory at rest, resident | 63.4 MB | 63.4 MB |\n" in shown
    assert "| start, until it waits for requests | 2.6 s | 4.2 s |\n" in shown
    assert "| requests to the node in an idle hour | 2,550 | 2,550 |\n" in shown


def test_above_limit__all_within__says_nothing(figures: Figures) -> None:
    assert above_limit(figures, figures, POLL_S) == []


def test_above_limit__more_memory_than_without_brownie__is_told_for_that_alone(
    figures: Figures,
) -> None:
    larger = replace(figures, memory=replace(figures.memory, resident=71.0))

    assert above_limit(larger, larger, POLL_S) == [
        "Above its limit: memory at rest, alone: 71.0 MB, at most 70"
    ]


def test_above_limit__answer_too_late__is_told(figures: Figures) -> None:
    late = replace(figures, far=Reaction((3.1,), requests=9))

    assert above_limit(figures, late, POLL_S) == [
        "Above its limit: reaction, with Brownie: more than 3 s"
    ]
