"""What a consumer remembers only saves work: without it, no bid is sent twice, no outcome lost."""

import pytest

from market.model import BOOKS, Terms
from market.signer import KeySigner
from market.store import Outcome, load_results
from market.transactions import Sender
from tests.roles.conftest import BIDDING_S, GWEI, HEAT_PUMP

CONFIRMATIONS = 1


class Life:
    """A consumer through one round, that may be killed and lose its memory after every act."""

    def __init__(self, town, name):
        self.town, self.name = town, name
        self.signer = KeySigner(town.wallet())
        self.steps = [town.request, town.close_gate, self.select, self.pay, town.mine]
        self.ended = []
        self.start()

    def start(self):
        sender = Sender(self.town.web3, self.signer)
        self.consumer = self.town.consumer(self.name, sender, confirmations=CONFIRMATIONS)

    def kill(self, *, lose):
        self.ended += [t[1] for t in self.consumer.desk.report.told if t[0] == "request_ended"]
        self.consumer.desk.memory.close()
        for file in (self.town.folder / self.name).glob("market.sqlite3*") if lose else ():
            file.unlink()
        self.start()

    def select(self):
        self.town.market.select_winners(self.town.utility.sender, self.newest())

    def pay(self):
        list(self.town.utility.finish(self.newest()))

    def newest(self):
        return self.town.market.request_count()


@pytest.mark.parametrize(("lose", "cuts"), [(True, range(11)), (False, range(1, 11, 3))])
def test_round__killed_between_any_two_acts__is_bid_in_once_and_reported(town, lose, cuts):
    for cut in cuts:
        life = Life(town, f"cut-{cut}")
        acts = [act for step in life.steps for act in (step, None)]
        for number, act in enumerate([*acts, None]):
            if number == cut:
                life.kill(lose=lose)
            # A consumer that was started anew is another object.
            (act or life.consumer.step)()
        town.mine()
        life.consumer.step()
        life.kill(lose=False)
        results = load_results(life.consumer.desk.results_file)
        assert len(town.market.bids(life.newest())) == 1, cut
        assert results.final, cut
        assert results.total_energy_wh == HEAT_PUMP.energy_wh
        assert [won.device for won in results.results] == [HEAT_PUMP.device]
        assert {ended.request_id for ended in life.ended} == {life.newest()}
        assert lose or len(life.ended) == 1, cut


@pytest.mark.parametrize("lose", [True, False], ids=["lost", "kept"])
def test_round__killed_while_the_bids_wait__are_there_once(town, lose):
    life = Life(town, "waiting")
    request_id = town.request()
    with town.still():
        life.consumer.step()
        life.kill(lose=lose)
        life.consumer.step()
        town.mine()
        life.consumer.step()
    assert len(town.market.bids(request_id)) == 1
    assert town.web3.eth.get_transaction_count(life.signer.address) == 1


def pass_by(town, requests):
    """Have so many requests come and go."""
    for _ in range(requests):
        request_id = town.utility.request(Terms(1000, 4 * GWEI, BIDDING_S)).request_id
        town.market.cancel_request(town.utility.sender, request_id)


@pytest.mark.parametrize("lose", [True, False], ids=["lost", "kept"])
def test_away__while_more_requests_than_books_passed__reports_what_it_won(town, lose):
    life = Life(town, "away")
    first = town.request()
    life.consumer.step()
    town.settle(first)
    life.consumer.step()
    town.mine()
    life.consumer.step()
    second = town.request()
    life.consumer.step()
    life.kill(lose=False)
    town.settle(second)
    pass_by(town, BOOKS + 2)
    life.kill(lose=lose)
    newest = town.request()
    life.consumer.step()
    town.mine()
    life.consumer.step()
    life.kill(lose=False)
    reported = {ended.request_id: ended for ended in life.ended}
    assert reported[second].status == Outcome.WON
    assert reported[second].total_payment_wei == 3000 * HEAT_PUMP.price_wei_per_wh
    assert [ended.request_id for ended in life.ended].count(first) == 1
    assert len(town.market.bids(newest)) == 1


def test_away__since_before_the_first_request__answers_the_newest_only(town):
    pass_by(town, 2)
    life = Life(town, "late")
    newest = town.request()
    life.consumer.step()
    assert len(town.market.bids(newest)) == 1
    assert life.consumer.desk.report.names() == ["request_opened", "bids_submitted"]


def test_requests__that_overlap__are_each_answered_and_reported(town):
    life = Life(town, "overlap")
    ids = [town.request() for _ in range(3)]
    for _ in range(4):
        life.consumer.step()
        town.mine()
    assert [len(town.market.bids(request_id)) for request_id in ids] == [1, 1, 1]
    town.close_gate()
    for request_id in reversed(ids):
        list(town.utility.finish(request_id))
        life.consumer.step()
    life.kill(lose=False)
    assert [ended.request_id for ended in life.ended] == ids[::-1]
    assert {ended.status for ended in life.ended} == {Outcome.WON}


def test_requests__more_than_one_while_bids_wait_for_a_block__are_answered_in_turn(town):
    life = Life(town, "turn")
    ids = [town.request() for _ in range(2)]
    with town.still():
        for _ in range(3):
            life.consumer.step()
            town.mine()
        life.consumer.step()
    assert [len(town.market.bids(request_id)) for request_id in ids] == [1, 1]
    assert life.consumer.problem is None
