from tests.contract.helpers import NOBODY, STEP_WEI, Status, logs, reverts


def test_transfer_ownership__not_accepted__changes_nobody(
    market, request_reduction, utility, alice
):
    market.transferOwnership(alice, {"from": utility})
    assert market.owner() == utility
    assert market.pendingOwner() == alice
    with reverts("OwnableUnauthorizedAccount", alice):
        request_reduction(by=alice)
    assert request_reduction(by=utility).return_value == 1


def test_transfer_ownership__accepted__changes_the_utility(
    market, request_reduction, utility, alice
):
    market.transferOwnership(alice, {"from": utility})
    market.acceptOwnership({"from": alice})
    with reverts("OwnableUnauthorizedAccount", utility):
        request_reduction(by=utility)
    request_reduction(by=alice)
    assert market.get_request(1)["utility"] == alice


def test_transfer_ownership__stranger__reverts(market, stranger):
    with reverts("OwnableUnauthorizedAccount", stranger):
        market.transferOwnership(stranger, {"from": stranger})


def test_accept_ownership__not_the_one_chosen__reverts(market, utility, alice, stranger):
    market.transferOwnership(alice, {"from": utility})
    with reverts("OwnableUnauthorizedAccount", stranger):
        market.acceptOwnership({"from": stranger})


def test_transfer_ownership__to_nobody__takes_an_offer_back(market, utility, alice):
    market.transferOwnership(alice, {"from": utility})
    market.transferOwnership(NOBODY, {"from": utility})
    with reverts("OwnableUnauthorizedAccount", alice):
        market.acceptOwnership({"from": alice})
    assert market.owner() == utility


def test_renounce_ownership__utility__reverts(market, utility):
    with reverts("OwnershipNotRenounceable"):
        market.renounceOwnership({"from": utility})
    assert market.owner() == utility


def test_renounce_ownership__stranger__reverts(market, stranger):
    with reverts("OwnableUnauthorizedAccount", stranger):
        market.renounceOwnership({"from": stranger})


def test_transfer_ownership__during_a_request__refund_goes_to_who_put_up_the_escrow(
    market, open_request, bid, settle, utility, alice, bob
):
    before_wei = utility.balance()
    open_request()
    market.transferOwnership(bob, {"from": utility})
    market.acceptOwnership({"from": bob})
    bob_wei = bob.balance()
    bid(alice, (300, 20))
    settle()
    assert utility.balance() == before_wei - 300 * 20 * STEP_WEI
    assert bob.balance() == bob_wei
    assert market.get_request(1)["utility"] == utility


def test_cancel_request__by_the_next_utility__refunds_who_put_up_the_escrow(
    market, open_request, utility, bob
):
    before_wei = utility.balance()
    open_request()
    market.transferOwnership(bob, {"from": utility})
    market.acceptOwnership({"from": bob})
    bob_wei = bob.balance()
    with reverts("OwnableUnauthorizedAccount", utility):
        market.cancel_request(1, {"from": utility})
    market.cancel_request(1, {"from": bob})
    assert (utility.balance(), bob.balance()) == (before_wei, bob_wei)
    assert market.get_request(1)["status"] == Status.CANCELLED


def test_accept_ownership__is_logged(market, utility, alice):
    offered = market.transferOwnership(alice, {"from": utility})
    accepted = market.acceptOwnership({"from": alice})
    change = {"previousOwner": utility, "newOwner": alice}
    assert logs(offered) == [("OwnershipTransferStarted", change)]
    assert logs(accepted) == [("OwnershipTransferred", change)]
