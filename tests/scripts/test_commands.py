"""What else the scripts do: approve, revoke, cancel, withdraw."""

import pytest

from market.contract import Standing, Status

CONSUMER, OTHER = 1, 2


# Who may bid


def test_approve__several_consumers__all_are_approved(run, chain, market):
    consumers = chain.accounts[CONSUMER : OTHER + 1]
    assert "2 approved" in run("utility", *consumers, function="approve").succeeded().out
    assert {market.standing(consumer) for consumer in consumers} == {Standing.APPROVED}


def test_revoke__approved_consumer__is_revoked(run, chain, market):
    consumer = chain.accounts[CONSUMER]
    run("utility", consumer, function="approve").succeeded()
    assert "1 revoked" in run("utility", consumer, function="revoke").succeeded().out
    assert market.standing(consumer) == Standing.REVOKED


@pytest.mark.parametrize("function", ["approve", "revoke"])
@pytest.mark.parametrize(
    ("consumers", "words"),
    [([], ["No consumer is named"]), (["0x12"], ["consumer", "40 hexadecimal digits"])],
)
def test_approve__no_address__says_so(run, chain, market, function, consumers, words):
    nonces = chain.nonces()
    run("utility", *consumers, function=function).refused_with(*words)
    assert chain.nonces() == nonces


# cancel


def test_cancel__request_is_open__whole_escrow_comes_back(run, chain, market):
    before = chain.ether_wei(market)
    request_id = chain.request(market)
    assert "is cancelled" in run("utility", str(request_id), function="cancel").succeeded().out
    assert market.request(request_id).status == Status.CANCELLED
    assert chain.web3.eth.get_balance(market.address) == 0
    assert chain.ether_wei(market) == before


@pytest.mark.parametrize(
    ("written", "words"),
    [("", ["not the number"]), ("first", ['"first"', "not the number"]), ("7", ["does not exist"])],
)
def test_cancel__no_such_request__says_so(run, market, written, words):
    run("utility", written, function="cancel").refused_with(*words)


def test_cancel__gate_has_closed__says_so(run, chain, market):
    request_id = chain.request(market)
    chain.close_gate(market, request_id)
    run("utility", str(request_id), function="cancel").refused_with("Bidding ended at")


# withdraw


@pytest.fixture
def deferred_wei(chain, market):
    """The consumer's money after a round in which it could not be pushed to the account."""
    request_id = chain.request(market)
    chain.bid(market, request_id, CONSUMER)
    with chain.refusing_ether(CONSUMER):
        chain.settle(market, request_id)
    return market.deferred_wei(chain.accounts[CONSUMER])


def test_withdraw__money_waits__comes_to_the_consumer(run, chain, market, deferred_wei):
    before = chain.ether_wei(market)
    assert deferred_wei
    assert "ETH withdrawn by" in run("consumer", function="withdraw").succeeded().out
    assert market.deferred_wei(chain.accounts[CONSUMER]) == 0
    assert chain.web3.eth.get_balance(market.address) == 0
    assert chain.ether_wei(market) == before


@pytest.mark.parametrize("script", ["consumer", "utility"])
def test_withdraw__nothing_waits__says_so_and_sends_nothing(run, chain, market, script):
    nonces = chain.nonces()
    assert "Nothing waits" in run(script, function="withdraw").succeeded().out
    assert chain.nonces() == nonces
