"""A payee may be a contract that means harm; it harms nobody but itself."""

import pytest

from tests.contract.helpers import (
    GAS_CAP,
    STEP_WEI,
    Access,
    Status,
    calldata,
    logs,
    reverts,
    rpc,
    selector,
    send_as,
)

ALL = 2**256 - 1
SHARE_WEI = 200 * 20 * STEP_WEI
HOSTILE_GAS = 75_000
"""What one hostile payee costs the caller at most, at first acquaintance."""

HOSTILE = {
    "refuses": ("RefusingPayee",),
    "burns all gas": ("BurningPayee",),
    "returns a megabyte": ("BombingPayee", 1_000_000, False),
    "refuses with a megabyte": ("BombingPayee", 1_000_000, True),
    "refuses with all the bytes its gas buys": ("BombingPayee", 60_000, True),
    # 30,000 and what comes with Ether, 2,300, are there.
    "uses more gas than there is": ("BusyPayee", 32_300),
}
"""Contracts that are not paid directly, with what they are built with."""


@pytest.fixture(params=HOSTILE)
def hostile(request, stranger):
    container, *arguments = HOSTILE[request.param]
    return request.getfixturevalue(container).deploy(*arguments, {"from": stranger})


@pytest.fixture
def reentrant(ReentrantPayee, stranger):
    return ReentrantPayee.deploy({"from": stranger})


@pytest.fixture
def make_utility(market, utility, stranger):
    """Pass the market on to a contract, and give it the Ether for a request."""

    def move(contract, ether_wei=10**15):
        market.transferOwnership(contract, {"from": utility})
        contract.forward(market, calldata(market.acceptOwnership), {"from": stranger})
        rpc("anvil_setBalance", contract.address, hex(ether_wei))

    return move


@pytest.fixture
def request_by(market, stranger):
    """Make the usual request, with a contract as the utility."""

    def send(contract):
        data = calldata(market.request_reduction, 1000, STEP_WEI, 600, 0, 0, 0, 0)
        contract.forward(market, data, {"from": stranger, "value": 1000 * STEP_WEI * 1000})

    return send


def test_pay_winners__hostile_payee__is_credited_and_the_others_are_paid(
    market, open_request, bid, settle, hostile, alice, bob
):
    open_request()
    bid(alice, (300, 20))
    bid(hostile, (200, 20))
    bid(bob, (100, 20))
    before_wei = [alice.balance(), bob.balance()]
    tx = settle()
    assert [alice.balance(), bob.balance()] == [
        before_wei[0] + 6_000 * STEP_WEI,
        before_wei[1] + 2_000 * STEP_WEI,
    ]
    assert [name for name, _ in logs(tx)] == [
        "WinnerPaid",
        "PaymentDeferred",
        "WinnerPaid",
        "RequestSettled",
    ]
    assert market.get_deferred(hostile) == market.balance() == SHARE_WEI


def test_pay_winners__hostile_payee__is_logged(open_request, bid, settle, hostile):
    open_request()
    bid(hostile, (200, 20))
    deferred = {
        "request_id": 1,
        "payee": hostile,
        "bid_id": 1,
        "energy_wh": 200,
        "amount_wei": SHARE_WEI,
    }
    settled = {"request_id": 1, "paid_wei": 0, "deferred_wei": SHARE_WEI}
    assert logs(settle()) == [("PaymentDeferred", deferred), ("RequestSettled", settled)]


def test_pay_winners__hostile_payee_in_batches_of_one__holds_up_nobody(
    market, open_request, bid, select_winners, hostile, alice, stranger
):
    open_request()
    for _ in range(3):
        bid(hostile, (200, 20))
        bid(alice, (100, 20))
    select_winners()
    left = [market.pay_winners(1, 1, {"from": stranger}).return_value for _ in range(6)]
    assert left == [5, 4, 3, 2, 1, 0]
    request = market.get_request(1)
    assert request["paid_wei"] == 300 * 20 * STEP_WEI
    assert request["deferred_wei"] == market.get_deferred(hostile) == 3 * SHARE_WEI


def test_pay_winners__hostile_payee__costs_a_bounded_amount_of_gas(
    market, open_request, bid, select_winners, hostile, alice, stranger
):
    open_request()
    bid(alice, (100, 20))
    bid(hostile, (200, 21))
    select_winners()
    friendly = market.pay_winners(1, 1, {"from": stranger})
    assert market.pay_winners(1, 1, {"from": stranger}).gas_used < friendly.gas_used + HOSTILE_GAS


def test_pay_winners__hundred_hostile_payees__fit_into_one_transaction(
    market, open_request, select_winners, stranger
):
    open_request()
    payees = [f"0x{0xBAD0000 + n:040x}" for n in range(100)]
    for payee in payees:
        send_as(payee, market, calldata(market.submit_bids, 1, [(10, 20)]))
        rpc("anvil_setCode", payee, "0xfe")
    select_winners()
    tx = market.pay_winners(1, ALL, {"from": stranger})
    assert len(tx.events["PaymentDeferred"]) == 100
    assert tx.gas_used < 100 * HOSTILE_GAS < GAS_CAP
    assert [market.get_deferred(payee) for payee in payees] == [200 * STEP_WEI] * 100


def test_pay_winners__payee_returns_all_the_bytes_its_gas_buys__is_paid_and_nothing_is_copied(
    market, open_request, bid, select_winners, alice, stranger, BombingPayee
):
    bombing = BombingPayee.deploy(60_000, False, {"from": stranger})
    open_request()
    bid(alice, (100, 20))
    bid(bombing, (200, 21))
    select_winners()
    friendly = market.pay_winners(1, 1, {"from": stranger})
    assert market.pay_winners(1, 1, {"from": stranger}).gas_used < friendly.gas_used + 35_000
    assert bombing.balance() == 200 * 21 * STEP_WEI


@pytest.mark.parametrize("gas", [0, 5_000, 25_000, 31_900])
def test_pay_winners__smart_wallet_that_works_a_little__is_paid(
    market, open_request, bid, settle, stranger, BusyPayee, gas
):
    wallet = BusyPayee.deploy(gas, {"from": stranger})
    open_request()
    bid(wallet, (200, 20))
    settle()
    assert wallet.balance() == SHARE_WEI
    assert market.get_deferred(wallet) == 0


def test_pay_winners__payee_that_forces_the_money_back__changes_nothing_for_others(
    market, open_request, bid, settle, alice, stranger, VanishingPayee
):
    vanishing = VanishingPayee.deploy({"from": stranger})
    open_request()
    bid(vanishing, (200, 20))
    bid(alice, (300, 20))
    before_wei = alice.balance()
    tx = settle()
    assert len(tx.events["WinnerPaid"]) == 2
    assert alice.balance() == before_wei + 300 * 20 * STEP_WEI
    assert market.get_deferred(vanishing) == 0
    assert market.balance() == SHARE_WEI


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("pay_winners", [1, 9]),
        ("select_winners", [1]),
        ("withdraw", []),
    ],
)
def test_pay_winners__payee_calls_back__is_paid_once_and_gets_nowhere(
    market, open_request, bid, settle, alice, reentrant, stranger, function, arguments
):
    reentrant.aim(market, calldata(getattr(market, function), *arguments), {"from": stranger})
    open_request()
    bid(reentrant, (200, 20))
    bid(alice, (300, 20))
    tx = settle()
    error = selector(market, "ReentrancyGuardReentrantCall")
    assert dict(tx.events["Reentered"]) == {"success": False, "error": error}
    assert reentrant.balance() == SHARE_WEI
    assert market.balance() == 0


def test_pay_winners__payee_is_the_utility_and_sets_the_access__it_is_set(
    market, open_request, bid, settle, utility, RulingPayee, stranger
):
    ruling = RulingPayee.deploy({"from": stranger})
    open_request()
    bid(ruling, (200, 20))
    market.transferOwnership(ruling, {"from": utility})
    ruling.forward(market, calldata(market.acceptOwnership), {"from": stranger})
    tx = settle()
    assert [name for name, _ in logs(tx)] == ["AccessChanged", "WinnerPaid", "RequestSettled"]
    assert market.access() == market.get_request(1)["access"] == Access.APPROVED
    assert market.get_request(1)["status"] == Status.SETTLED


@pytest.mark.parametrize(
    ("function", "arguments"), [("submit_bids", [1, [(9, 9)]]), ("withdraw_bids", [1, [1]])]
)
def test_pay_winners__payee_bids_or_withdraws_bids__comes_too_late(
    market, open_request, bid, settle, alice, reentrant, stranger, function, arguments
):
    reentrant.aim(market, calldata(getattr(market, function), *arguments), {"from": stranger})
    open_request()
    bid(reentrant, (200, 20))
    bid(alice, (300, 20))
    tx = settle()
    error = selector(market, "WrongStatus")
    assert dict(tx.events["Reentered"]) == {"success": False, "error": error}
    assert reentrant.balance() == SHARE_WEI


@pytest.fixture
def credited(market, open_request, bid, settle, reentrant, refusing, stranger):
    """A reentrant payee with a credit of SHARE_WEI, beside one of another's."""
    too_much_to_read = "0x" + "ff" * 1000
    reentrant.aim(stranger, too_much_to_read, {"from": stranger})
    open_request()
    bid(reentrant, (200, 20))
    bid(refusing, (300, 20))
    settle()
    assert market.get_deferred(reentrant) == SHARE_WEI
    return reentrant


@pytest.mark.parametrize(
    ("function", "arguments"), [("withdraw", []), ("pay_winners", [2, 9]), ("select_winners", [2])]
)
def test_withdraw__payee_calls_back_with_all_the_gas__gets_its_credit_once(
    market, credited, open_request, bid, select_winners, alice, stranger, function, arguments
):
    open_request()
    bid(alice, (300, 20), request_id=2)
    select_winners(2)
    before_wei = market.balance()
    credited.aim(market, calldata(getattr(market, function), *arguments), {"from": stranger})
    tx = credited.forward(market, calldata(market.withdraw), {"from": stranger})
    error = selector(market, "ReentrancyGuardReentrantCall")
    assert dict(tx.events["Reentered"]) == {"success": False, "error": error}
    assert credited.balance() == SHARE_WEI
    assert market.balance() == before_wei - SHARE_WEI


def test_withdraw__payee_bids_while_it_is_paid__has_simply_bid(
    market, credited, open_request, stranger
):
    open_request()
    credited.aim(market, calldata(market.submit_bids, 2, [(10, 5)]), {"from": stranger})
    tx = credited.forward(market, calldata(market.withdraw), {"from": stranger})
    assert tx.events["Reentered"]["success"] is True
    assert market.get_bids(2, 0, 9) == [(1, credited, 10, 5)]
    assert market.get_deferred(credited) == 0


def test_withdraw__payee_returns_a_megabyte__is_paid(
    market, open_request, bid, settle, stranger, BombingPayee
):
    bombing = BombingPayee.deploy(1_000_000, False, {"from": stranger})
    open_request()
    bid(bombing, (200, 20))
    settle()
    tx = bombing.forward(market, calldata(market.withdraw), {"from": stranger})
    assert bombing.balance() == SHARE_WEI
    assert tx.gas_used < 3_000_000


def test_withdraw__payee_burns_all_gas__keeps_its_credit(
    market, open_request, bid, settle, stranger, BurningPayee
):
    burning = BurningPayee.deploy({"from": stranger})
    open_request()
    bid(burning, (200, 20))
    settle()
    with reverts("ETHTransferFailed"):
        burning.forward(market, calldata(market.withdraw), {"from": stranger})
    assert market.get_deferred(burning) == market.balance() == SHARE_WEI


def test_select_winners__hostile_utility__is_credited_and_the_winners_are_paid(
    market, hostile, make_utility, request_by, bid, settle, alice
):
    make_utility(hostile)
    request_by(hostile)
    bid(alice, (200, 20))
    before_wei = alice.balance()
    settle()
    assert alice.balance() == before_wei + SHARE_WEI
    assert market.get_deferred(hostile) == market.balance() == 10**15 - SHARE_WEI
    request = market.get_request(1)
    assert (request["refunded_wei"], request["deferred_wei"]) == (0, 10**15 - SHARE_WEI)


def test_select_winners__hostile_utility__is_logged(
    hostile, make_utility, request_by, bid, select_winners, alice
):
    make_utility(hostile)
    request_by(hostile)
    bid(alice, (200, 20))
    fields = {
        "request_id": 1,
        "payee": hostile,
        "bid_id": 0,
        "energy_wh": 0,
        "amount_wei": 10**15 - SHARE_WEI,
    }
    assert logs(select_winners())[1:] == [("PaymentDeferred", fields)]


def test_select_winners__hostile_utility_and_no_bids__settles_with_a_credit(
    market, hostile, make_utility, request_by, select_winners
):
    make_utility(hostile)
    request_by(hostile)
    tx = select_winners()
    settled = {"request_id": 1, "paid_wei": 0, "deferred_wei": 10**15}
    assert [name for name, _ in logs(tx)] == [
        "WinnersSelected",
        "PaymentDeferred",
        "RequestSettled",
    ]
    assert logs(tx)[-1] == ("RequestSettled", settled)
    assert market.get_request(1)["status"] == Status.SETTLED


def test_cancel_request__hostile_utility__is_credited(
    market, hostile, make_utility, request_by, stranger
):
    make_utility(hostile)
    request_by(hostile)
    tx = hostile.forward(market, calldata(market.cancel_request, 1), {"from": stranger})
    assert [name for name, _ in logs(tx)] == ["RequestCancelled", "PaymentDeferred"]
    assert market.get_deferred(hostile) == market.balance() == 10**15
    request = market.get_request(1)
    assert (request["refunded_wei"], request["deferred_wei"]) == (0, 10**15)


def test_withdraw__utility_now_willing__gets_its_refund(
    market, refusing, make_utility, request_by, bid, settle, alice, stranger
):
    make_utility(refusing, 0)
    request_by(refusing)
    bid(alice, (200, 20))
    settle()
    refusing.set_willing(True, {"from": stranger})
    refusing.forward(market, calldata(market.withdraw), {"from": stranger})
    assert refusing.balance() == 10**15 - SHARE_WEI
    assert market.balance() == 0


def test_pay_winners__hostile_utility_is_a_winner_too__has_one_credit_for_both(
    market, refusing, make_utility, request_by, bid, settle
):
    make_utility(refusing)
    request_by(refusing)
    bid(refusing, (200, 20))
    settle()
    assert market.get_deferred(refusing) == market.balance() == 10**15
    assert market.get_request(1)["deferred_wei"] == 10**15


@pytest.mark.parametrize(
    ("function", "arguments"),
    [("select_winners", [1]), ("pay_winners", [1, 9]), ("cancel_request", [1]), ("withdraw", [])],
)
def test_select_winners__utility_calls_back__is_refunded_once(
    market,
    reentrant,
    make_utility,
    request_by,
    bid,
    select_winners,
    alice,
    stranger,
    function,
    arguments,
):
    make_utility(reentrant, 0)
    reentrant.aim(market, calldata(getattr(market, function), *arguments), {"from": stranger})
    request_by(reentrant)
    bid(alice, (200, 20))
    tx = select_winners()
    error = selector(market, "ReentrancyGuardReentrantCall")
    assert dict(tx.events["Reentered"]) == {"success": False, "error": error}
    assert reentrant.balance() == 10**15 - SHARE_WEI
    assert market.balance() == SHARE_WEI


def test_cancel_request__utility_cancels_again__is_refunded_once(
    market, reentrant, make_utility, request_by, stranger
):
    make_utility(reentrant, 0)
    reentrant.aim(market, calldata(market.cancel_request, 1), {"from": stranger})
    request_by(reentrant)
    request_by(reentrant)
    tx = reentrant.forward(market, calldata(market.cancel_request, 1), {"from": stranger})
    error = selector(market, "ReentrancyGuardReentrantCall")
    assert dict(tx.events["Reentered"]) == {"success": False, "error": error}
    assert reentrant.balance() == market.balance() == 10**15
