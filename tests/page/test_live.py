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


def test_look__chain_replaced_by_a_longer_one__forgets_what_the_other_held(live, chain, market):
    """As after a reorganisation: the newest block has a higher number, and other ancestors."""
    snapshot = chain.ask("evm_snapshot")
    first = chain.request(market, reduction_wh=3000)
    chain.bid(market, first, OTHER)
    seen = live.look()
    assert [len(known.bids) for known in seen.rounds] == [1]
    chain.ask("evm_revert", snapshot)
    chain.request(market, reduction_wh=3000)
    chain.bid(market, first, ME)
    grow_beyond(chain, seen.head.number)
    (known,) = live.look().rounds
    assert [bid.consumer for bid in known.bids] == [chain.accounts[ME]]


def grow_beyond(chain, number):
    chain.ask("anvil_mine", hex(max(1, number + 1 - chain.web3.eth.block_number)))


def cancel(chain, market, number, reduction_wh=5000):
    for _ in range(number):
        market.cancel_request(chain.sender(UTILITY), chain.request(market, reduction_wh))


def look_until_all_are_known(live):
    return next(view for view in iter(live.look, None) if not view.unknown_before)


def test_look__chain_replaced_below_the_old_head__is_noticed_when_it_has_grown(
    chain, market, tmp_path
):
    path = tmp_path / "past.sqlite3"
    snapshot = chain.ask("evm_snapshot")
    cancel(chain, market, 18, reduction_wh=3000)
    live = LiveMarket(market, chain.accounts[ME], path)
    seen = look_until_all_are_known(live)
    assert {past.reduction_wh for past in seen.past.values()} == {3000}
    chain.ask("evm_revert", snapshot)
    assert live.look().past == {}
    cancel(chain, market, 18, reduction_wh=1000)
    grow_beyond(chain, seen.head.number)
    for known in (live, LiveMarket(market, None, path)):
        past = look_until_all_are_known(known).past
        assert {*past} == {*range(1, 19)}
        assert {one.reduction_wh for one in past.values()} == {1000}
        known.close()


def test_look__chain_replaced_while_nobody_looked__keeps_nothing_of_the_other(
    chain, market, tmp_path
):
    path = tmp_path / "past.sqlite3"
    snapshot = chain.ask("evm_snapshot")
    cancel(chain, market, 18, reduction_wh=3000)
    before = LiveMarket(market, None, path)
    seen = look_until_all_are_known(before)
    before.close()
    chain.ask("evm_revert", snapshot)
    cancel(chain, market, 18, reduction_wh=1000)
    grow_beyond(chain, seen.head.number)
    past = look_until_all_are_known(LiveMarket(market, None, path)).past
    assert {one.reduction_wh for one in past.values()} == {1000}


def test_look__many_past_requests__are_looked_up_a_few_at_a_time_until_all_are_known(
    live, chain, market
):
    cancel(chain, market, 16 + 12)
    first = live.look()
    # Those of late are known at once; of the older ones, ten at most.
    assert 16 < len(first.past) <= 26
    assert first.unknown_before == 28 - len(first.past)
    past = look_until_all_are_known(live).past
    assert {*past} == {*range(1, 29)}
    assert all(one.cancelled for one in past.values())


def test_look__after_a_restart__goes_on_where_it_was(chain, market, tmp_path, monkeypatch):
    cancel(chain, market, 16 + 3)
    path = tmp_path / "past.sqlite3"
    before = LiveMarket(market, None, path)
    done = look_until_all_are_known(before)
    before.close()
    cancel(chain, market, 1)
    asked = []
    real = market.request
    monkeypatch.setattr(
        market, "request", lambda number, *block: asked.append(number) or real(number, *block)
    )
    again = LiveMarket(market, None, path)
    view = again.look()
    again.close()
    assert (len(view.past), view.unknown_before) == (20, 0)
    # The newest sixteen may still change; of all others, the one that is no longer among them.
    assert sorted(asked) == [4, *range(5, 21)]
    assert {i: view.past[i] for i in done.past} == dict(done.past)


def test_look__file_that_is_no_database__goes_on_without(chain, market, tmp_path):
    cancel(chain, market, 18)
    path = tmp_path / "past.sqlite3"
    path.write_bytes(b"no database at all" * 100)
    assert len(look_until_all_are_known(LiveMarket(market, None, path)).past) == 18


def test_look__nobodys_account__shows_the_market_all_the_same(chain, market):
    chain.request(market)
    view = LiveMarket(market, None).look()
    assert (view.balance_wei, len(view.rounds)) == (None, 1)
