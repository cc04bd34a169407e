"""A utility killed or cut off at any instant finishes its rounds, and never pays for one twice."""

from itertools import count
from random import Random

import pytest
import requests
from web3 import Web3

from market.clearing import Access
from market.contract import DemandReduction, deploy
from market.errors import MarketError
from market.memory import Memory
from market.model import Status, Terms
from market.node import NodeUnavailableError, chain_name
from market.signer import KeySigner
from market.transactions import BusyError, Sender
from market.utility import Utility
from tests.roles.conftest import ALICE, BIDDING_S, BOB, GWEI, Line

TERMS = Terms(5000, 4 * GWEI, BIDDING_S)


class Killed(BaseException):
    """The process has ended here."""


class Office:
    """A utility with a key and a contract of its own, whose program may be killed."""

    def __init__(self, town, url):
        self.town, self.url = town, url
        self.signer = KeySigner(town.wallet(10**21))
        self.address, _ = deploy(Sender(town.web3, self.signer), Access.OPEN)
        self.market = DemandReduction(town.web3, self.address)
        self.file = town.folder / f"{self.address}.sqlite3"

    def start(self, *, lose=False):
        """Return the program as it is after a start."""
        for file in self.file.parent.glob(f"{self.file.name}*") if lose else ():
            file.unlink()
        self.line = Line(self.url)
        web3 = Web3(self.line)
        memory = Memory(self.file, chain_name(web3), self.address, self.signer.address)
        sender = Sender(web3, self.signer, memory)
        self.told = []
        return Utility(
            DemandReduction(web3, self.address),
            sender,
            poll_seconds=0,
            wait=self.town.mine,
            tell=lambda problem: self.told.append(str(problem)),
        )

    def kill_at(self, number):
        """Have the program end just before the request of this number to the node."""
        numbers = count()

        def before(_method):
            if next(numbers) == number:
                raise Killed

        self.line.before = before

    def escrow_wei(self):
        return self.town.web3.eth.get_balance(self.address)


@pytest.fixture
def office(town, chain_url):
    return Office(town, chain_url)


# The request


@pytest.mark.parametrize(("lose", "first"), [(False, 0), (True, 1)])
def test_request__killed_before_a_request_to_the_node__is_made_once(office, lose, first):
    for number in count(first, 2):
        utility = office.start()
        office.kill_at(number)
        before = office.market.request_count()
        try:
            utility.request(TERMS)
        except Killed:
            utility = office.start(lose=lose)
            going_on = utility.resume()
            if not going_on and not utility.waiting():
                utility.request(TERMS)
            killed = True
        else:
            killed = False
        office.line.before = lambda _: None
        (request,) = utility.waiting()
        assert request.request_id == before + 1
        assert office.escrow_wei() == TERMS.escrow_wei
        office.market.cancel_request(utility.sender, request.request_id)
        if not killed:
            break
    assert number > 5


@pytest.mark.parametrize("mined", ["before", "after"])
def test_resume__request_on_its_way_when_killed__goes_on_with_it(town, office, mined):
    utility = office.start()
    with town.still():
        office.line.before = kill_when_asked_for_a_receipt
        with pytest.raises(Killed):
            utility.request(TERMS)
        if mined == "before":
            town.mine()
        utility = office.start()
        if mined == "after":
            office.line.before = lambda method: method == "eth_getTransactionCount" and town.mine()
        request = utility.resume()
    assert (request.request_id, request.status) == (1, Status.BIDDING)
    assert utility.resume() is None
    assert office.escrow_wei() == TERMS.escrow_wei


def kill_when_asked_for_a_receipt(method):
    if method == "eth_getTransactionReceipt":
        raise Killed


def test_request__on_its_way_and_the_memory_lost__is_not_made_again(town, office):
    utility = office.start()
    with town.still():
        office.line.before = kill_when_asked_for_a_receipt
        with pytest.raises(Killed):
            utility.request(TERMS)
        utility = office.start(lose=True)
        assert utility.resume() is None
        with pytest.raises(BusyError):
            utility.request(TERMS)
        town.mine()
    assert [request.request_id for request in utility.waiting()] == [1]


def test_resume__another_transaction_took_its_place__is_none(town, office):
    utility = office.start()
    with town.still():
        office.line.before = kill_when_asked_for_a_receipt
        with pytest.raises(Killed):
            utility.request(TERMS)
        town.rpc("anvil_dropAllTransactions")
    office.market.approve(Sender(town.web3, office.signer), [office.signer.address])
    utility = office.start()
    assert utility.resume() is None
    assert utility.sender.journal.flights(office.signer.address) == []
    assert utility.request(TERMS).request_id == 1


def test_resume__nothing_was_on_its_way__is_none(office):
    utility = office.start()
    assert utility.resume() is None
    utility.request(TERMS)
    assert utility.resume() is None
    assert office.start().resume() is None


def test_waiting__requests_of_all_kinds__are_those_that_are_not_finished(town, office):
    utility = office.start()
    ids = [utility.request(TERMS).request_id for _ in range(4)]
    office.market.cancel_request(utility.sender, ids[0])
    town.close_gate()
    list(utility.finish(ids[1]))
    assert [request.request_id for request in utility.waiting()] == ids[2:]
    assert town.utility.waiting() == []


# Its end


def bid(town, office, request_id):
    for account in (ALICE, BOB):
        office.market.submit_bids(town.sender(account), request_id, [(2000, 400 + account)])


def check_settled(town, office, request_id):
    request = office.market.request(request_id)
    assert request.status == Status.SETTLED
    assert request.energy_wh == 4000
    assert request.paid_wei == 4000 * 402 * TERMS.price_step_wei
    assert request.escrow_wei == request.paid_wei + request.refunded_wei
    assert len(office.market.payments(request)) == 2


@pytest.mark.parametrize(("lose", "first"), [(False, 0), (True, 2)])
def test_finish__killed_before_a_request_to_the_node__each_winner_is_paid_once(
    town, office, lose, first
):
    utility = office.start()
    request_id = utility.request(TERMS).request_id
    bid(town, office, request_id)
    town.close_gate()
    snapshot = town.rpc("evm_snapshot")
    for number in count(first, 4):
        office.kill_at(number)
        try:
            list(utility.finish(request_id))
            killed = False
        except Killed:
            killed = True
            utility = office.start(lose=lose)
            for waiting in utility.waiting():
                list(utility.finish(waiting.request_id))
        check_settled(town, office, request_id)
        town.rpc("evm_revert", snapshot)
        snapshot = town.rpc("evm_snapshot")
        utility = office.start(lose=True)
        if not killed:
            break
    assert number > 10


def test_finish__node_fails_now_and_then__round_is_settled(town, office):
    utility = office.start()
    request_id = utility.request(TERMS).request_id
    bid(town, office, request_id)
    town.close_gate()
    office.line.before = failing_now_and_then()
    states = [request.status for request in utility.finish(request_id)]
    settled = utility.round(request_id)
    assert states[-1] == Status.SETTLED
    assert len(settled.bids) == len(settled.payments) == 2
    assert office.told
    check_settled(town, office, request_id)


def failing_now_and_then():
    dice = Random(3)

    def before(_method):
        if dice.random() < 0.15:
            raise requests.ConnectionError

    return before


def test_finish__node_away_for_long__is_told_once(town, office):
    utility = office.start()
    request_id = utility.request(TERMS).request_id
    town.close_gate()
    left = iter(range(20))

    def before(_method):
        if next(left, None) is not None:
            raise requests.ConnectionError

    office.line.before = before
    list(utility.finish(request_id))
    assert len(office.told) == 1
    assert office.market.request(request_id).status == Status.SETTLED


def test_until_gate_closure__node_fails_now_and_then__counts_on(town, office):
    utility = office.start()
    request_id = utility.request(TERMS).request_id
    bid(town, office, request_id)
    office.line.before = failing_now_and_then()
    utility.wait = lambda _: (town.rpc("evm_increaseTime", BIDDING_S // 10), town.mine())
    standings = [*utility.until_gate_closure(request_id)]
    left_s = [standing.seconds_left for standing in standings]
    assert 3 < len(left_s) <= 10
    assert left_s == sorted(left_s, reverse=True)
    assert {standing.quote.offered_wh for standing in standings} == {4000}


def test_request__node_away__is_an_error_and_nothing_is_sent(office):
    utility = office.start()

    def before(_method):
        raise requests.ConnectionError

    office.line.before = before
    with pytest.raises(NodeUnavailableError):
        utility.request(TERMS)
    assert isinstance(NodeUnavailableError(), MarketError)
    assert office.start().resume() is None
    assert office.market.request_count() == 0
