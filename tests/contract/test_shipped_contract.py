"""The compiled contract that the repository ships, and the scripts deploy, works as tested here.

Brownie compiles the contract together with the test contracts, which gives slightly other code.
"""

import pytest

from market.artifact import load_artifact
from market.clearing import Pricing
from tests.contract.driver import Driver, send, transaction
from tests.contract.helpers import STEP_WEI, Access, Status, set_next_time


@pytest.fixture
def shipped(Demand_Reduction, utility):
    """The shipped code as a contract, and a driver for it."""
    access = f"{Access.OPEN:064x}"
    receipt = send(transaction(utility, "0x" + load_artifact()["bytecode"] + access))
    return Driver(Demand_Reduction.at(receipt["contractAddress"]))


def test_shipped_contract__abi__is_the_one_of_the_sources(market):
    def in_order(abi):
        named = [{"name": entry["type"], **entry} for entry in abi]
        return sorted(named, key=lambda entry: (entry["type"], entry["name"]))

    assert in_order(load_artifact()["abi"]) == in_order(market.abi)


@pytest.mark.parametrize("pricing", Pricing)
def test_shipped_contract__a_round__pays_the_winners(shipped, utility, alice, bob, pricing):
    terms = (1000, STEP_WEI, 60, 0, 0, 0, pricing)
    shipped.transact(utility, "request_reduction", *terms, value_wei=10**15)
    shipped.transact(alice, "submit_bids", 1, [(600, 7), (600, 2)])
    shipped.transact(bob, "submit_bids", 1, [(500, 2)])
    set_next_time(shipped.view("get_request", 1)["gate_closure"])
    shipped.transact(bob, "select_winners", 1)
    before_wei = bob.balance()
    shipped.transact(utility, "pay_winners", 1, 9)
    assert bob.balance() == before_wei + 400 * 2 * STEP_WEI
    assert shipped.view("get_request", 1)["status"] == Status.SETTLED
