import pytest

from tests.contract.helpers import NOBODY, STEP_WEI, Access, Standing, logs, reverts


def test_revoke__several__revokes_and_logs_each(market, utility, alice, bob):
    market.approve([alice], {"from": utility})
    tx = market.revoke([alice, bob], {"from": utility})
    assert market.get_standing(alice) == market.get_standing(bob) == Standing.REVOKED
    assert logs(tx) == [
        ("ConsumerRevoked", {"consumer": alice}),
        ("ConsumerRevoked", {"consumer": bob}),
    ]


def test_revoke__zero_address_among_others__revokes_none(market, utility, alice):
    with reverts("ZeroAddress"):
        market.revoke([alice, NOBODY], {"from": utility})
    assert market.get_standing(alice) == Standing.UNKNOWN


def test_revoke__stranger__reverts(market, alice, stranger):
    with reverts("OwnableUnauthorizedAccount", stranger):
        market.revoke([alice], {"from": stranger})


@pytest.mark.parametrize("access", [Access.REGISTERED, Access.APPROVED])
def test_revoke__during_an_open_request__ends_bidding_at_once(
    market, open_request, bid, utility, alice, access
):
    market.approve([alice], {"from": utility})
    market.set_access(access, {"from": utility})
    open_request()
    market.revoke([alice], {"from": utility})
    with reverts("NotAllowed", alice):
        bid(alice, (10, 1))


def test_revoke__registered__ends_bidding(market, open_request, bid, utility, alice):
    market.set_access(Access.REGISTERED, {"from": utility})
    open_request()
    market.register({"from": alice})
    market.revoke([alice], {"from": utility})
    with reverts("NotAllowed", alice):
        bid(alice, (10, 1))


def test_revoke__after_bidding__the_bid_stands_and_is_paid(
    market, open_request, bid, settle, utility, alice
):
    open_request()
    bid(alice, (10, 1))
    market.revoke([alice], {"from": utility})
    before_wei = alice.balance()
    settle()
    assert alice.balance() == before_wei + 10 * STEP_WEI


def test_revoke__after_bidding__the_bid_can_be_withdrawn(market, open_request, bid, utility, alice):
    market.approve([alice], {"from": utility})
    market.set_access(Access.APPROVED, {"from": utility})
    open_request()
    bid(alice, (10, 1))
    market.revoke([alice], {"from": utility})
    market.withdraw_bids(1, [1], {"from": alice})
    assert market.get_quote(1)["offered_wh"] == 0
