"""Transactions that do not get into a block by themselves, and accounts that others use too."""

import threading

import pytest

from market.bids import Offer
from tests.faults import rules
from tests.faults.check import check
from tests.faults.conftest import HEAT_PUMP, OVEN, on_every_node
from tests.faults.nursery import Nursery
from tests.faults.people import WAITING, wallet
from tests.faults.stuck import GWEI, STUCK, calling
from tests.faults.waiting import wait_until

pytestmark = [pytest.mark.long, on_every_node("world")]


def round_of(world, home):
    """Play a round with a consumer that waits, and return the calls of its transactions."""
    world.play_round(home)
    check(world)
    return [call.params[0] for call in home.proxy.calls if call.method == rules.SEND]


@pytest.fixture
def waiting(home):
    home.start()
    home.wait_for(WAITING)
    return home


def test_consumer__transaction_swallowed_twice__is_sent_again(world, waiting):
    with waiting.proxy.following(rules.first(2, rules.swallow, rules.SEND)):
        sent = round_of(world, waiting)
    assert len(sent) > 2
    assert waiting.transactions() == 1


@pytest.mark.parametrize("how", STUCK)
def test_consumer__bids_do_not_get_into_a_block__replaced_before_gate_closure(world, waiting, how):
    with waiting.proxy.following(rules.first(1, STUCK[how](world.chain), rules.SEND)):
        sent = round_of(world, waiting)
    assert len({*sent}) > 1, waiting.told
    assert waiting.transactions() == 1


def test_consumer__swallowed_and_killed__is_sent_again(world, waiting):
    with waiting.proxy.following(rules.swallow):
        request_id = world.chain.request(world.market)
        wait_until(lambda: waiting.proxy.count(rules.SEND), lambda: waiting.told)
        waiting.process.kill()
    waiting.start()
    waiting.wait_for_bid(request_id)
    world.chain.settle(world.market, request_id)
    waiting.wait_for_results(request_id)
    check(world)


def test_consumer__gas_above_the_ceiling__waits_until_it_is_cheaper(world, home):
    home.configure(MAX_FEE_GWEI=50)
    home.start()
    home.wait_for(WAITING)
    world.chain.hold_base_fee(100 * GWEI)
    request_id = world.chain.request(world.market)
    home.wait_for("MAX_FEE_GWEI")
    assert not home.proxy.count(rules.SEND)
    world.chain.hold_base_fee(None)
    home.wait_for_bid(request_id)
    world.chain.settle(world.market, request_id)
    home.wait_for_results(request_id)
    check(world)


def test_consumer__bids_would_cost_more_than_they_win__sends_nothing(world):
    home = world.household("alice", 1, Offer(2000, 5 * GWEI))
    home.configure(MAX_FEE_GWEI=10_000)
    home.start()
    home.wait_for(WAITING)
    world.chain.hold_base_fee(1000 * GWEI)
    request_id = world.chain.request(world.market, price_step_wei=GWEI // 100)
    home.wait_for("gas would cost")
    world.chain.settle(world.market, request_id)
    home.wait_for_results(request_id)
    check(world, absent=[(home, request_id)])
    assert not home.proxy.count(rules.SEND)


def test_consumer__other_program_uses_the_account__bids_once(world, waiting):
    other = {"from": waiting.address, "to": wallet(5).address, "value": 1}
    for _ in range(3):
        world.chain.web3.eth.send_transaction(other)
        round_of(world, waiting)
    assert waiting.transactions() == 6


def test_consumer__other_programs_transaction_is_pending__waits_for_it(world, waiting):
    other = {"from": waiting.address, "to": wallet(5).address, "value": 1}
    with world.chain.still():
        world.chain.web3.eth.send_transaction(other)
        world.chain.request(world.market)
    waiting.wait_for_bid(1)
    world.chain.settle(world.market, 1)
    waiting.wait_for_results(1)
    check(world)


def test_consumers__two_devices_with_one_account__bid_once(world):
    devices = [world.household(name, 1, HEAT_PUMP, OVEN) for name in ("first", "second")]
    for device in devices:
        device.start()
    for device in devices:
        device.wait_for(WAITING)
    for _ in range(5):
        request_id = world.chain.request(world.market)
        devices[0].wait_for_bid(request_id)
        world.chain.settle(world.market, request_id)
        for device in devices:
            device.wait_for_results(request_id)
        check(world)
    assert devices[0].transactions() == 5


def test_consumers__other_devices_bids_mined_before_the_nonce_is_read__bid_once(world):
    asked, mined = threading.Event(), threading.Event()

    def state_of_the_next_block(call, forward):
        """Answer as a node does that is just storing the next block, or has just replaced one."""
        if call.params[1] in ("latest", "pending") or not world.market.request_count():
            return forward()
        asked.set()
        mined.wait(60)
        return forward(call.changed([call.params[0], "latest"]))

    devices = [world.household(name, 1, HEAT_PUMP, OVEN) for name in ("first", "second")]
    for device in devices:
        device.start()
        device.wait_for(WAITING)
    rule = rules.only(state_of_the_next_block, "eth_getTransactionCount")
    with world.chain.still(), devices[1].proxy.following(rule):
        request_id = world.chain.request(world.market)
        assert asked.wait(60)
        world.chain.wait_for_pool()
        world.chain.mine()
        mined.set()
        devices[1].wait_for("are on chain already")
        world.chain.mine(3)
    world.chain.settle(world.market, request_id)
    for device in devices:
        device.wait_for_results(request_id)
    check(world)


REQUEST = ("utility", "request", "2.5", "0.004", "600")
FUNCTIONS = ("request_reduction", "select_winners", "pay_winners")


@pytest.fixture
def utility(world, waiting):
    """A utility whose request a consumer waits for."""
    return world.utility()


def see_through(world, home, utility):
    """Play the rest of a utility's round, with a consumer that waits."""
    home.wait_for_bid(1)
    world.chain.close_gate(world.market, 1)
    assert utility.process.wait() == 0, utility.told
    home.wait_for_results(1)
    check(world)


@pytest.mark.parametrize("how", STUCK)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_utility__transaction_does_not_get_into_a_block__replaced_and_done_once(
    world, waiting, utility, how, function
):
    before = utility.transactions()
    utility.proxy.add(calling(function, rules.first(1, STUCK[how](world.chain))))
    utility.run(*REQUEST)
    see_through(world, waiting, utility)
    sent = {call.params[0] for call in utility.proxy.calls if call.method == rules.SEND}
    assert len(sent) > len(FUNCTIONS), utility.told
    assert utility.transactions() == before + len(FUNCTIONS)


def test_utility__other_program_is_quicker__selects_and_pays_after_it(world, waiting, utility):
    fees = {"maxFeePerGas": 100 * GWEI, "maxPriorityFeePerGas": 50 * GWEI}
    other = {"from": utility.address, "to": wallet(5).address, "value": 1, **fees}
    before = utility.transactions()

    def other_first(call, forward):
        with world.chain.still():
            world.chain.web3.eth.send_transaction(other)
            return forward()

    for function in FUNCTIONS[1:]:
        utility.proxy.add(calling(function, rules.first(1, other_first)))
    utility.run(*REQUEST)
    see_through(world, waiting, utility)
    assert utility.transactions() == before + len(FUNCTIONS) + 2


def test_utility__other_programs_transaction_is_pending__waits_for_it(world, waiting, utility):
    other = {"from": utility.address, "to": wallet(5).address, "value": 1}
    with world.chain.still():
        world.chain.web3.eth.send_transaction(other)
        utility.run(*REQUEST)
        utility.wait_for("Another program's transaction")
        assert not utility.proxy.count(rules.SEND)
    see_through(world, waiting, utility)
    assert utility.told.count("Another program's transaction") == 1, utility.told


@pytest.mark.parametrize("offset_s", [-3600, 3600])
def test_consumer__clock_an_hour_off__bids_and_is_told(world, home, offset_s):
    home.nursery = Nursery(clock_offset_s=offset_s)
    home.start()
    home.wait_for(WAITING)
    round_of(world, home)
    home.process.stop()
    home.nursery.close()


@pytest.mark.parametrize("offset_s", [-3600, 3600])
def test_utility__clock_an_hour_off__round_is_settled(world, home, offset_s):
    nursery = Nursery(clock_offset_s=offset_s)
    utility = world.utility()
    utility.nursery = nursery
    home.start()
    utility.run(*REQUEST)
    home.wait_for_bid(1)
    world.chain.close_gate(world.market, 1)
    home.wait_for_results(1)
    assert utility.process.wait() == 0
    nursery.close()
    check(world)
