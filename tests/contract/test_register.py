from tests.contract.helpers import Access, Standing, logs, reverts


def test_register__newcomer__is_registered(market, alice):
    market.register({"from": alice})
    assert market.get_standing(alice) == Standing.REGISTERED


def test_register__newcomer__is_logged(market, alice):
    tx = market.register({"from": alice})
    assert logs(tx) == [("ConsumerRegistered", {"consumer": alice})]


def test_register__twice__reverts(market, alice):
    market.register({"from": alice})
    with reverts("AlreadyRegistered", alice):
        market.register({"from": alice})


def test_register__approved__reverts_and_keeps_the_approval(market, utility, alice):
    market.approve([alice], {"from": utility})
    with reverts("AlreadyRegistered", alice):
        market.register({"from": alice})
    assert market.get_standing(alice) == Standing.APPROVED


def test_register__revoked__reverts(market, utility, alice):
    market.revoke([alice], {"from": utility})
    with reverts("Revoked", alice):
        market.register({"from": alice})
    assert market.get_standing(alice) == Standing.REVOKED


def test_register__during_an_open_request__may_bid_at_once(
    market, open_request, bid, utility, alice
):
    market.set_access(Access.REGISTERED, {"from": utility})
    open_request()
    market.register({"from": alice})
    bid(alice, (10, 1))
    assert market.get_request(1)["bid_count"] == 1
