"""What the page is told of a market, against a real chain."""

import pytest

from market.live import LiveMarket
from market.model import Status
from tests.scripts.chain import UTILITY

ME, OTHER = 1, 2


@pytest.fixture
def live(chain, market):
    return LiveMarket(market, chain.accounts[ME])


def test_look__nothing_requested__has_the_account_and_no_rounds(live, chain, market):
    view = live.look()
    assert (view.rounds, view.last, view.request_count) == ((), None, 0)
    assert view.contract == market.address
    assert view.may_bid
    assert view.balance_wei == chain.web3.eth.get_balance(chain.accounts[ME])


def test_look__bids_come_in__has_mine_and_what_they_would_win(live, chain, market):
    request_id = chain.request(market, reduction_wh=3000)
    live.look()
    chain.bid(market, request_id, OTHER)
    chain.bid(market, request_id, ME)
    (known,) = live.look().rounds
    assert known.gate_is_open
    assert 0 < known.left_s <= known.open_for_s
    assert [bid.energy_wh for bid in known.mine] == [2000]
    assert [award.accepted_wh for award in known.awards] == [1000]
    assert (known.quote.energy_wh, known.supply.offered_wh) == (3000, 4000)


def test_look__bid_withdrawn__is_gone(live, chain, market):
    request_id = chain.request(market)
    chain.bid(market, request_id, ME)
    chain.bid(market, request_id, OTHER)
    assert live.look().rounds[0].supply.offered_wh == 4000
    abi = market._contract.abi
    contract = chain.web3.eth.contract(market.address, abi=abi)
    chain.sender(ME).send(contract.functions.withdraw_bids(request_id, [1]), "withdraw_bids")
    (known,) = live.look().rounds
    assert known.mine == ()
    assert known.supply.offered_wh == 2000


def test_look__settled__has_what_was_paid_also_for_who_comes_late(live, chain, market):
    request_id = chain.request(market)
    chain.bid(market, request_id, ME)
    live.look()
    chain.close_gate(market, request_id)
    (closed,) = live.look().rounds
    assert (closed.left_s, closed.gate_is_open) == (0, False)
    chain.settle(market, request_id)
    late = LiveMarket(market, chain.accounts[ME])
    for view in (live.look(), late.look()):
        assert view.rounds == ()
        assert view.last.request.status == Status.SETTLED
        assert [payment.energy_wh for payment in view.last.payments] == [2000]
    assert live.look().balance_wei == chain.web3.eth.get_balance(chain.accounts[ME])


def test_look__cancelled__is_over(live, chain, market):
    request_id = chain.request(market)
    live.look()
    market.cancel_request(chain.sender(UTILITY), request_id)
    view = live.look()
    assert (view.rounds, view.last.request.status) == ((), Status.CANCELLED)


def test_look__chain_that_lost_blocks__forgets_what_they_held(live, chain, market):
    live.look()
    snapshot = chain.ask("evm_snapshot")
    chain.request(market)
    assert len(live.look().rounds) == 1
    chain.ask("evm_revert", snapshot)
    view = live.look()
    assert (view.rounds, view.request_count) == ((), 0)


def test_look__many_past_requests__are_looked_up_a_few_at_a_time(live, chain, market):
    for _ in range(20):
        market.cancel_request(chain.sender(UTILITY), chain.request(market))
    assert len(live.look().past) == 16
    assert len(live.look().past) == 20


def test_look__nobodys_account__shows_the_market_all_the_same(chain, market):
    chain.request(market)
    view = LiveMarket(market, None).look()
    assert (view.balance_wei, len(view.rounds)) == (None, 1)
