"""A consumer left alone, as its process shows it: in its output, to systemd, and on the chain."""

import json
import os
import socket
from contextlib import contextmanager
from datetime import datetime

import pytest

from tests.faults import rules
from tests.faults.check import check
from tests.faults.conftest import HEAT_PUMP, OVEN
from tests.faults.live_chain import STEP_WEI
from tests.faults.people import Household
from tests.faults.waiting import wait_until

DEVICES = [HEAT_PUMP.device, OVEN.device]


@pytest.fixture
def world(worlds, tmp_path):
    yield worlds[0].begin(tmp_path)
    worlds[0].end()


class Systemd:
    """What systemd hears of a service."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener

    def hear(self) -> list[str]:
        return self._listener.recv(4096).decode().split("\n")

    def wait_for(self, state: str) -> None:
        """Return once the watchdog is fed by a service in this state."""
        wait_until(lambda: self._is_fed(state))

    def _is_fed(self, state: str) -> bool:
        fed, status = self.hear()
        return fed == "WATCHDOG=1" and status.startswith(f"STATUS={state}")


@pytest.fixture
def systemd(monkeypatch):
    # In no folder: a folder's name may be too long for a socket.
    name = f"energy-market-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{name}")
        listener.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        yield Systemd(listener)


def lines(home: Household) -> list[dict[str, object]]:
    """Return what the newest run has printed, every line of which is a JSON object."""
    return [json.loads(line) for line in home.process.out.splitlines()]


def told(home: Household, event: str) -> list[dict[str, object]]:
    """Return the fields of all events of a name."""
    return [line["fields"] for line in lines(home) if line["event"] == event]


@contextmanager
def node_away(home: Household, systemd: Systemd):
    """Have the node be away until systemd has heard of it."""
    with home.proxy.refusing():
        yield
        systemd.wait_for("the node is away")


def test_consumer__dry_run_and_a_lowest_price__sends_nothing_until_the_run_is_real(world):
    home, limits = world.household("alice", 1, HEAT_PUMP, OVEN), {"LOG_FORMAT": "json"}
    limits["LOWEST_PRICE_ETH_PER_KWH"] = "0.003"
    home.configure(DRY_RUN="yes", **limits)
    before = home.transactions()
    home.start()
    home.wait_for_first_look()
    cheap = world.chain.request(world.market, price_step_wei=STEP_WEI // 2)
    wanted = world.chain.request(world.market)
    home.wait_for("Would bid", times=2)
    (skipped,) = told(home, "request_skipped")
    assert skipped["request_id"] == cheap
    assert skipped["reason"].startswith("it pays at most 0.002 ETH/kWh")
    assert [bid["device"] for bid in told(home, "would_bid")] == DEVICES
    home.process.stop()
    assert home.proxy.count(rules.SEND) == 0
    home.configure(**limits)
    home.start()
    home.wait_for_bid(wanted)
    home.wait_for("bid_submitted", times=2)
    assert world.market.bids(cheap) == []
    assert home.transactions() == before + 1


def test_consumer__as_a_service__feeds_the_watchdog_and_tells_all_in_json(world, systemd):
    home = world.household("alice", 1, HEAT_PUMP, OVEN)
    with node_away(home, systemd):
        home.start("--log", "json")
        assert systemd.hear() == ["READY=1", "STATUS=starting"]
    systemd.wait_for("waiting for requests")
    with node_away(home, systemd):
        request_id = world.chain.request(world.market)
    home.wait_for_bid(request_id)
    world.chain.settle(world.market, request_id)
    home.wait_for_results(request_id)
    home.wait_for("result_final")
    check(world)
    for line in lines(home):
        assert [*line] == ["time", "level", "event", "text", "fields"]
        assert datetime.fromisoformat(line["time"].replace("Z", "+00:00")).tzinfo
    assert [bid["device"] for bid in told(home, "bid_submitted")] == DEVICES
    assert {won["payment_state"] for won in told(home, "bid_won")} == {"paid"}
    assert len(told(home, "node_away")) == len(told(home, "node_back")) == 2
    # The terminal is told first.
    log = home.database / "consumer.log"
    wait_until(lambda: log.read_text("utf-8") == home.process.out, lambda: home.told)
