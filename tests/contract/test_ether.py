"""Ether comes in with a request and in no other way, or changes nothing."""

import pytest
from brownie import reverts as reverts_somehow

from tests.contract.helpers import STEP_WEI, Access, Status, calldata

ESCROW_WEI = 10**15


def test_market__plain_transfer__reverts(market, stranger):
    with reverts_somehow():
        stranger.transfer(market, 1)
    assert market.balance() == 0


@pytest.mark.parametrize("data", ["0x00", "0x12345678", "0xffffffff" + "00" * 64])
@pytest.mark.parametrize("amount_wei", [0, 1])
def test_market__unknown_calldata__reverts(market, stranger, data, amount_wei):
    with reverts_somehow():
        stranger.transfer(market, amount_wei, data=data)
    assert market.balance() == 0


@pytest.fixture
def calls(market, utility, alice, bob, accounts):
    """A call of every function but request_reduction, with who may make it right now."""
    return {
        "cancel_request": (utility, [1]),
        "approve": (utility, [[bob]]),
        "revoke": (utility, [[bob]]),
        "set_access": (utility, [Access.OPEN]),
        "transferOwnership": (utility, [bob]),
        "register": (bob, []),
        "submit_bids": (alice, [1, [(10, 1)]]),
        "withdraw_bids": (alice, [1, [1]]),
    }


def test_market__ether_with_a_call_that_needs_none__reverts(
    market, open_request, bid, calls, alice
):
    open_request()
    bid(alice, (300, 20))
    for name, (sender, arguments) in calls.items():
        data = calldata(getattr(market, name), *arguments)
        with reverts_somehow():
            sender.transfer(market, 1, data=data)
        assert market.balance() == ESCROW_WEI
        market_call = getattr(market, name).call
        market_call(*arguments, {"from": sender})


def test_market__ether_with_clearing_and_paying__reverts(
    market, open_request, bid, close_gate, alice, stranger
):
    open_request()
    bid(alice, (300, 20))
    close_gate()
    for function, arguments in ((market.select_winners, [1]), (market.pay_winners, [1, 9])):
        with reverts_somehow():
            stranger.transfer(market, 1, data=calldata(function, *arguments))
        function(*arguments, {"from": stranger})
    assert market.get_request(1)["status"] == Status.SETTLED
    assert market.balance() == 0


def test_market__ether_with_withdraw__reverts(
    market, open_request, bid, settle, refusing, stranger
):
    open_request()
    bid(refusing, (300, 20))
    settle()
    refusing.set_willing(True, {"from": stranger})
    with reverts_somehow():
        refusing.forward(market, calldata(market.withdraw), {"from": stranger, "value": 1})
    refusing.forward(market, calldata(market.withdraw), {"from": stranger})
    assert refusing.balance() == 300 * 20 * STEP_WEI


def test_market__ether_forced_in__changes_nothing(
    market, open_request, bid, settle, utility, alice, stranger, EtherForcer
):
    EtherForcer.deploy(market, {"from": stranger, "value": 77})
    before_wei = [person.balance() for person in (utility, alice)]
    open_request()
    bid(alice, (300, 20))
    EtherForcer.deploy(market, {"from": stranger, "value": 5})
    settle()
    cost_wei = 300 * 20 * STEP_WEI
    after_wei = [person.balance() for person in (utility, alice)]
    assert after_wei == [before_wei[0] - cost_wei, before_wei[1] + cost_wei]
    assert market.balance() == 82


def test_market__ether_forced_in__cannot_be_taken_out(market, utility, stranger, EtherForcer):
    EtherForcer.deploy(market, {"from": stranger, "value": 77})
    assert market.get_deferred(stranger) == market.get_deferred(utility) == 0
    for person in (utility, stranger):
        with reverts_somehow():
            market.withdraw({"from": person})
    assert market.balance() == 77
