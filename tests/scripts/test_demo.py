"""The demo, as people see it: what it prints is held against the market rule in Python."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from market.bids import bids_for_request
from market.clearing import Bid, Pricing, clear, merit_order, refund_wei
from market.demo import HOUSEHOLDS, MAXIMUM_ETH_PER_KWH, REDUCTION_KWH
from market.report import short
from market.units import (
    escrow_wei,
    format_eth,
    format_eth_per_kwh,
    format_kwh,
    parse_decimal,
    price_step_wei_floor,
    price_wei_per_wh,
    reduction_wh,
)
from tests.scripts.chain import wait_until
from tests.scripts.processes import ROOT, seen, worked_s
from tests.scripts.stage import Stage

REDUCTION_WH = reduction_wh(parse_decimal(REDUCTION_KWH))
STEP_WEI = price_step_wei_floor(price_wei_per_wh(parse_decimal(MAXIMUM_ETH_PER_KWH)))
DEMO_S = 120


@pytest.fixture(scope="module")
def demo(tmp_path_factory, home):
    """The demo after it has ended, with the folders it had and what it may not have touched."""
    stage = Stage(tmp_path_factory.mktemp("demo"), home)
    before = users_files()
    script = stage.start("demo", ENV_FILE=ROOT / ".env", DATABASE_FOLDER=ROOT / "database")
    script.wait_for("4. The grid is short", timeout_s=DEMO_S)
    folders = demo_folders(stage)
    finished = script.finish(DEMO_S)
    yield SimpleNamespace(
        finished=finished,
        printed=finished.out.splitlines(),
        folders=folders,
        users_files=(before, users_files()),
        survivors=stage.survivors(),
    )
    stage.close()


@pytest.fixture(scope="module")
def expected():
    """The bids that the households send, and what the rule makes of them."""
    offers = [(home, offer) for home in HOUSEHOLDS for offer in home.offers]
    bids = []
    for bid_id, (household, offer) in enumerate(offers):
        sent, _ = bids_for_request(
            [offer], reduction_wh=REDUCTION_WH, price_step_wei=STEP_WEI, minimum_bid_wh=0
        )
        bids += [Bid(bid_id, household.name, bid.energy_wh, bid.price_level) for bid in sent]
    cleared = clear(bids, REDUCTION_WH, STEP_WEI, Pricing.UNIFORM)
    return SimpleNamespace(bids=merit_order(bids), cleared=cleared)


def users_files():
    files = [ROOT / ".env", *sorted((ROOT / "database").iterdir())]
    return {file: file.read_bytes() for file in files if file.is_file()}


def consumers_that_work(stage):
    """Return how many consumers are beyond the very start of Python, which knows no Ctrl-C."""
    return sum(
        seen(stage.mark, lambda p: "scripts/consumer.py" in p.cmdline() and worked_s(p) > 0.2)
    )


def demo_folders(stage):
    """Return the folders that the processes of a running demo work in."""
    files = {*seen(stage.mark, lambda process: Path(process.environ()["ENV_FILE"]))}
    return [file.parent for file in files if file.parent.name.startswith(".demo-")]


# What it prints


def test_demo__merit_order_table__is_the_rules(chain, demo, expected):
    short_names = {h.name: short(chain.accounts[h.account]) for h in HOUSEHOLDS}
    won = {award.bid_id: award for award in expected.cleared.awards}
    rows = [
        [
            str(rank),
            short_names[bid.consumer],
            format_kwh(bid.energy_wh),
            format_eth_per_kwh(bid.price_level * STEP_WEI),
            format_kwh(won[bid.bid_id].accepted_wh) if bid.bid_id in won else "-",
            format_eth(won[bid.bid_id].payment_wei) if bid.bid_id in won else "-",
        ]
        for rank, bid in enumerate(expected.bids, start=1)
    ]
    assert table(demo.printed) == rows


def test_demo__clearing_line__is_below_the_last_bid_accepted(demo, expected):
    top = next(i for i, line in enumerate(demo.printed) if "┡" in line)
    line = next(i for i, line in enumerate(demo.printed) if "├" in line)
    assert line - top - 1 == len(expected.cleared.awards)


def test_demo__totals__are_the_rules(demo, expected):
    cleared = expected.cleared
    price = format_eth_per_kwh(cleared.clearing_level * STEP_WEI)
    for name, value in {
        "Energy bought": f"{format_kwh(cleared.energy_wh)} kWh",
        "Clearing price": f"{price} ETH/kWh",
        "Escrow": f"{format_eth(escrow_wei(REDUCTION_WH, STEP_WEI))} ETH",
        "Paid to winners": f"{format_eth(cleared.cost_wei)} ETH",
        "Refunded": f"{format_eth(refund_wei(cleared, REDUCTION_WH, STEP_WEI))} ETH",
    }.items():
        assert any(re.fullmatch(f" utility │ {name} +{value} *", line) for line in demo.printed)


@pytest.mark.parametrize("household", HOUSEHOLDS, ids=lambda household: household.name)
def test_demo__result_of_each_household__is_the_rules(demo, expected, household):
    awards = [award for award in expected.cleared.awards if award.consumer == household.name]
    bids = [bid for bid in expected.bids if bid.consumer == household.name]
    status = "won" if awards else "lost" if bids else "no bids"
    energy = format_kwh(sum(award.accepted_wh for award in awards))
    payment = format_eth(sum(award.payment_wei for award in awards))
    assert f"{household.name:>8} │ {status}: {energy} kWh, {payment} ETH" in demo.printed


def test_demo__done__succeeds_without_internals(demo):
    demo.finished.succeeded().tells_no_internals()


# What it leaves behind


def test_demo__done__no_process_and_no_folder_are_left(demo):
    assert not demo.survivors
    assert demo.folders
    assert not [folder for folder in demo.folders if folder.exists()]


def test_demo__done__users_files_are_untouched(demo):
    before, after = demo.users_files
    assert after == before


def test_demo__ctrl_c__ends_everything(tmp_path, home):
    stage = Stage(tmp_path, home)
    script = stage.start("demo").wait_for("3. The consumers start", timeout_s=DEMO_S)
    wait_until(lambda: consumers_that_work(stage) == len(HOUSEHOLDS), "consumers that start")
    folders = demo_folders(stage)
    finished = script.press_ctrl_c().finish()
    finished.tells_no_internals()
    assert finished.status == 130
    assert not stage.survivors()
    assert folders
    assert not [folder for folder in folders if folder.exists()]


def table(printed):
    """Return the cells of the merit order's rows, without the bids' ids."""
    rows = [re.split(r"\s*│\s*", line)[2:-1] for line in printed if re.search(r"│ +\d+ │", line)]
    return [[row[0], *row[2:]] for row in rows]
