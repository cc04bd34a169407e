"""Nothing that happens to a device or a node loses a round, or bids or pays twice."""

import pytest
import requests
from eth_account import Account
from web3 import HTTPProvider, Web3

from market.bids import Offer
from market.contract import DemandReduction
from market.errors import MarketError
from market.model import BOOKS, Status
from market.node import NodeUnavailableError
from market.signer import KeySigner
from market.store import Outcome, load_results
from market.transactions import Sender
from tests.roles.conftest import ALICE, BOB, HEAT_PUMP


def step_until_quiet(consumer):
    """Step as often as it takes to get over a node that is away for a moment."""
    for _ in range(3):
        try:
            consumer.step()
        except NodeUnavailableError:
            continue


def outcome(consumer):
    results = load_results(consumer.desk.results_file)
    return results.request_id, results.status, results.total_energy_wh


@pytest.mark.parametrize(("remembers", "told"), [(True, []), (False, ["already_bid"])])
def test_consumer__restarted_in_an_open_request__does_not_bid_again(town, remembers, told):
    request_id = town.request()
    town.consumer(remembers=remembers).step()
    again = town.consumer(remembers=remembers)
    again.step()
    assert len(town.market.bids(request_id)) == 1
    assert again.desk.report.names() == told


@pytest.mark.parametrize("paid", [False, True])
def test_consumer__restarted_after_gate_closure__still_reports_its_outcome(town, paid):
    request_id = town.request()
    town.consumer().step()
    town.close_gate()
    if paid:
        list(town.utility.finish(request_id))
    again = town.consumer()
    again.step()
    if not paid:
        list(town.utility.finish(request_id))
        again.step()
    assert outcome(again) == (request_id, Outcome.WON, HEAT_PUMP.energy_wh)
    assert load_results(again.desk.results_file).results[0].device == "heat pump"


def test_consumer__outcome_reported_before_the_restart__is_not_reported_again(town):
    request_id = town.request()
    consumer = town.consumer()
    consumer.step()
    town.settle(request_id)
    consumer.step()
    again = town.consumer()
    again.step()
    assert again.desk.report.names() == []


def test_consumer__away_while_its_book_was_used_again__reports_and_goes_on(town):
    consumer = town.consumer()
    first = town.request()
    consumer.step()
    for request_id in [first, *(town.request() for _ in range(BOOKS - 1))]:
        town.settle(request_id)
    newest = town.request()
    consumer.step()
    assert outcome(consumer) == (first, Outcome.WON, HEAT_PUMP.energy_wh)
    town.settle(newest)
    consumer.step()
    assert outcome(consumer) == (newest, Outcome.WON, HEAT_PUMP.energy_wh)
    assert consumer.desk.report.problems() == []


@pytest.mark.parametrize("remembers", [True, False])
def test_consumer__bid_still_on_its_way_after_a_restart__is_not_sent_twice(town, remembers):
    sender = Sender(town.web3, KeySigner(funded_wallet(town)))
    request_id = town.request()
    town.rpc("evm_setAutomine", False)
    town.consumer("key", sender, remembers=remembers).step()

    again = town.consumer("key", Sender(town.web3, sender.signer), remembers=remembers)
    again.step()
    again.step()
    problems = again.desk.report.problems()
    assert len(problems) == (0 if remembers else 1)
    assert all("not in a block yet: waiting for it" in problem for problem in problems)
    town.rpc("evm_setAutomine", True)
    town.mine()
    again.step()
    assert len(town.market.bids(request_id)) == 1
    assert again.desk.report.names()[-1] == ("bids_submitted" if remembers else "already_bid")


class ForgetfulProvider(HTTPProvider):
    """Hands transactions over, and then loses the node's answer."""

    def make_request(self, method, params):
        answer = super().make_request(method, params)
        if method == "eth_sendRawTransaction":
            raise requests.exceptions.ReadTimeout
        return answer


def test_consumer__answer_of_the_node_lost__bids_once(town, chain_url):
    web3 = Web3(ForgetfulProvider(chain_url, exception_retry_configuration=None))
    market = DemandReduction(web3, town.market.address)
    consumer = town.consumer("lost", Sender(web3, KeySigner(funded_wallet(town))), market)
    request_id = town.request()
    step_until_quiet(consumer)
    assert len(town.market.bids(request_id)) == 1
    town.settle(request_id)
    consumer.step()
    assert outcome(consumer) == (request_id, Outcome.WON, HEAT_PUMP.energy_wh)


def test_consumer__results_cannot_be_written__tells_the_outcome_and_bids_on(town):
    consumer = town.consumer(confirmations=2)
    first = town.request()
    consumer.step()
    consumer.desk.results_file.mkdir()
    town.settle(first)
    second = town.request()
    consumer.step()
    consumer.step()
    assert len(town.market.bids(second)) == 1
    assert consumer.desk.report.names().count("request_ended") == 1
    (problem,) = consumer.desk.report.problems()
    assert "results.json cannot be written" in problem
    assert consumer.problem == problem
    for _ in range(2):
        town.mine()
    consumer.step()
    assert consumer.desk.report.names().count("result_final") == 1
    consumer.desk.results_file.rmdir()
    consumer.step()
    assert outcome(consumer)[0] == first
    assert load_results(consumer.desk.results_file).final
    assert consumer.problem is None


def test_consumer__many_outcomes_that_cannot_be_written__asks_the_node_nothing_more(town):
    consumer, asked = town.consumer(), []
    consumer.desk.results_file.mkdir()
    for _ in range(3):
        request_id = town.request()
        consumer.step()
        town.settle(request_id)
        consumer.step()
    assert consumer.desk.report.names().count("request_ended") == 3
    consumer.step()
    town.web3.provider.before = asked.append
    consumer.step()
    assert len(asked) == 1


def test_consumer__outcome_undone_and_the_file_stays__is_told_once(town):
    consumer = town.consumer(confirmations=9)
    request_id = town.request()
    consumer.step()
    town.close_gate()
    closed = town.web3.eth.block_number
    list(town.utility.finish(request_id))
    consumer.step()
    consumer.desk.results_file.unlink()
    consumer.desk.results_file.mkdir()
    town.reorganise(town.web3.eth.block_number - closed)
    for _ in range(3):
        town.mine()
        consumer.step()
    assert consumer.desk.report.names().count("outcome_undone") == 1
    (problem,) = consumer.desk.report.problems()
    assert "results.json cannot be removed" in problem


def test_finish__payee_that_is_tame_while_estimated__is_credited_and_others_are_paid(town):
    request_id = town.request()
    slices = [Offer(50, HEAT_PUMP.price_wei_per_wh)] * 60
    town.consumer(ALICE, offers=slices).step()
    town.consumer(BOB).step()
    town.close_gate()
    alice = town.web3.eth.accounts[ALICE]
    # JUMPDEST loop, left only where the gas price is 0, as it is in an estimate.
    town.rpc("anvil_setCode", alice, "0x3a156009575b6005565b00")
    list(town.utility.finish(request_id))
    request = town.market.request(request_id)
    town.rpc("anvil_setCode", alice, "0x")
    assert request.status == Status.SETTLED
    assert request.deferred_wei == 3000 * HEAT_PUMP.price_wei_per_wh
    assert request.paid_wei == 2000 * HEAT_PUMP.price_wei_per_wh
    assert request.escrow_wei == request.paid_wei + request.deferred_wei + request.refunded_wei
    town.market.withdraw(town.sender(ALICE))
    assert town.market.deferred_wei(alice) == 0


def test_finish__by_somebody_else__settles_the_round(town):
    request_id = town.request()
    town.consumer().step()
    town.close_gate()
    town.market.select_winners(town.sender(BOB), request_id)
    list(town.utility.finish(request_id))
    assert town.market.request(request_id).status == Status.SETTLED


def test_sender__value_above_the_balance__says_what_is_held(town):
    poor = Sender(town.web3, KeySigner(Account.create()))
    with pytest.raises(MarketError, match=r"holds 0.0 ETH, and the fee is more than that"):
        town.market.register(poor)


def funded_wallet(town):
    wallet = Account.create()
    value = {"from": town.web3.eth.accounts[9], "to": wallet.address, "value": 10**18}
    town.web3.eth.wait_for_transaction_receipt(town.web3.eth.send_transaction(value))
    return wallet
