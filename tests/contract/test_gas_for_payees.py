"""Whoever calls with too little gas is refused: a payee never loses a payment by it.

Each test tries every amount of gas from far too little to more than enough.
"""

import pytest

from tests.contract.helpers import calldata, selector, send_as, simulate

ALL = 2**256 - 1
GAS = range(25_000, 300_000, 500)
NEWCOMER = "0x000000000000000000000000000000000000bEEF"


@pytest.fixture
def wallet(BusyPayee, stranger):
    """A smart wallet that needs nearly all the gas that a payee may use."""
    return BusyPayee.deploy(29_000, {"from": stranger})


@pytest.fixture
def burning(BurningPayee, stranger):
    return BurningPayee.deploy({"from": stranger})


@pytest.fixture
def outcomes(market, stranger):
    """Return what a call does with each amount of gas: events, or the error's selector."""

    def simulated(function, *arguments, by=stranger):
        data = calldata(function, *arguments)
        results = [simulate(market, data, gas, by) for gas in GAS]
        return [result[:10] if isinstance(result, str) else tuple(result) for result in results]

    return simulated


def check(market, outcomes, success):
    """Too little gas to begin with, then too little to push, then success; nothing else."""
    refused = selector(market, "NotEnoughGas")
    seen = list(dict.fromkeys(outcomes))
    assert seen == ["0x", refused, success]
    assert outcomes == sorted(outcomes, key=seen.index)


def test_pay_winners__any_gas__pays_a_smart_wallet_or_reverts(
    market, open_request, bid, select_winners, wallet, outcomes
):
    open_request()
    bid(wallet, (10, 10))
    select_winners()
    results = outcomes(market.pay_winners, 1, ALL)
    check(market, results, ("WinnerPaid", "RequestSettled"))


def test_pay_winners__any_gas__pays_several_smart_wallets_or_reverts(
    market, open_request, bid, select_winners, wallet, outcomes
):
    open_request()
    bid(wallet, (10, 10), (10, 10), (10, 999))
    select_winners()
    results = outcomes(market.pay_winners, 1, ALL)
    check(market, results, ("WinnerPaid", "WinnerPaid", "WinnerPaid", "RequestSettled"))


def test_pay_winners__any_gas__pays_who_never_held_ether_or_reverts(
    market, open_request, select_winners, outcomes
):
    open_request()
    send_as(NEWCOMER, market, calldata(market.submit_bids, 1, [(10, 10)]))
    select_winners()
    results = outcomes(market.pay_winners, 1, ALL)
    check(market, results, ("WinnerPaid", "RequestSettled"))


def test_pay_winners__any_gas_and_a_hostile_payee__settles_or_is_refused(
    market, open_request, bid, select_winners, burning, outcomes
):
    open_request()
    bid(burning, (10, 10))
    select_winners()
    results = outcomes(market.pay_winners, 1, ALL)
    check(market, results, ("PaymentDeferred", "RequestSettled"))


def test_pay_winners__any_gas_and_a_hostile_payee_last__settles_or_is_refused(
    market, open_request, bid, select_winners, burning, wallet, outcomes
):
    open_request()
    bid(wallet, (10, 10))
    bid(burning, (10, 20))
    select_winners()
    results = outcomes(market.pay_winners, 1, ALL)
    check(market, results, ("WinnerPaid", "PaymentDeferred", "RequestSettled"))


def make_utility(market, contract, utility, stranger):
    market.transferOwnership(contract, {"from": utility})
    contract.forward(market, calldata(market.acceptOwnership), {"from": stranger})
    data = calldata(market.request_reduction, 1000, 1, 600, 0, 0, 0, 0)
    contract.forward(market, data, {"from": stranger, "value": 1_000_000})


def test_select_winners__any_gas__refunds_a_smart_wallet_or_reverts(
    market, bid, close_gate, wallet, utility, alice, stranger, outcomes
):
    make_utility(market, wallet, utility, stranger)
    bid(alice, (10, 10))
    close_gate()
    check(market, outcomes(market.select_winners, 1), ("WinnersSelected",))


def test_select_winners__any_gas_and_a_hostile_utility__settles_or_is_refused(
    market, close_gate, burning, utility, stranger, outcomes
):
    make_utility(market, burning, utility, stranger)
    close_gate()
    results = outcomes(market.select_winners, 1)
    check(market, results, ("WinnersSelected", "PaymentDeferred", "RequestSettled"))


def test_cancel_request__any_gas__refunds_a_smart_wallet_or_reverts(
    market, wallet, utility, stranger, outcomes
):
    make_utility(market, wallet, utility, stranger)
    check(market, outcomes(market.cancel_request, 1, by=wallet), ("RequestCancelled",))


def test_cancel_request__any_gas_and_a_hostile_utility__settles_or_is_refused(
    market, burning, utility, stranger, outcomes
):
    make_utility(market, burning, utility, stranger)
    results = outcomes(market.cancel_request, 1, by=burning)
    check(market, results, ("RequestCancelled", "PaymentDeferred"))


def test_pay_winners__too_little_gas_for_the_second__leaves_the_first_unpaid(
    market, open_request, bid, select_winners, wallet, outcomes
):
    open_request()
    bid(wallet, (10, 10), (10, 20))
    select_winners()
    both = outcomes(market.pay_winners, 1, ALL)
    first = outcomes(market.pay_winners, 1, 1)
    enough_for_one = [one for one, all_ in zip(first, both, strict=True) if one != all_]
    assert ("WinnerPaid",) in enough_for_one
    assert ("WinnerPaid",) not in both
