"""Two consumers with one account, on machines that share nothing: one bid, whoever is first."""

from itertools import count, permutations

import pytest
import requests
from web3 import Web3

from market.contract import DemandReduction
from market.desk import PURPOSE
from market.progress import State
from market.signer import KeySigner
from market.store import Outcome, load_results
from market.transactions import Sender
from tests.roles.conftest import SENDING, Line, run_while


@pytest.fixture
def wallet(town):
    return town.wallet(10**19)


@pytest.fixture
def consumers(town, chain_url, wallet):
    """Two consumers, each with its own files and its own line to the node."""

    def started(name):
        web3 = Web3(Line(chain_url))
        market = DemandReduction(web3, town.market.address)
        return town.consumer(name, Sender(web3, KeySigner(wallet)), market)

    return started("here"), started("there")


def calm(town, consumers):
    """Let both look at the chain until there is nothing left to do."""
    town.mine()
    for consumer in consumers:
        consumer.step()
        while consumer.problem or State.SENT in (r.state for r in consumer.desk.rounds.values()):
            consumer.step()


def check(town, consumers, wallet, request_id, before):
    assert len(town.market.bids(request_id)) == 1
    assert town.web3.eth.get_transaction_count(wallet.address) == before + 1
    assert [consumer.problem for consumer in consumers] == [None, None]
    assert all(request_id in consumer.desk.rounds for consumer in consumers)


@pytest.mark.parametrize(("mined_at_once", "first"), [(True, 0), (False, 1)])
def test_step__the_other_bids_between_two_requests__there_is_one_bid(
    town, consumers, wallet, mined_at_once, first
):
    here, there = consumers
    for number in count(first, 2):
        before = town.web3.eth.get_transaction_count(wallet.address)
        request_id = town.request()
        town.rpc("evm_setAutomine", mined_at_once)
        met = run_while(here, there.step, number)
        town.rpc("evm_setAutomine", True)
        calm(town, consumers)
        check(town, consumers, wallet, request_id, before)
        town.market.cancel_request(town.utility.sender, request_id)
        calm(town, consumers)
        if not met:
            break
    assert number > 10


# Those that begin with B are the same with the names exchanged.
ORDERS = sorted({"A" + "".join(order) for order in permutations("ABBM") if order[-1] != "M"})


def test_step__in_every_order__there_is_one_bid(town, consumers, wallet):
    acts = {"A": consumers[0].step, "B": consumers[1].step, "M": town.mine}
    for order in ORDERS:
        before = town.web3.eth.get_transaction_count(wallet.address)
        request_id = town.request()
        with town.still():
            for act in order:
                acts[act]()
            calm(town, consumers)
        check(town, consumers, wallet, request_id, before)
        town.market.cancel_request(town.utility.sender, request_id)
        calm(town, consumers)


def test_step__settled__both_report_it(town, consumers):
    request_id = town.request()
    calm(town, consumers)
    town.settle(request_id)
    calm(town, consumers)
    for consumer in consumers:
        results = load_results(consumer.desk.results_file)
        assert (results.request_id, results.status) == (request_id, Outcome.WON)
        assert results.results[0].device == "heat pump"


def test_consumer__withdrawal_that_a_command_has_left__is_urged_on_and_bids_follow(town, wallet):
    sender = Sender(town.web3, KeySigner(wallet), replace_s=0)
    consumer = town.consumer("left", sender)
    request_id = town.request()
    with town.still():
        left = sender.launch(sender.prepare(town.call("register")), "register")
        town.rpc("anvil_dropAllTransactions")
        consumer.step()
        assert "waiting for it" in consumer.problem
        town.mine()
        assert sender.look(left)
    calm(town, [consumer])
    assert len(town.market.bids(request_id)) == 1


def test_consumer__payment_of_a_command_was_never_sent__is_dropped_and_bids_follow(
    town, wallet, chain_url
):
    line = Line(chain_url)
    command = town.consumer("shared", Sender(Web3(line), KeySigner(wallet))).desk.sender
    payment = command.prepare(town.call("register"))
    payment.fields["value"] = 1
    line.before = cut_off_when_sending
    command.launch(payment, "request_reduction")
    sender = Sender(town.web3, KeySigner(wallet))
    consumer, request_id = town.consumer("shared", sender), town.request()
    calm(town, [consumer])
    assert len(town.market.bids(request_id)) == 1
    assert [flight.purpose for flight in command.journal.flights(wallet.address)] == [PURPOSE]


def cut_off_when_sending(method):
    if method in SENDING:
        raise requests.ConnectionError
