import pytest

from market.clearing import Access
from market.model import Standing

CONSUMER = 1


@pytest.fixture
def new_market(chain, stage):
    def new_market(access):
        market = chain.new_market(access)
        stage.use(market)
        return market

    return new_market


def test_register__open_contract__says_there_is_no_need(run, chain, market):
    nonces = chain.nonces()
    assert "need not register" in run("register").succeeded().out
    assert chain.nonces() == nonces


def test_register__registered_access__may_bid(run, chain, new_market):
    market = new_market(Access.REGISTERED)
    assert "is registered" in run("register").succeeded().out
    assert market.is_allowed(chain.accounts[CONSUMER])


def test_register__twice__second_sends_nothing(run, chain, new_market):
    new_market(Access.REGISTERED)
    run("register").succeeded()
    nonces = chain.nonces()
    assert "is registered already" in run("register").succeeded().out
    assert chain.nonces() == nonces


def test_register__dry_run__says_what_it_would_do_and_sends_nothing(run, chain, new_market):
    new_market(Access.REGISTERED)
    nonces = chain.nonces()
    said = run("register", DRY_RUN="yes").succeeded().out
    assert f"Would register {chain.accounts[CONSUMER]} (a dry run: nothing is sent)" in said
    assert chain.nonces() == nonces


def test_register__approved_access__says_that_approval_is_missing(run, chain, new_market):
    market = new_market(Access.APPROVED)
    run("register").refused_with("cannot bid yet", "the utility must approve it")
    assert market.standing(chain.accounts[CONSUMER]) == Standing.REGISTERED


def test_register__approved_meanwhile__says_so(run, chain, new_market):
    market = new_market(Access.APPROVED)
    chain.call(market, "approve", [chain.accounts[CONSUMER]])
    assert "is approved already" in run("register").succeeded().out
