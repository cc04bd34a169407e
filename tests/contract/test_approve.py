from tests.contract.helpers import NOBODY, Access, Standing, logs, reverts


def test_approve__several__approves_and_logs_each(market, utility, alice, bob):
    tx = market.approve([alice, bob], {"from": utility})
    assert market.get_standing(alice) == market.get_standing(bob) == Standing.APPROVED
    assert logs(tx) == [
        ("ConsumerApproved", {"consumer": alice}),
        ("ConsumerApproved", {"consumer": bob}),
    ]


def test_approve__registered__becomes_approved(market, utility, alice):
    market.register({"from": alice})
    market.approve([alice], {"from": utility})
    assert market.get_standing(alice) == Standing.APPROVED


def test_approve__revoked__becomes_approved(market, utility, alice):
    market.revoke([alice], {"from": utility})
    market.approve([alice], {"from": utility})
    assert market.get_standing(alice) == Standing.APPROVED


def test_approve__nobody__changes_nothing(market, utility):
    assert logs(market.approve([], {"from": utility})) == []


def test_approve__zero_address_among_others__approves_none(market, utility, alice):
    with reverts("ZeroAddress"):
        market.approve([alice, NOBODY], {"from": utility})
    assert market.get_standing(alice) == Standing.UNKNOWN


def test_approve__stranger__reverts(market, alice, stranger):
    with reverts("OwnableUnauthorizedAccount", stranger):
        market.approve([alice], {"from": stranger})


def test_approve__during_an_open_request__may_bid_at_once(
    market, open_request, bid, utility, alice
):
    market.set_access(Access.APPROVED, {"from": utility})
    open_request()
    market.approve([alice], {"from": utility})
    bid(alice, (10, 1))
    assert market.get_request(1)["bid_count"] == 1
