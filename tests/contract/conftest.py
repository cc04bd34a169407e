import gc
import sys
from types import SimpleNamespace

import pytest

from market.clearing import Pricing
from market.units import escrow_wei
from tests.contract.helpers import (
    BIDDING_S,
    REDUCTION_WH,
    STEP_WEI,
    Access,
    calldata,
    rpc,
    set_next_time,
)


@pytest.fixture(scope="session", autouse=True)
def _quick_isolation():
    """Keep what is loaded by now out of the garbage collection that each isolation ends with.

    That is all of Brownie and every contract's syntax tree, and takes longer than most tests.
    """
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="session", autouse=True)
def _quick_snapshots():
    """Let Brownie ask for its caller without reading the source of everybody who called that.

    It does so twice for every isolation, to warn of a use that there is none of here.
    """

    def stack():
        return [None, SimpleNamespace(frame=sys._getframe(2))]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules["brownie.network.rpc"], "inspect", SimpleNamespace(stack=stack))
        yield


@pytest.fixture(scope="session", autouse=True)
def _one_chain(web3):
    """Ask the node once for the chain's id, which web3 wants to know for every call."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(web3.provider, "cache_allowed_requests", True)
        patch.setattr(web3.provider, "cacheable_requests", {"eth_chainId"})
        yield


@pytest.fixture(scope="session", autouse=True)
def _receipts_at_hand(web3):
    """Let Brownie look for a receipt only once it is there.

    Anvil counts a sender's transaction a moment before it has the receipt. If Brownie asks in
    that moment, it sleeps for a second, or takes the transaction for lost.
    """
    send = web3.eth.send_transaction

    def send_and_wait(transaction):
        transaction_hash = send(transaction)
        web3.eth.wait_for_transaction_receipt(transaction_hash, poll_latency=0.002)
        return transaction_hash

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(web3.eth, "send_transaction", send_and_wait)
        yield


@pytest.fixture(autouse=True)
def _isolation(fn_isolation):
    pass


@pytest.fixture(scope="module")
def utility(accounts):
    return accounts[0]


@pytest.fixture(scope="module")
def alice(accounts):
    return accounts[1]


@pytest.fixture(scope="module")
def bob(accounts):
    return accounts[2]


@pytest.fixture(scope="module")
def carol(accounts):
    return accounts[3]


@pytest.fixture(scope="module")
def stranger(accounts):
    return accounts[4]


@pytest.fixture(scope="module")
def market(Demand_Reduction, utility):
    return Demand_Reduction.deploy(Access.OPEN, {"from": utility})


@pytest.fixture(scope="module")
def request_reduction(market, utility):
    """Request the usual reduction with what the test changes, and return the transaction."""

    def send(
        reduction_wh=REDUCTION_WH,
        price_step_wei=STEP_WEI,
        bidding_seconds=BIDDING_S,
        dispatch_start=0,
        dispatch_end=0,
        minimum_bid_wh=0,
        pricing=Pricing.UNIFORM,
        value=None,
        by=utility,
    ):
        return market.request_reduction(
            reduction_wh,
            price_step_wei,
            bidding_seconds,
            dispatch_start,
            dispatch_end,
            minimum_bid_wh,
            pricing,
            {
                "from": by,
                "value": escrow_wei(reduction_wh, price_step_wei) if value is None else value,
            },
        )

    return send


@pytest.fixture(scope="module")
def open_request(request_reduction):
    """Request the usual reduction with what the test changes, and return the request's id."""

    def send(**changes):
        return request_reduction(**changes).events["ReductionRequested"]["request_id"]

    return send


@pytest.fixture(scope="module")
def bid(market):
    """Submit (energy_wh, price_level) bids for a consumer, who may be a contract."""

    def send(consumer, *bids, request_id=1):
        if hasattr(consumer, "forward"):
            return consumer.forward(market, calldata(market.submit_bids, request_id, bids))
        return market.submit_bids(request_id, bids, {"from": consumer})

    return send


@pytest.fixture(scope="module")
def close_gate(market):
    """Move time to the very second of a request's gate closure."""

    def move(request_id=1):
        set_next_time(market.get_request(request_id)["gate_closure"])
        rpc("evm_mine")

    return move


@pytest.fixture(scope="module")
def select_winners(market, stranger, close_gate):
    """Close the gate of a request and select its winners."""

    def send(request_id=1):
        close_gate(request_id)
        return market.select_winners(request_id, {"from": stranger})

    return send


@pytest.fixture(scope="module")
def settle(market, stranger, select_winners):
    """Take a request from bidding to its end, and return the last transaction that took."""

    def send(request_id=1):
        tx = select_winners(request_id)
        if "RequestSettled" in tx.events:
            return tx
        return market.pay_winners(request_id, 2**256 - 1, {"from": stranger})

    return send


@pytest.fixture(scope="module")
def refusing(RefusingPayee, utility):
    return RefusingPayee.deploy({"from": utility})
