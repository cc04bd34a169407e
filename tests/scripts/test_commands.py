"""What else the scripts do: approve, revoke, cancel, withdraw; and all of it without Brownie."""

import pytest

from market.bids import Offer
from market.clearing import Access
from market.contract import DemandReduction, Standing, Status
from market.settings import load_settings
from market.units import format_eth
from tests.scripts.ports import free_port
from tests.scripts.stage import WAITING, Household

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
    run("utility", str(request_id), function="cancel").refused_with("can be cancelled no longer")


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


def test_withdraw__dry_run__says_what_it_would_do_and_sends_nothing(
    run, chain, market, deferred_wei
):
    nonces = chain.nonces()
    said = run("consumer", function="withdraw", DRY_RUN="yes").succeeded().out
    amount = format_eth(deferred_wei)
    assert f"Would withdraw {amount} ETH for {chain.accounts[CONSUMER]} (a dry run" in said
    assert chain.nonces() == nonces
    assert market.deferred_wei(chain.accounts[CONSUMER]) == deferred_wei


@pytest.mark.parametrize("script", ["consumer", "utility"])
def test_withdraw__nothing_waits__says_so_and_sends_nothing(run, chain, market, script):
    nonces = chain.nonces()
    assert "Nothing waits" in run(script, function="withdraw").succeeded().out
    assert chain.nonces() == nonces


# deploy


def test_deploy__another_contract_before__says_which(run, stage, market):
    deployed = run("deploy").succeeded()
    assert f"CONTRACT_ADDRESS is written into .env (was {market.address})" in deployed.out
    assert load_settings(stage.env_file).require_contract() != market.address


# status


@pytest.mark.parametrize("words", [["status"], ["consumer", "--log", "json", "status"]])
def test_status__no_consumer_and_no_node__says_so_and_fails(run_on_device, words):
    ended = run_on_device(*words, LOCAL_RPC_URL=f"http://127.0.0.1:{free_port()}")
    assert ended.tells_no_internals().status == 1
    assert "no consumer has worked with this folder" in ended.out


def test_status__from_a_script__is_the_same(run):
    assert "no consumer has worked" in run("consumer", function="status").out


# Without Brownie


@pytest.fixture
def run_on_device(stage):
    def run_on_device(*words, **settings):
        return stage.start_on_device(*words, **settings).finish()

    return run_on_device


def test_deploy__without_brownie__remembers_the_contract(run_on_device, chain, stage):
    text = run_on_device("deploy", ACCESS="REGISTERED").succeeded().text
    contract = load_settings(stage.env_file).require_contract()
    assert f"Contract deployed at {contract}" in text
    assert DemandReduction(chain.web3, contract).access() == Access.REGISTERED


def test_register__without_brownie__may_bid(run_on_device, chain, stage):
    market = chain.new_market(Access.REGISTERED)
    stage.use(market)
    run_on_device("register").succeeded()
    assert market.is_allowed(chain.accounts[CONSUMER])


@pytest.mark.parametrize("network", [[], ["local"]])
def test_cancel__without_brownie__takes_its_words_as_the_script_does(
    run_on_device, chain, market, network
):
    request_id = chain.request(market)
    run_on_device("utility", "cancel", str(request_id), *network).succeeded()
    assert market.request(request_id).status == Status.CANCELLED


@pytest.mark.parametrize("words", [["utility", "finish"], ["consumer", "withdraw"]])
def test_log__of_a_command_that_tells_no_json__is_refused(run_on_device, market, words):
    run_on_device(*words, "--log", "json").refused_with("--log is for the consumer", "leave it out")


def test_request__without_brownie__is_refused_as_by_the_script(run_on_device, chain, market):
    nonces = chain.nonces()
    ended = run_on_device("utility", "request", "5", "-0.004", "60")
    ended.refused_with("price -0.004 ETH/kWh must be more than zero")
    assert chain.nonces() == nonces


@pytest.mark.parametrize("role", ["consumer", "utility"])
def test_withdraw__without_brownie__says_that_nothing_waits(run_on_device, market, role):
    assert "Nothing waits" in run_on_device(role, "withdraw").succeeded().out


def test_consumer__without_brownie__ends_on_ctrl_c(stage, market):
    household = Household(stage, CONSUMER, Offer(2000, 2 * 10**12, "heat pump"))
    ended = household.start_on_device().wait_for(WAITING).press_ctrl_c().finish()
    assert (ended.status, ended.err) == (130, "Stopped.\n")


@pytest.mark.parametrize("words", [[], ["household"], ["consumer", "--log", "xml"]])
def test_module__words_it_does_not_know__shows_how_it_is_used(run_on_device, words):
    ended = run_on_device(*words).tells_no_internals()
    assert ended.status == 2
    assert ended.err.startswith("usage: python -m market")
