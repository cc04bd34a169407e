"""Blocks that had happened are replaced by others: nothing they held is taken for granted."""

from functools import partial
from itertools import product

import pytest

from market.errors import MarketError
from market.model import Status
from market.units import PRICE_LEVELS
from tests.faults import rules
from tests.faults.cases import play_all
from tests.faults.check import check, check_results
from tests.faults.conftest import HEAT_PUMP, OVEN, on_every_node
from tests.faults.live_chain import Fate
from tests.faults.people import WAITING, Household, Person, wallet
from tests.faults.waiting import wait_until
from tests.faults.world import World

pytestmark = pytest.mark.slow

DEPTHS = range(1, 11)
RIVAL = 2
CHEAP = (2000, PRICE_LEVELS // 10)
UNDONE = "A reorganisation has undone the end of request"
MAY_BE_UNDONE = "Final in"


def waiting_home(world: World) -> Household:
    """Return a household whose consumer waits, and takes nothing for final in these tests."""
    home = world.household("alice", 1, HEAT_PUMP, OVEN)
    home.configure(CONFIRMATIONS=12)
    home.start()
    home.wait_for(WAITING)
    return home


def bids_in_the_newest_block(world: World, home: Household) -> int:
    """Open a request, and return its id once the newest block holds the household's bids.

    No block comes by itself: call it while the chain is held still.
    """
    request_id = world.chain.request(world.market)
    bid_in_the_next_block(world, home)
    return request_id


def bid_in_the_next_block(world: World, home: Household) -> None:
    """Mine a block with the bids that a household sends."""
    told = home.told.count("Bid (heat pump)")
    world.chain.wait_for_pool()
    world.chain.mine()
    wait_until(lambda: home.told.count("Bid (heat pump)") > told, lambda: home.told)


def end_well(world: World, home: Household, request_id: int) -> None:
    """Settle the request if it is not, and check."""
    if world.market.unfinished():
        world.chain.settle(world.market, request_id)
    home.wait_for_results(request_id)
    # Results of the chain that was replaced may still be there for a moment.
    for device in world.households:
        wait_until(partial(has_right_results, world, device), lambda: home.told)
    check(world)


def ends_again_by_itself(utility: Person) -> None:
    """Have a utility say that its end of the request was undone, and end for good with status 0."""
    assert utility.process.wait() == 0, utility.told
    assert utility.process.out.count(UNDONE) == 1, utility.told


def has_right_results(world: World, home: Household) -> bool:
    try:
        check_results(world.market, world.market.request(1), home)
    except (AssertionError, MarketError):
        return False
    return True


def replaced_bids(world: World, case: tuple[int, Fate]) -> None:
    depth, fate = case
    home = waiting_home(world)
    with world.chain.still():
        request_id = bids_in_the_newest_block(world, home)
        world.chain.mine(depth - 1)
        world.chain.reorganise(depth, fate)
        if fate == Fate.GONE:
            assert not home.has_bid(request_id)
    home.wait_for_bid(request_id)
    world.chain.mine(3)
    end_well(world, home, request_id)


@on_every_node("worlds")
def test_consumer__bids_replaced__are_there_again_once(worlds, tmp_path):
    cases = [*product(DEPTHS, [Fate.GONE]), *product((1, 4, 10), [Fate.LATER, Fate.POOL])]
    play_all(worlds, tmp_path, cases, replaced_bids)


def replaced_request(world: World, depth: int) -> None:
    """Have a request vanish, and another one come under its number."""
    home = waiting_home(world)
    with world.chain.still():
        vanishing = bids_in_the_newest_block(world, home)
        world.chain.mine(max(0, depth - 2))
        world.chain.reorganise(max(2, depth))
        assert not world.market.request_count()
        world.chain.mine()
    wait_until(lambda: "disappeared" in home.told or "vanish" in home.told, lambda: home.told)
    request_id = world.chain.request(world.market, reduction_wh=2500)
    assert request_id == vanishing
    home.wait_for_bid(request_id)
    end_well(world, home, request_id)


@on_every_node("worlds")
def test_consumer__request_replaced__the_other_is_answered(worlds, tmp_path):
    play_all(worlds, tmp_path, DEPTHS[1:], replaced_request)


def replaced_outcome(world: World, case: tuple[int, Fate]) -> None:
    """Take back a payment, a selection, the gate's closure, and a rival's cheaper bids."""
    depth, fate = case
    home = waiting_home(world)
    with world.chain.still():
        request_id = bids_in_the_newest_block(world, home)
        world.chain.mine(10)
        world.chain.do(world.market, RIVAL, "submit_bids", request_id, [CHEAP, CHEAP])
        world.chain.settle(world.market, request_id)
        home.wait_for_results(request_id)
        world.chain.mine(max(0, depth - 4))
        world.chain.reorganise(depth, fate)
        if fate == Fate.GONE and depth <= 4:
            wait_until(lambda: not home.has_results(request_id), lambda: home.told)
    end_well(world, home, request_id)


@on_every_node("worlds")
def test_consumer__outcome_replaced__results_are_the_new_chains(worlds, tmp_path):
    cases = [*product(DEPTHS, [Fate.GONE]), (1, Fate.LATER), (2, Fate.LATER)]
    play_all(worlds, tmp_path, cases, replaced_outcome)


@on_every_node("world")
@pytest.mark.parametrize(
    ("depth", "after", "left"),
    [
        (1, 0, Status.CLEARED),
        (2, 1, Status.CLEARED),
        (2, 0, Status.BIDDING),
        (3, 1, Status.BIDDING),
    ],
)
def test_utility__what_it_has_done_replaced__does_it_again(world, depth, after, left):
    """`after` so many blocks, the payment goes, and the selection too if bidding is `left`."""
    home, utility, chain = waiting_home(world), world.utility(), world.chain
    utility.run("utility", "request", "2.5", "0.004", "600")
    home.wait_for_bid(1)
    with chain.still():
        chain.close_gate(world.market, 1)
        for _ in ("selection", "payment"):
            chain.wait_for_pool()
            chain.mine()
        utility.wait_for(MAY_BE_UNDONE)
        chain.mine(after)
        chain.reorganise(depth)
        assert world.market.request(1).status == left
    ends_again_by_itself(utility)
    end_well(world, home, 1)


@on_every_node("world")
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_cancel__replaced_while_the_gate_is_open__cancels_again(world, depth):
    home, utility, chain = waiting_home(world), world.utility(), world.chain
    with chain.still():
        request_id = bids_in_the_newest_block(world, home)
        chain.mine(3)
        utility.run("utility", "cancel", str(request_id))
        chain.wait_for_pool()
        chain.mine()
        utility.wait_for(MAY_BE_UNDONE)
        # Another block more, and it would be final.
        chain.mine(min(depth - 1, 1))
        chain.reorganise(depth)
        assert world.market.request(request_id).status == Status.BIDDING
    ends_again_by_itself(utility)
    assert utility.process.out.count(f"Request {request_id} is cancelled (") == 2, utility.told
    assert home.has_bid(request_id)
    end_well(world, home, request_id)


@on_every_node("world")
def test_consumer__chain_shorter_for_a_while__bids_are_there_again_once(world):
    home = waiting_home(world)
    with world.chain.still():
        request_id = bids_in_the_newest_block(world, home)
        world.chain.mine(2)
        world.chain.roll_back(3)
    home.wait_for_bid(request_id)
    end_well(world, home, request_id)


@on_every_node("world")
def test_consumer__killed_before_a_reorganisation__sends_the_bids_again(world):
    home = waiting_home(world)
    with world.chain.still():
        request_id = bids_in_the_newest_block(world, home)
        home.process.kill()
        world.chain.reorganise(1)
    home.start()
    home.wait_for_bid(request_id)
    end_well(world, home, request_id)


@on_every_node("world")
def test_consumers__bids_and_what_came_before_them_are_gone__two_devices_bid_once(world):
    first = waiting_home(world)
    with world.chain.still():
        other = {"from": first.address, "to": wallet(5).address, "value": "0x1"}
        # The bids wait until another transaction of the account is before them.
        first.proxy.add(rules.only(rules.refused(-32000, "busy"), rules.SEND))
        request_id = world.chain.request(world.market)
        world.chain.send(first.number, other)
        first.proxy.clear()
        bid_in_the_next_block(world, first)
        # The bids' nonce is free again, and so is the one before it.
        world.chain.reorganise(2)
        first.wait_for("disappeared")
        second = world.household("second", first.number, *first.offers)
        second.start()
        second.wait_for(WAITING)
        world.chain.wait_for_pool()
        world.chain.mine(3)
    first.wait_for_bid(request_id)
    world.chain.mine(3)
    end_well(world, first, request_id)


@on_every_node("world")
@pytest.mark.parametrize("fate", [Fate.POOL, Fate.LATER])
def test_reorganise__gas_has_become_dear_since__the_transactions_come_back(world, fate):
    chain, rival = world.chain, world.chain.accounts[RIVAL]
    cheap = {"from": rival, "to": rival, "gas": hex(21000), "maxFeePerGas": hex(2 * 10**9)}
    with chain.still():
        sent = chain.ask("eth_sendTransaction", {**cheap, "maxPriorityFeePerGas": "0x1"})
        chain.mine()
        assert chain.ask("eth_getTransactionReceipt", sent)
        chain.set_base_fee(50 * 10**9)
        chain.reorganise(4, fate)
        chain.mine()
        assert chain.ask("eth_getTransactionReceipt", sent)
