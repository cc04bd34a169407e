"""A round by hand: the contract is deployed, consumers wait, the utility asks again and again."""

import json
import os
from stat import S_IMODE
from types import SimpleNamespace

import pytest

from market.bids import Offer
from market.contract import DemandReduction
from market.model import Status
from market.settings import load_settings
from market.store import Outcome, PaymentState
from tests.scripts.chain import wait_until
from tests.scripts.processes import ROOT
from tests.scripts.stage import WAITING, Household, Stage

HEAT_PUMP = Offer(2000, 2 * 10**12, "heat pump")
OVEN = Offer(1000, 3 * 10**12, "oven")
CHARGER = Offer(4000, 25 * 10**11, "charger")
SAUNA = Offer(4000, 5 * 10**12, "sauna")


@pytest.fixture(scope="module")
def town(tmp_path_factory, home, chain):
    """A contract deployed by its script, and two households whose consumers wait."""
    stage = Stage(tmp_path_factory.mktemp("town"), home, LOCAL_RPC_URL=chain.url)
    households = Household(stage, 1, HEAT_PUMP, OVEN), Household(stage, 2, CHARGER)
    deployed = stage.start("deploy").finish().succeeded()
    market = DemandReduction(chain.web3, load_settings(stage.env_file).require_contract())
    consumers = [household.start() for household in households]
    for consumer in consumers:
        consumer.wait_for(WAITING)
    yield SimpleNamespace(
        stage=stage, market=market, deployed=deployed, households=households, consumers=consumers
    )
    stage.close()


@pytest.fixture
def answered(chain, town):
    """Open a request, and return its id once both households have bid."""
    town.households[0].offer(HEAT_PUMP, OVEN)
    town.households[1].offer(CHARGER)

    def answered(**terms):
        request_id = chain.request(town.market, **terms)
        wait_for_both(chain, town.market, request_id)
        return request_id

    yield answered
    for request in town.market.unfinished():
        chain.settle(town.market, request.request_id)


@pytest.fixture
def settled(chain, town, answered):
    """Play a round, and return its id once every household has its results."""

    def settled(**terms):
        request_id = answered(**terms)
        chain.settle(town.market, request_id)
        for household in town.households:
            household.wait_for_results(request_id)
        return request_id

    return settled


def wait_for_both(chain, market, request_id):
    wait_until(lambda: {1, 2} <= {*chain.bidders(market, request_id)}, "bids of both")


def close_gate_after_both(chain, market):
    """Let the newest request's time be over once both households have bid; return its id."""
    request_id = market.request_count()
    wait_for_both(chain, market, request_id)
    chain.close_gate(market, request_id)
    return request_id


def assert_paid_by_the_rule(chain, market, households, request_id):
    for household in households:
        expected = chain.due(market, request_id, chain.accounts[household.account])
        assert household.wait_for_results(request_id).won() == expected
        assert household.results().status == (Outcome.WON if expected else Outcome.LOST)


# deploy.py


def test_deploy__no_env_file__made_from_the_template(town):
    template = (ROOT / ".env.template").read_text("utf-8")
    address = f"CONTRACT_ADDRESS={town.market.address}"
    written = town.stage.env_file.read_text("utf-8")
    assert written == template.replace("CONTRACT_ADDRESS=", address, 1)
    assert S_IMODE(town.stage.env_file.stat().st_mode) == 0o600


def test_deploy__done__says_where_and_what_it_cost(town):
    for words in (town.market.address, "access OPEN", "gas", "is written into .env"):
        assert words in town.deployed.out


@pytest.mark.parametrize("access", ["registered", "APPROVED"])
def test_deploy__env_file_there__only_the_address_is_changed(run, chain, stage, access):
    stage.env_file.write_text(f"# mine\r\nACCESS={access}\nCONTRACT_ADDRESS=0x12 # old\nX='a #'\n")
    run("deploy").succeeded()
    market = DemandReduction(chain.web3, load_settings(stage.env_file).require_contract())
    assert market.access().name == access.upper()
    assert stage.env_file.read_bytes().decode() == (
        f"# mine\r\nACCESS={access}\nCONTRACT_ADDRESS={market.address} # old\nX='a #'\n"
    )


# A round


def test_utility_main__answers_at_the_terminal__winners_are_paid_by_the_rule(chain, town):
    utility = town.stage.start("utility", terminal=True).wait_for("Reduction (kWh)")
    utility.type("5").wait_for("Highest price").type("0.004").wait_for("Bidding time").type("600")
    utility.wait_for("Send the request?").type("y").wait_for("Gate closes in")
    request_id = close_gate_after_both(chain, town.market)
    finished = utility.finish().succeeded().tells_no_internals()
    assert f"Merit order of request {request_id}" in finished.out
    assert_paid_by_the_rule(chain, town.market, town.households, request_id)


def test_utility_request__right_afterwards__same_consumers_answer(chain, town):
    before = chain.ether_wei(town.market)
    utility = town.stage.start("utility", "request", "5", "0.004", "600").wait_for("is open")
    request_id = close_gate_after_both(chain, town.market)
    finished = utility.finish().succeeded()
    request = town.market.request(request_id)
    assert_paid_by_the_rule(chain, town.market, town.households, request.request_id)
    assert request.status == Status.SETTLED
    assert request.escrow_wei == request.paid_wei + request.deferred_wei + request.refunded_wei
    assert chain.ether_wei(town.market) == before
    assert "All winners are paid" in finished.out


def test_consumer__round_is_over__says_what_was_won_and_paid(town, settled):
    request_id = settled()
    town.consumers[0].wait_for(f"Request {request_id} ended").wait_for("Won (heat pump): 2.0")


def test_consumer__results_file__in_peoples_units(town, settled):
    settled()
    written = json.loads(town.households[0].results_file.read_text("utf-8"))
    assert [(r["Energy"], r["Price"]) for r in written["results"]] == [("2.0", "0.0025")]


def test_consumer__next_round__results_file_is_replaced_not_rewritten(town, settled):
    settled()
    file = town.households[0].results_file
    kept, before = file.with_name("kept.json"), file.read_bytes()
    os.link(file, kept)
    settled()
    assert kept.read_bytes() == before
    assert file.read_bytes() != before
    # Its status is just being replaced, maybe.
    wait_until(lambda: not [*file.parent.glob("*.tmp")], "no half-written file")
    kept.unlink()


def test_consumer__bids_file_changed__next_request_gets_the_new_bids(chain, town, answered):
    town.households[0].offer(Offer(1500, 10**12))
    request_id = answered()
    bids = town.market.bids(request_id)
    (bid,) = [bid for bid in bids if bid.consumer == chain.accounts[1]]
    assert (bid.energy_wh, bid.price_level) == (1500, 250)


def test_consumer__bids_file_broken__last_good_bids_and_one_line(chain, town, answered):
    answered()
    town.households[0].write_bids('{"energy": [')
    request_id = answered()
    assert chain.bidders(town.market, request_id).count(1) == 2
    lines = town.consumers[0].wait_for("not JSON").out.splitlines()
    (line,) = [line for line in lines if "not JSON" in line]
    assert "The bids read before are used" in line


def test_consumer__price_above_the_maximum__says_so_and_goes_on(chain, town, answered):
    town.households[1].offer(SAUNA)
    request_id = chain.request(town.market)
    refused = town.consumers[1].wait_for("Not sent (sauna): it asks 0.005 ETH/kWh")
    assert "at most 0.004 ETH/kWh" in refused.out
    chain.settle(town.market, request_id)
    assert town.households[1].wait_for_results(request_id).results().status == Outcome.NO_BIDS


def test_consumer__too_little_ether_for_the_fee__says_so_once_and_goes_on(chain, town, answered):
    with chain.balance(2, 1000):
        request_id = chain.request(town.market)
        town.consumers[1].wait_for("the fee is more than that: send Ether to it")
    wait_until(lambda: 2 in chain.bidders(town.market, request_id), "a bid once there is Ether")
    assert town.consumers[1].out.count("the fee is more than that") == 1


def test_consumer__payment_cannot_be_pushed__results_say_that_it_waits(chain, town, answered):
    request_id = answered()
    with chain.refusing_ether(2):
        chain.settle(town.market, request_id)
    (result,) = town.households[1].wait_for_results(request_id).results().results
    assert result.payment_state == PaymentState.DEFERRED
    town.consumers[1].wait_for("waits in the contract")


def test_consumer__request_cancelled__says_so(chain, town, answered):
    request_id = answered()
    chain.call(town.market, "cancel_request", request_id)
    town.consumers[0].wait_for("cancelled it")
    assert town.households[0].wait_for_results(request_id).results().status == Outcome.CANCELLED


def test_consumer__started_late_and_killed__bids_once(chain, town, stage):
    stage.use(town.market)
    household = Household(stage, 3, HEAT_PUMP)
    request_id = chain.request(town.market)
    first = household.start().wait_for("Bid (heat pump)")
    first.kill()
    household.start().wait_for(WAITING)
    chain.settle(town.market, request_id)
    household.wait_for_results(request_id)
    assert chain.bidders(town.market, request_id).count(3) == 1
    assert_paid_by_the_rule(chain, town.market, [household], request_id)
    assert household.results().results[0].device == "heat pump"


# utility.py finish


def test_utility_finish__gates_closed_long_ago__every_request_is_settled(
    run, chain, stage, town, answered
):
    requests = [answered(), answered()]
    stage.use(town.market)
    chain.close_gate(town.market, requests[1])
    finished = run("utility", function="finish").succeeded()
    for request_id in requests:
        assert f"Merit order of request {request_id}" in finished.out
        town.consumers[0].wait_for(f"Request {request_id} ended")
    assert not town.market.unfinished()


def test_utility_finish__gate_open__leaves_it_open(run, chain, stage, town, answered):
    request_id = answered()
    stage.use(town.market)
    assert "No request waits" in run("utility", function="finish").succeeded().out
    assert town.market.request(request_id).status == Status.BIDDING
