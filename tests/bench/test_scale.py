"""The bench at size: that it still runs, what it refuses, and that its pages are its figures'."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import pytest

from bench.chain import WrongOutcome
from bench.codec import Codec
from bench.scale import pages
from bench.scale_agents import GATE_S, measure_agents
from bench.scale_chart import chart
from bench.scale_check import check_ether, check_round
from bench.scale_figures import AgentFigures, RoundFigures, Scale, code_name, load, save
from bench.scale_limits import CALLS_FOR_A_REFRESH, above_limit
from bench.scale_market import FOLDER
from bench.scale_play import play
from market.artifact import load_artifact
from market.clearing import Award, Bid, Clearing, Pricing
from tests.scripts.chain import wait_until
from tests.scripts.processes import MARK, ROOT, survivors

AGENTS, BIDS = 3, 100
UTILITY, CONSUMER = "0x" + "11" * 20, "0x" + "22" * 20
BID = Bid(1, CONSUMER, 3_000, 501)
AWARD = Award(1, CONSUMER, 3_000, 501, 1_503_000)
RULE = Clearing(501, 3_000, 1_503_000, 3_000, (AWARD,))
FEE = {"from": UTILITY, "gasUsed": "0x64", "effectiveGasPrice": "0x2"}
BEFORE = {UTILITY: 10**10, CONSUMER: 5}
AFTER = {UTILITY: 10**10 - 1_503_000 - 200, CONSUMER: 5 + 1_503_000}


@pytest.fixture
def figures() -> RoundFigures:
    return RoundFigures(
        bids=1_000,
        winners=990,
        first_bids_gas=60_000_000,
        bids_gas=42_000_000,
        bids_blocks=1,
        bids_s=1.0,
        bid_bytes=279,
        select_gas=540_000,
        select_s=0.5,
        pay_gas=990 * 16_000,
        payments=10,
        pay_s=10.0,
        dearest_gas=1_600_000,
        report_s=1.5,
        report_calls=15,
        refresh_s=0.03,
        refresh_calls=CALLS_FOR_A_REFRESH,
        look_s=0.4,
        look_calls=26,
        peak_mb=70.0,
    )


@pytest.fixture
def scale(figures: RoundFigures) -> Scale:
    larger = replace(figures, bids=10_000, winners=9_900, pay_gas=9_900 * 16_000)
    agents = AgentFigures(
        agents=AGENTS,
        poll_s=2.0,
        block_s=2,
        gate_s=240,
        bid_usual_s=1.2,
        bid_latest_s=2.1,
        spare_s=236,
        resting_per_s=3.0,
        busiest_per_s=26,
        shared_out_mb=141.0,
        private_mb=134.0,
    )
    return Scale("code", "solc", 2, (figures, larger), agents)


@pytest.mark.slow
def test_play__hundred_bids__are_all_settled_as_the_rule_has_it() -> None:
    played = play(BIDS)

    assert (played.bids, played.payments, played.bids_blocks) == (BIDS, 1, 1)
    assert BIDS * 9 // 10 < played.winners <= BIDS
    assert played.bids_gas < played.first_bids_gas
    assert played.refresh_calls == CALLS_FOR_A_REFRESH
    assert played.peak_mb > 0


@pytest.mark.slow
def test_measure_agents__three_of_them__all_bid_before_gate_closure() -> None:
    measured = measure_agents(AGENTS, rest_s=2)

    assert measured.agents == AGENTS
    assert 0 < measured.spare_s < GATE_S
    assert measured.resting_per_s > 0
    assert 0 < measured.private_mb < measured.shared_out_mb


@pytest.mark.slow
def test_command__interrupted_in_a_round__leaves_nothing_behind() -> None:
    mark, before = uuid4().hex, folders()
    command = [sys.executable, "tools/supervise.py", "-m", "bench", "--scale", "--bids", "10"]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, MARK: mark},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        wait_until(lambda: folders() - before, "the utility's folder", timeout_s=120)
        # As a terminal does it: to everybody in the foreground.
        os.killpg(process.pid, signal.SIGINT)
        said, _ = process.communicate()

    assert process.returncode == 128 + signal.SIGINT
    assert "Traceback" not in said
    assert (survivors(mark), folders() - before) == ([], set())


def folders() -> set[Path]:
    """Return the folders that runs have made in the repository."""
    return {*ROOT.glob(f"{FOLDER}*")}


def test_pages__committed_ones__are_those_of_the_committed_figures() -> None:
    committed = {file: file.read_bytes() for file in pages(load())}

    assert committed == pages(load()), "./run_bench.sh --scale --redraw writes them"


def test_figures__committed_ones__were_measured_with_this_contract() -> None:
    this = code_name(load_artifact()["bytecode"])

    assert load().code == this, "./run_bench.sh --scale measures again"


def test_save__a_run__is_loaded_as_it_was(scale: Scale, tmp_path) -> None:
    save(scale, tmp_path / "scale.json")

    assert load(tmp_path / "scale.json") == scale


def test_chart__drawn_twice__is_the_same_and_small(scale: Scale) -> None:
    drawn = chart(scale.rounds)

    assert drawn == chart(scale.rounds)
    assert len(drawn) < 20_000
    assert b"prefers-color-scheme:dark" in drawn
    assert b"<script" not in drawn
    assert b"<!--" not in drawn


def test_above_limit__flat_and_linear__says_nothing(scale: Scale) -> None:
    assert above_limit(scale) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"select_gas": 610_000}, "select_winners is not flat from 1,000 to 10,000 bids"),
        ({"pay_gas": 9_900 * 17_000}, "payment is not linear from 1,000 to 10,000 bids"),
        ({"dearest_gas": 2**24 + 1}, "10,000 bids: a transaction takes 16,777,217 gas"),
        ({"refresh_calls": 5}, "10,000 bids: a refresh asks the node 5 times"),
    ],
)
def test_above_limit__growth__is_told(scale: Scale, change: dict[str, int], said: str) -> None:
    grown = replace(scale, rounds=(scale.rounds[0], replace(scale.rounds[1], **change)))

    assert above_limit(grown) == [f"Above its limit: {said}"]


def test_check_ether__all_where_it_should_be__passes() -> None:
    check_ether(BEFORE, AFTER, UTILITY, RULE, [FEE])


@pytest.mark.parametrize("somebody", [UTILITY, CONSUMER])
def test_check_ether__a_wei_is_missing__is_refused(somebody: str) -> None:
    short = {**AFTER, somebody: AFTER[somebody] - 1}

    with pytest.raises(WrongOutcome, match="balances"):
        check_ether(BEFORE, short, UTILITY, RULE, [FEE])


def test_check_round__bid_that_is_not_booked__is_refused() -> None:
    request = SimpleNamespace(
        request_id=1, reduction_wh=3_000, price_step_wei=1, pricing=Pricing.UNIFORM
    )
    market = SimpleNamespace(bids=lambda _: [])

    with pytest.raises(WrongOutcome, match="bids"):
        check_round(market, request, [BID], [])


def test_check_round__winner_that_is_not_paid__is_refused() -> None:
    request = SimpleNamespace(
        request_id=1, reduction_wh=3_000, price_step_wei=1, pricing=Pricing.UNIFORM
    )
    market = SimpleNamespace(bids=lambda _: [BID])

    with pytest.raises(WrongOutcome, match="payments"):
        check_round(market, request, [BID], [])


def test_events__list_of_bids__is_decoded() -> None:
    codec = Codec(load_artifact()["abi"])
    word = "{:064x}".format
    topics = [codec._topics["BidsSubmitted"], f"0x{word(1)}", f"0x{word(int(CONSUMER, 16))}"]
    log = {"topics": topics, "data": "0x" + "".join(map(word, (7, 64, 1, 3_000, 501)))}

    (event,) = codec.events("BidsSubmitted", [log])

    assert (event["first_bid_id"], event["bids"]) == (7, ((3_000, 501),))
