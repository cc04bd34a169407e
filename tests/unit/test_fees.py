import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.fees import FeeCeilingError, Fees, current_fees, raised_fees
from market.node import NodeUnavailableError
from market.provider import connect
from tests.unit.rpc import Reply, error, hang_up, running_node

GWEI = 10**9
wei = st.integers(0, 10**24)


@st.composite
def fees(draw):
    maximum_wei = draw(wei)
    return Fees(maximum_wei, draw(st.integers(0, maximum_wei)), maximum_wei)


def said(value):
    return Reply(json.dumps({"jsonrpc": "2.0", "id": 0, "result": value}))


def block(base_wei):
    """Return a block as a node tells it; without a base fee on an old chain."""
    written = {"number": "0x1", "timestamp": "0x1", "hash": "0x" + "1" * 64}
    return said(written if base_wei is None else {**written, "baseFeePerGas": hex(base_wei)})


@pytest.fixture
def price():
    """Connect to a node where gas has this price; without a tip it has no method for it."""
    with running_node() as node:

        def connected(base_wei, tip_wei=None):
            answers = {
                "eth_chainId": said("0x7"),
                "eth_getBlockByNumber": block(base_wei),
                "eth_maxPriorityFeePerGas": tip_wei is not None and said(hex(tip_wei)),
            }
            missing = error("the method does not exist", -32601)
            node.fault = lambda method: answers.get(method) or missing(method)
            return connect(node.url)

        connected.node = node
        yield connected


# What gas costs now


def test_current_fees__no_ceiling__last_through_six_full_blocks(price):
    now = current_fees(price(10 * GWEI, 2 * GWEI), None)
    assert now == Fees(22 * GWEI, 2 * GWEI, 12 * GWEI)
    assert now.fields() == {"maxFeePerGas": 22 * GWEI, "maxPriorityFeePerGas": 2 * GWEI}


@pytest.mark.parametrize(
    ("ceiling", "maximum", "tip"), [(30, 22, 2), (22, 22, 2), (15, 15, 2), (12, 12, 2), (11, 11, 1)]
)
def test_current_fees__ceiling__is_the_most(price, ceiling, maximum, tip):
    now = current_fees(price(10 * GWEI, 2 * GWEI), ceiling * GWEI)
    assert now == Fees(maximum * GWEI, tip * GWEI, (10 + tip) * GWEI)


@pytest.mark.parametrize("ceiling_wei", [10 * GWEI, 10 * GWEI - 1, 1])
def test_current_fees__base_fee_at_the_ceiling__is_refused(price, ceiling_wei):
    told = r"Gas costs 10\.0 gwei at present, and MAX_FEE_GWEI is"
    with pytest.raises(FeeCeilingError, match=told):
        current_fees(price(10 * GWEI, 0), ceiling_wei)


@pytest.mark.parametrize("base_wei", [None, 0])
def test_current_fees__chain_without_base_fee__is_the_tip(price, base_wei):
    assert current_fees(price(base_wei, GWEI), None) == Fees(GWEI, GWEI, GWEI)
    assert current_fees(price(base_wei, GWEI), GWEI // 2) == Fees(GWEI // 2, GWEI // 2, GWEI // 2)


def test_current_fees__gas_for_nothing__costs_nothing(price):
    assert current_fees(price(0, 0), None) == Fees(0, 0, 0)


def test_current_fees__node_suggests_no_tip__is_the_usual_one(price, recwarn):
    assert current_fees(price(10 * GWEI), None) == Fees(21 * GWEI, GWEI, 11 * GWEI)
    assert not recwarn.list


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("the method eth_maxPriorityFeePerGas does not exist/is not available", -32601),
        ("Method eth_maxPriorityFeePerGas not found", -32000),
        ("Unsupported method: eth_maxPriorityFeePerGas", -32600),
        ("method not supported", -32004),
    ],
)
def test_current_fees__node_says_it_knows_no_tips__is_the_usual_one(price, said, code):
    web3 = price(10 * GWEI, GWEI)
    answer = price.node.fault
    refused = error(said, code)
    price.node.fault = lambda method: (refused if "Priority" in method else answer)(method)
    assert current_fees(web3, None) == Fees(21 * GWEI, GWEI, 11 * GWEI)


@pytest.mark.parametrize("said", ["header not found for this state", "Internal error", "no state"])
def test_current_fees__node_fails_to_suggest_a_tip__is_unavailable(price, said):
    web3 = price(10 * GWEI, GWEI)
    answer = price.node.fault
    price.node.fault = lambda m: (error(said) if "Priority" in m else answer)(m)
    with pytest.raises(NodeUnavailableError, match=said):
        current_fees(web3, None)


def test_current_fees__node_away__is_unavailable(price):
    web3 = price(GWEI, GWEI)
    price.node.fault = hang_up
    with pytest.raises(NodeUnavailableError):
        current_fees(web3, None)


# What a replacement pays


@given(fees(), fees())
def test_raised_fees__anything__nodes_take_it_and_it_is_not_below_the_price(old, current):
    raised = raised_fees(old, current, None)
    # Nodes round a tenth more as they like; an eighth is more than that.
    assert 8 * raised.maximum_wei >= 9 * old.maximum_wei
    assert raised.maximum_wei > old.maximum_wei
    assert raised.maximum_wei >= current.maximum_wei
    assert 8 * raised.tip_wei >= 9 * old.tip_wei
    assert raised.tip_wei > old.tip_wei
    assert raised.tip_wei <= raised.maximum_wei
    assert raised.expected_wei == current.expected_wei


@given(fees(), fees(), wei)
def test_raised_fees__ceiling__is_never_passed(old, current, ceiling_wei):
    raised = raised_fees(old, current, ceiling_wei)
    free = raised_fees(old, current, None)
    assert raised == (None if free.maximum_wei > ceiling_wei else free)


def test_raised_fees__from_nothing__is_more_than_nothing():
    nothing = Fees(0, 0, 0)
    assert raised_fees(nothing, nothing, None) == Fees(1, 1, 0)


def test_raised_fees__again_and_again__reaches_the_ceiling_and_stops():
    now, versions = Fees(10 * GWEI, GWEI, 10 * GWEI), 0
    current = now
    while now := raised_fees(now, current, 100 * GWEI):
        versions += 1
        assert versions < 100
        highest_wei = now.maximum_wei
    assert versions == 19
    assert 88 * GWEI < highest_wei <= 100 * GWEI


def test_raised_fees__ceiling_reached_exactly__is_allowed():
    old = Fees(80 * GWEI, 8 * GWEI, 80 * GWEI)
    assert raised_fees(old, old, 90 * GWEI) == Fees(90 * GWEI, 9 * GWEI, 80 * GWEI)
    assert raised_fees(old, old, 90 * GWEI - 1) is None
