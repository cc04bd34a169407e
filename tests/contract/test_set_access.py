import pytest
from brownie import reverts as reverts_somehow

from tests.contract.helpers import BOOKS, STEP_WEI, Access, Status, logs, reverts


@pytest.mark.parametrize("access", Access)
def test_set_access__is_stored_and_logged(market, utility, access):
    tx = market.set_access(access, {"from": utility})
    assert market.access() == access
    assert logs(tx) == [("AccessChanged", {"access": access})]


def test_set_access__stranger__reverts(market, stranger):
    with reverts("OwnableUnauthorizedAccount", stranger):
        market.set_access(Access.APPROVED, {"from": stranger})


def test_set_access__unknown_access__reverts(market, utility):
    with reverts_somehow():
        market.set_access(3, {"from": utility})


def test_set_access__narrower__takes_effect_in_an_open_request(
    market, open_request, bid, utility, alice
):
    open_request()
    bid(alice, (10, 1))
    market.set_access(Access.REGISTERED, {"from": utility})
    with reverts("NotAllowed", alice):
        bid(alice, (10, 1))


def test_set_access__wider__takes_effect_in_an_open_request(
    market, open_request, bid, utility, alice
):
    market.set_access(Access.APPROVED, {"from": utility})
    open_request()
    market.set_access(Access.OPEN, {"from": utility})
    bid(alice, (10, 1))
    assert market.get_request(1)["bid_count"] == 1


def test_set_access__all_books_taken__reaches_every_open_request(market, open_request, utility):
    for _ in range(BOOKS):
        open_request()
    market.set_access(Access.APPROVED, {"from": utility})
    assert {market.get_request(1 + n)["access"] for n in range(BOOKS)} == {Access.APPROVED}


def test_set_access__books_used_again__reaches_every_open_request(market, open_request, utility):
    for request_id in range(1, BOOKS + 4):
        open_request()
        if request_id <= 3:
            market.cancel_request(request_id, {"from": utility})
    market.set_access(Access.APPROVED, {"from": utility})
    still_open = [market.get_request(1 + n) for n in range(3, BOOKS + 3)]
    assert {request["status"] for request in still_open} == {Status.BIDDING}
    assert {request["access"] for request in still_open} == {Access.APPROVED}


def test_set_access__after_bidding__the_bid_stands_and_is_paid(
    market, open_request, bid, settle, utility, alice
):
    open_request()
    bid(alice, (10, 1))
    market.set_access(Access.APPROVED, {"from": utility})
    before_wei = alice.balance()
    settle()
    assert alice.balance() == before_wei + 10 * STEP_WEI


def test_set_access__leaves_the_rest_of_an_open_request_alone(
    market, open_request, bid, utility, alice
):
    open_request(minimum_bid_wh=5)
    bid(alice, (10, 1000))
    before = market.get_request(1).dict()
    market.set_access(Access.REGISTERED, {"from": utility})
    assert market.get_request(1).dict() == {**before, "access": Access.REGISTERED}
    assert market.get_quote(1) == (1000, 10, 10_000 * STEP_WEI, 10)
