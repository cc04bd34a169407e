import pytest

from tests.contract.helpers import STEP_WEI, calldata, logs, reverts

AMOUNT_WEI = 300 * 20 * STEP_WEI


@pytest.fixture
def credited(market, open_request, bid, settle, refusing):
    """A consumer with AMOUNT_WEI waiting, because it refused the payment."""
    open_request()
    bid(refusing, (300, 20))
    settle()
    return refusing


def withdraw(market, payee, sender):
    return payee.forward(market, calldata(market.withdraw), {"from": sender})


def test_withdraw__now_willing__is_paid_all(market, credited, stranger):
    credited.set_willing(True, {"from": stranger})
    withdraw(market, credited, stranger)
    assert credited.balance() == AMOUNT_WEI
    assert market.get_deferred(credited) == 0
    assert market.balance() == 0


def test_withdraw__now_willing__is_logged(market, credited, stranger):
    credited.set_willing(True, {"from": stranger})
    tx = withdraw(market, credited, stranger)
    fields = {"payee": credited, "amount_wei": AMOUNT_WEI}
    assert logs(tx) == [("DeferredWithdrawn", fields)]


def test_withdraw__now_willing__returns_the_amount(market, credited, stranger):
    credited.set_willing(True, {"from": stranger})
    assert market.withdraw.call({"from": credited}) == AMOUNT_WEI


def test_withdraw__still_refusing__keeps_the_credit(market, credited, stranger):
    with reverts("ETHTransferFailed"):
        withdraw(market, credited, stranger)
    assert market.get_deferred(credited) == AMOUNT_WEI
    assert market.balance() == AMOUNT_WEI


def test_withdraw__twice__reverts(market, credited, stranger):
    credited.set_willing(True, {"from": stranger})
    withdraw(market, credited, stranger)
    with reverts("NothingDeferred", credited):
        withdraw(market, credited, stranger)


def test_withdraw__nothing_waits__reverts(market, credited, stranger):
    with reverts("NothingDeferred", stranger):
        market.withdraw({"from": stranger})


def test_withdraw__several_requests__are_paid_together(
    market, credited, open_request, bid, settle, stranger
):
    open_request()
    bid(credited, (100, 7), (50, 7), request_id=2)
    settle(2)
    credited.set_willing(True, {"from": stranger})
    withdraw(market, credited, stranger)
    assert credited.balance() == AMOUNT_WEI + 150 * 7 * STEP_WEI


def test_withdraw__credit_of_another__is_untouched(
    market, credited, open_request, bid, settle, stranger, RefusingPayee
):
    other = RefusingPayee.deploy({"from": stranger})
    open_request()
    bid(other, (100, 7), request_id=2)
    settle(2)
    credited.set_willing(True, {"from": stranger})
    withdraw(market, credited, stranger)
    assert market.get_deferred(other) == market.balance() == 100 * 7 * STEP_WEI


def test_withdraw__while_the_next_request_is_open__takes_none_of_its_escrow(
    market, credited, open_request, stranger
):
    open_request()
    escrow_wei = market.get_request(2)["escrow_wei"]
    credited.set_willing(True, {"from": stranger})
    withdraw(market, credited, stranger)
    assert market.balance() == escrow_wei


def test_get_deferred__nobody_ever_refused__is_nothing(market, stranger):
    assert market.get_deferred(stranger) == 0


def test_get_deferred__refused_payment__is_its_amount(market, credited):
    assert market.get_deferred(credited) == AMOUNT_WEI
