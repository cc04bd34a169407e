"""Ctrl-C, whenever it comes: it ends the script and all it started, without a traceback."""

import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import SimpleNamespace

import pytest

from market.bids import Offer
from market.store import save_offers
from tests.scripts.chain import wait_until
from tests.scripts.processes import PLAIN, SUPERVISED, worked_s
from tests.scripts.stage import WAITING, Household, Stage, new_home

CTRL_C = "\x03"
HEAT_PUMP = Offer(2000, 2 * 10**12, "heat pump")
# Of processor time, so that they are the same moments on a busy machine: the start takes about 3 s.
# Before the first of them Python is not yet itself, and its own answer is out of our hands.
MOMENTS_S = [0.1, 0.4, 0.8, 1.2, 1.7, 2.3, 3.0]
PHASES = ["Launching '", "Running '"]


def assert_interrupted(finished):
    finished.tells_no_internals()
    assert finished.status == 128 + signal.SIGINT
    assert "Stopped." in finished.text


# While the process starts


@pytest.fixture
def starting(stage, market, tmp_path):
    """Start a consumer as a person does, with a Brownie that shares nothing with others."""

    def starting(name):
        (tmp_path / name).mkdir()
        home = new_home(tmp_path / name)
        save_offers(tmp_path / name / "bids.json", [HEAT_PUMP])
        folder = tmp_path / name
        return stage.start("consumer", brownie=PLAIN, home=home, DATABASE_FOLDER=folder)

    return starting


def ended(script):
    """Return what is left; libraries that are just being loaded may swallow the first Ctrl-C."""
    with suppress(AssertionError):
        wait_until(lambda: script.process.poll() is not None, "the end", timeout_s=10)
    return script.press_ctrl_c().finish()


def assert_ends_quietly(stage, interrupt, occasions):
    """Two at a time, as each start takes seconds."""
    with ThreadPoolExecutor(2) as pool:
        for finished in pool.map(interrupt, occasions):
            assert finished.tells_no_internals().status
    assert not stage.survivors()


def test_consumer__ctrl_c_while_it_starts__ends_quietly_at_any_moment(stage, starting):
    def interrupt(moment_s):
        script = starting(str(moment_s))
        # A quick machine is ready before it has worked for that long.
        wait_until(
            lambda: worked_s(script.process) >= moment_s or WAITING in script.out, "the moment"
        )
        return ended(script.press_ctrl_c())

    assert_ends_quietly(stage, interrupt, MOMENTS_S)


def test_consumer__ctrl_c_while_it_starts__ends_quietly_in_any_phase(stage, starting):
    def interrupt(printed):
        return ended(starting(printed.split()[0]).wait_for(printed).press_ctrl_c())

    assert_ends_quietly(stage, interrupt, PHASES)


LOSES_CTRL_C = """
from time import sleep
from market.interrupts import raise_interrupts

class Cleared:
    def __del__(self):
        raise KeyboardInterrupt

raise_interrupts()
try:
    Cleared()
    sleep(30)
except KeyboardInterrupt:
    print("Stopped.")
"""


def test_raise_interrupts__ctrl_c_while_an_object_is_cleared_away__comes_again(stage):
    script = stage.start_command([sys.executable, "-c", LOSES_CTRL_C])
    finished = script.finish(20).succeeded().tells_no_internals()
    assert finished.out == "Stopped.\n"


# While it waits


@pytest.fixture(scope="module")
def consumers(tmp_path_factory, home, chain):
    """Consumers that wait, to be stopped in different ways, and the stage they are on."""
    stage = Stage(tmp_path_factory.mktemp("waiting"), home, LOCAL_RPC_URL=chain.url)
    stage.use(chain.new_market())
    started = [
        Household(stage, account, HEAT_PUMP).start(brownie=brownie)
        for account, brownie in enumerate([SUPERVISED, SUPERVISED, PLAIN], start=1)
    ]
    yield SimpleNamespace(stage=stage, waiting=[script.wait_for(WAITING) for script in started])
    stage.close()


def test_consumer__ctrl_c_while_waiting__stops(consumers):
    assert_interrupted(consumers.waiting[0].press_ctrl_c().finish())


def test_consumer__ctrl_c_twice__stops(consumers):
    assert_interrupted(consumers.waiting[1].press_ctrl_c().press_ctrl_c().finish())


def test_consumer__terminated__stops_like_ctrl_c(consumers):
    consumers.waiting[2].process.terminate()
    assert_interrupted(consumers.waiting[2].finish())


def test_consumers__all_stopped__no_process_is_left(consumers):
    for consumer in consumers.waiting:
        consumer.press_ctrl_c().finish()
    assert not consumers.stage.survivors()


def test_utility__ctrl_c_at_a_prompt__sends_nothing(stage, chain, market):
    nonces = chain.nonces()
    utility = stage.start("utility", terminal=True).wait_for("Reduction (kWh)")
    utility.type("5").wait_for("Highest price").press(CTRL_C)
    assert_interrupted(utility.finish())
    assert chain.nonces() == nonces


# In the middle of a round


@pytest.mark.parametrize("printed", ["Escrow:", "Gate closes in"])
def test_utility__ctrl_c_in_a_round__finish_settles_it(stage, run, chain, market, printed):
    before = chain.ether_wei(market)
    utility = stage.start("utility", "request", "5", "0.004", "600", terminal=True)
    finished = utility.wait_for(printed).press(CTRL_C).finish()
    assert_interrupted(finished)
    requested = market.unfinished()
    told = "finish it with: brownie run scripts/utility.py finish" in finished.out
    # Right after the escrow is announced, nothing has been sent yet.
    assert told or (printed == "Escrow:" and not requested), finished.out
    for request in requested:
        chain.close_gate(market, request.request_id)
    run("utility", function="finish").succeeded()
    assert not market.unfinished()
    assert chain.web3.eth.get_balance(market.address) == 0
    assert chain.ether_wei(market) == before
