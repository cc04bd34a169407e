"""A low balance is told before it is too late to bid, and only once."""

import sqlite3

import pytest

from market.balance import BalanceWatch
from market.node import NodeUnavailableError
from market.signer import KeySigner
from market.transactions import Sender
from tests.roles.conftest import GWEI, Recorder

MINUTES_S = 300


@pytest.fixture
def wallet(town):
    return town.wallet()


@pytest.fixture
def watch(town, wallet):
    return BalanceWatch(Sender(town.web3, KeySigner(wallet)), Recorder())


@pytest.fixture
def check(town, watch, wallet):
    """Look at the balance some minutes later, when the account holds so much."""

    def checked(balance_wei, later_s=MINUTES_S):
        town.rpc("anvil_setBalance", wallet.address, hex(balance_wei))
        town.rpc("evm_increaseTime", later_s)
        town.mine()
        watch.check(town.market.head(), 1)
        return watch.report.names()

    return checked


def test_check__ten_answers_cannot_be_paid__is_told_once_and_its_end_too(town, watch, check):
    needed_wei = 10 * 70_000 * watch.sender.fees().maximum_wei
    assert check(needed_wei) == []
    assert check(needed_wei - 1) == ["low_balance"]
    assert watch.report.told[-1] == ("low_balance", needed_wei - 1, needed_wei)
    assert check(0) == ["low_balance"]
    assert check(needed_wei) == ["low_balance", "balance_recovered"]
    assert check(0) == ["low_balance", "balance_recovered", "low_balance"]


def test_check__limit_of_the_user__is_what_counts(watch, check):
    watch.low_wei = 10**17
    assert check(10**17) == []
    assert check(10**17 - 1) == ["low_balance"]
    assert watch.report.told == [("low_balance", 10**17 - 1, 10**17)]


def test_check__a_moment_later__does_not_look_again(watch, check):
    assert check(10**18) == []
    assert check(0, later_s=60) == []
    assert watch.balance_wei == 10**18
    assert check(0) == ["low_balance"]


def test_check__gas_above_the_ceiling__looks_again_when_it_is_cheaper(town, wallet, check, watch):
    watch.sender = Sender(town.web3, KeySigner(wallet), ceiling_wei=5 * GWEI)
    town.price_gas(100 * GWEI)
    assert check(0) == []
    assert watch.balance_wei == 0
    town.price_gas(0)
    assert check(0, later_s=1) == ["low_balance"]


def test_consumer__account_nearly_empty__is_warned_and_says_when_it_cannot_bid(town, wallet):
    consumer = town.consumer("poor", Sender(town.web3, KeySigner(wallet)))
    town.rpc("anvil_setBalance", wallet.address, hex(1))
    town.request()
    consumer.step()
    consumer.step()
    assert consumer.desk.report.names() == ["request_opened", "problem", "low_balance"]
    assert "the fee is more than that" in consumer.problem
    town.rpc("anvil_setBalance", wallet.address, hex(10**18))
    consumer.step()
    assert len(town.market.bids(1)) == 1


@pytest.mark.parametrize("told", ["0x" + "f" * 65, "0x" + "f" * 100])
def test_balance__more_than_there_can_be__is_asked_for_again(town, watch, told):
    town.web3.provider.instead = lambda method, _params: (
        {"jsonrpc": "2.0", "id": 1, "result": told} if method == "eth_getBalance" else None
    )
    with pytest.raises(NodeUnavailableError, match="more Ether than there can be"):
        watch.sender.balance_wei()


def test_consumer__nothing_requested__a_low_balance_and_a_lost_memory_are_problems(town, wallet):
    consumer = town.consumer("poor", Sender(town.web3, KeySigner(wallet)))
    town.price_gas(GWEI)
    town.rpc("anvil_setBalance", wallet.address, hex(1))
    consumer.step()
    assert "holds only" in consumer.problem
    town.rpc("anvil_setBalance", wallet.address, hex(10**18))
    town.rpc("evm_increaseTime", 400)
    town.mine()
    consumer.step()
    assert consumer.problem is None
    consumer.desk.memory.retreat(sqlite3.OperationalError("disk is full"), rescue=True)
    assert "market.sqlite3 cannot be used (disk is full)" in consumer.problem
