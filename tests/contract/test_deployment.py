import pytest
from brownie import reverts as reverts_somehow

from tests.contract.helpers import (
    BOOKS,
    MAX_BIDDING_S,
    MAX_REDUCTION_WH,
    MAX_SKIPS,
    NOBODY,
    PRICE_LEVELS,
    Access,
    logs,
)


@pytest.mark.parametrize("access", Access)
def test_constructor__access__is_stored_and_logged(Demand_Reduction, utility, access):
    market = Demand_Reduction.deploy(access, {"from": utility})
    assert market.access() == access
    assert logs(market.tx) == [
        ("OwnershipTransferred", {"previousOwner": NOBODY, "newOwner": utility}),
        ("AccessChanged", {"access": access}),
    ]


def test_constructor__unknown_access__reverts(Demand_Reduction, utility):
    with reverts_somehow():
        Demand_Reduction.deploy(3, {"from": utility})


def test_constructor__deployer__is_the_utility(Demand_Reduction, alice):
    market = Demand_Reduction.deploy(Access.OPEN, {"from": alice})
    assert market.owner() == alice
    assert market.pendingOwner() == NOBODY


def test_constructor__ether__reverts(Demand_Reduction, utility):
    with reverts_somehow():
        Demand_Reduction.deploy(Access.OPEN, {"from": utility, "value": 1})


def test_constants__are_the_documented_limits(market):
    assert market.PRICE_LEVELS() == PRICE_LEVELS
    assert market.get_constants().dict() == {
        "books": BOOKS,
        "max_reduction_wh": MAX_REDUCTION_WH,
        "max_bidding_seconds": MAX_BIDDING_S,
        "max_skips": MAX_SKIPS,
    }


def test_new_market__has_no_requests(market):
    assert market.request_count() == 0
    assert market.balance() == 0
