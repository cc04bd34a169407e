"""A consumer that cannot bid as things are: it says why, and bids once they are mended."""

import pytest

from market.clearing import Access
from market.store import Outcome
from tests.scripts.chain import wait_until
from tests.scripts.stage import WAITING, Household
from tests.scripts.test_round import HEAT_PUMP

BROKEN = [
    ("", ["is empty", "write your bids"]),
    ("energy: 3", ["line 1", "not JSON", "write it as"]),
    ('{"energy": [3', ["not JSON"]),
    ("[3, 0.003]", ["not an object", "write it as"]),
    ('{"energy": [1, 2], "price": [0.003]}', ["differ in length (2 and 1)", "one entry"]),
    ('{"energy": [-1], "price": [0.003]}', ["energy -1 kWh", "more than zero"]),
    ('{"energy": [1], "price": [-0.003]}', ["price -0.003 ETH/kWh", "more than zero"]),
    ('{"energy": [0], "price": [0.003]}', ["energy 0 kWh", "more than zero"]),
    ('{"energy": [1], "price": [0.0]}', ["price 0.0 ETH/kWh", "more than zero"]),
    ('{"energy": [NaN], "price": [0.003]}', ["energy NaN", "not a number"]),
    ('{"energy": ["two"], "price": [0.003]}', ['energy "two"', "not a number", "quotes"]),
    ('{"energy": [1e30], "price": [0.003]}', ["too large", "2147483.647 kWh"]),
    ('{"energy": [1], "price": [1e30]}', ["too large", "ETH/kWh"]),
    ('{"energy": [0.0001], "price": [0.003]}', ["too precise", "3 digits"]),
    ('{"energy": [1], "price": [0.0000000000000001]}', ["too precise", "15 digits"]),
]


@pytest.fixture
def household(stage, market):
    return Household(stage, 1, HEAT_PUMP)


def test_consumer__bids_broken_since_the_start__names_each_mistake_and_bids_once_mended(
    chain, market, household
):
    household.write_bids("[")
    consumer = household.start().wait_for(WAITING)
    assert "Nothing is bid until it is mended" in consumer.out
    request_id = chain.request(market)
    for written, words in BROKEN:
        before = len(consumer.out)
        household.write_bids(written)
        wait_until(lambda: all(word in consumer.out[before:] for word in words), str(words))  # noqa: B023
    bids_file = household.folder / "bids.json"
    bids_file.unlink()
    bids_file.mkdir()
    consumer.wait_for("must be a file")
    assert not chain.bidders(market, request_id)
    bids_file.rmdir()
    household.offer(HEAT_PUMP)
    wait_until(lambda: 1 in chain.bidders(market, request_id), "bids")
    chain.settle(market, request_id)
    household.wait_for_results(request_id)


def test_consumer__bids_broken_at_a_restart__reports_what_has_ended(chain, market, household):
    consumer = household.start_on_device().wait_for(WAITING)
    request_id = chain.request(market)
    wait_until(lambda: 1 in chain.bidders(market, request_id), "bids")
    consumer.stop()
    household.write_bids("energy: 3")
    chain.settle(market, request_id)
    consumer = household.start_on_device().wait_for(WAITING)
    assert "Nothing is bid until it is mended" in consumer.out
    assert household.wait_for_results(request_id).results().status == Outcome.WON
    newest = chain.request(market)
    consumer.wait_for("not JSON", times=2)
    household.offer(HEAT_PUMP)
    wait_until(lambda: 1 in chain.bidders(market, newest), "bids")
    chain.settle(market, newest)


def test_consumer__approval_revoked_while_it_was_away__reports_and_bids_when_allowed_again(
    chain, stage
):
    market = chain.new_market(Access.APPROVED)
    stage.use(market)
    utility, account = chain.sender(0), chain.accounts[1]
    market.approve(utility, [account])
    household = Household(stage, 1, HEAT_PUMP)
    consumer = household.start_on_device().wait_for(WAITING)
    request_id = chain.request(market)
    wait_until(lambda: 1 in chain.bidders(market, request_id), "bids")
    consumer.stop()
    market.revoke(utility, [account])
    chain.settle(market, request_id)
    consumer = household.start_on_device().wait_for(WAITING)
    assert "may not bid" in consumer.out
    assert household.wait_for_results(request_id).results().status == Outcome.WON
    newest = chain.request(market)
    consumer.wait_for(f"Request {newest}")
    market.approve(utility, [account])
    wait_until(lambda: 1 in chain.bidders(market, newest), "bids")
    chain.settle(market, newest)
