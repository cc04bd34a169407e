"""Every script against Hardhat's node as a live network, with accounts in a keystore.

Blocks come once a second and not when somebody sends something: what works here does not lean on
how Anvil behaves.
"""

from types import SimpleNamespace

import pytest

from market.bids import Offer
from market.clearing import Access
from market.contract import DemandReduction
from market.model import Standing, Status
from market.store import Outcome, PaymentState
from tests.scripts.chain import Chain, wait_until
from tests.scripts.stage import WAITING, Household

HEAT_PUMP = Offer(2000, 2 * 10**12, "heat pump")
OVEN = Offer(1000, 3 * 10**12, "oven")


@pytest.fixture(scope="module")
def household(stage, approved):
    """A consumer that waits, started as people start it."""
    household = Household(stage, None, HEAT_PUMP, OVEN)
    consumer = household.start("main", "remote").wait_for(WAITING)
    return SimpleNamespace(file=household, consumer=consumer)


@pytest.fixture(scope="module")
def settled(hardhat, stage, market, household):
    """What the utility's script printed of a round that it carried through."""
    utility = stage.start("utility", "request", "2.5", "0.004", "600", "remote")
    utility.wait_for("is open")
    wait_until(lambda: len(market.bids(1)) == 2, "the consumer's bids")
    hardhat.close_gate(market, 1)
    printed = utility.finish(90).succeeded().tells_no_internals()
    household.file.wait_for_results(1)
    return printed


def assert_accounted_for(hardhat: Chain, market: DemandReduction, request_id: int, waiting_wei=0):
    request = market.request(request_id)
    assert request.escrow_wei == request.paid_wei + request.deferred_wei + request.refunded_wei
    assert hardhat.web3.eth.get_balance(market.address) == waiting_wei


def test_deploy__keystore_account__is_the_utility(people, market):
    assert market.owner() == people.utility
    assert market.access() == Access.APPROVED


def test_register__approval_needed__says_so(people, approved):
    registered, _ = approved
    registered.refused_with("the utility must approve it first")


def test_approve__registered_consumer__may_bid(people, approved, market):
    assert "1 approved" in approved[1].out
    assert market.is_allowed(people.consumer)


def test_request__consumer_waits__round_is_settled_by_the_rule(
    people, hardhat, market, household, settled
):
    assert market.request(1).status == Status.SETTLED
    assert household.file.results().status == Outcome.WON
    assert household.file.won() == hardhat.due(market, 1, people.consumer)
    assert [bid.consumer for bid in market.bids(1)] == [people.consumer] * 2
    assert_accounted_for(hardhat, market, 1)


def test_utility__questions_answered_at_a_terminal__round_is_settled_by_the_rule(
    hardhat, stage, people, market, household, settled
):
    request_id = market.request_count() + 1
    utility = stage.start("utility", "main", "remote", terminal=True).wait_for("Reduction (kWh)")
    utility.type("2.5").wait_for("Highest price (ETH/kWh)").type("0.004")
    utility.wait_for("Bidding time (s)").type("600").wait_for("Send the request?").type("y")
    wait_until(lambda: len(market.bids(request_id)) == 2, "the consumer's bids")
    hardhat.close_gate(market, request_id)
    utility.wait_for("Merit order", timeout_s=90)
    household.file.wait_for_results(request_id)
    assert household.file.won() == hardhat.due(market, request_id, people.consumer)
    assert_accounted_for(hardhat, market, request_id)
    utility.finish(90).succeeded()


def test_cancel__request_open__consumer_is_told(
    hardhat, stage, run, people, market, household, settled
):
    request_id = open_request(hardhat, stage, market, people)
    run("utility", str(request_id), function="cancel").succeeded()
    household.file.wait_for_results(request_id)
    assert household.file.results().status == Outcome.CANCELLED
    assert_accounted_for(hardhat, market, request_id)


def test_finish__utility_was_killed__settles_and_what_is_refused_can_be_withdrawn(
    hardhat, stage, run, people, market, household, settled, refusing
):
    request_id = open_request(hardhat, stage, market, people)
    hardhat.close_gate(market, request_id)
    refusing.start(people.consumer)
    run("utility", function="finish").succeeded()
    refusing.end()
    household.file.wait_for_results(request_id)
    states = {result.payment_state for result in household.file.results().results}
    assert states == {PaymentState.DEFERRED}
    assert_accounted_for(hardhat, market, request_id, market.request(request_id).deferred_wei)
    run("consumer", function="withdraw").succeeded()
    run("utility", function="withdraw").succeeded()
    assert hardhat.web3.eth.get_balance(market.address) == 0


def test_revoke__approved_consumer__may_bid_no_longer(run, people, market, household, settled):
    run("utility", people.consumer, function="revoke").succeeded()
    assert market.standing(people.consumer) == Standing.REVOKED


def open_request(hardhat, stage, market, people):
    """Have the utility's script open a request, kill it once the consumer has bid."""
    request_id = market.request_count() + 1
    script = stage.start("utility", "request", "2.5", "0.004", "600", "remote")
    script.wait_for(f"Request {request_id} is open")
    wait_until(lambda: len(market.bids(request_id)) == 2, "the consumer's bids")
    script.kill()
    return request_id
