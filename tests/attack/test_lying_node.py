"""A node that lies: the consumer signs its own bids or nothing, lives on, and bids when it is over.

Real consumers, each a process of its own, behind a proxy that lies in front of a real node.
"""

import json
from pathlib import Path
from random import Random

import pytest

from market.bids import Offer
from tests.attack.lies import Lie, always, changed, number, term, view
from tests.attack.signed import check_bids_within, signed_by
from tests.faults import rules
from tests.faults.cases import play_all
from tests.faults.live_chain import STEP_WEI
from tests.faults.people import WAITING, Household
from tests.faults.proxy import Answer
from tests.faults.waiting import wait_until
from tests.faults.world import World

pytestmark = pytest.mark.slow

HEAT_PUMP = Offer(2000, 2 * 10**12, "heat pump")
OVEN = Offer(1000, 3 * 10**12, "oven")
HUGE = 2**300
_BLOCKS_OF_LIES = 10
MOST = {8: 2**8 - 1, 32: 2**32 - 1, 40: 2**40 - 1, 64: 2**64 - 1, 256: 2**256 - 1}

BLOCK, RECEIPT = "eth_getBlockByNumber", "eth_getTransactionReceipt"
NONCE, ESTIMATE, TIP = "eth_getTransactionCount", "eth_estimateGas", "eth_maxPriorityFeePerGas"


def own_bids(home: Household, *, endless: bool):
    """Tell of bids of this household that are not there."""

    def change(call, _values):
        bid = home.address, 2000, 1
        return [[(i, *bid) for i in range(1, 501)] if endless else [(1, *bid)]]

    return view("get_bids", change)


LIES_OF_TERMS = {
    "price step of nothing": lambda _: term("price_step_wei", 0),
    "price step a thousand times": lambda _: term("price_step_wei", lambda step: 1000 * step),
    "largest price step": lambda _: term("price_step_wei", MOST[64]),
    "smallest price step": lambda _: term("price_step_wei", 1),
    "nothing to reduce": lambda _: term("reduction_wh", 0),
    "largest reduction": lambda _: term("reduction_wh", MOST[40]),
    "gate closed long ago": lambda _: term("gate_closure", 1),
    "gate that never closes": lambda _: term("gate_closure", MOST[40]),
    "largest smallest bid": lambda _: term("minimum_bid_wh", MOST[32]),
    "unknown status": lambda _: term("status", MOST[8]),
    "settled": lambda _: term("status", 3),
    "most bids": lambda _: term("bid_count", MOST[256]),
    "unknown pricing": lambda _: term("pricing", 7),
}
LIES_OF_NUMBERS = {
    "no requests": lambda _: view("request_count", lambda *_: [0]),
    "more requests": lambda _: view("request_count", lambda _, count: [count[0] + 5]),
    "most requests": lambda _: view("request_count", lambda *_: [MOST[256]]),
    "endless bids of ours": lambda home: own_bids(home, endless=True),
    "block of a huge number": lambda _: changed(BLOCK, number=number(HUGE)),
    "block of a high number": lambda _: changed(BLOCK, number=number(2**62)),
    "block of a huge time": lambda _: changed(BLOCK, timestamp=number(HUGE)),
    "block of a late time": lambda _: changed(BLOCK, timestamp=number(2**60)),
    "block of a negative time": lambda _: changed(BLOCK, timestamp=number(-1)),
    "block without a hash": lambda _: changed(BLOCK, hash=lambda _: None),
    "huge base fee": lambda _: changed(BLOCK, baseFeePerGas=number(HUGE)),
    "high base fee": lambda _: changed(BLOCK, baseFeePerGas=number(10**18)),
    "negative base fee": lambda _: changed(BLOCK, baseFeePerGas=number(-(10**9))),
    "huge tip": lambda _: always(hex(HUGE), TIP),
    "high tip": lambda _: always(hex(10**18), TIP),
    "negative tip": lambda _: always("-0x1", TIP),
    "huge estimate": lambda _: always(hex(HUGE), ESTIMATE),
    "high estimate": lambda _: always(hex(2**40), ESTIMATE),
    "estimate of nothing": lambda _: always("0x0", ESTIMATE),
    "negative estimate": lambda _: always("-0x5208", ESTIMATE),
    "huge nonce": lambda _: always(hex(HUGE), NONCE),
    "negative nonce": lambda _: always("-0x1", NONCE),
    "nonce to come": lambda _: Lie(lambda _, true: hex(int(true, 16) + 3), of_method(NONCE)),
}
LIES_OF_RECEIPTS = {
    "failed": lambda _: changed(RECEIPT, status=number(0)),
    "no logs": lambda _: changed(RECEIPT, logs=lambda _: []),
    "logs of another": lambda _: changed(RECEIPT, logs=other_logs),
    "huge block": lambda _: changed(RECEIPT, blockNumber=number(HUGE)),
    "high block": lambda _: changed(RECEIPT, blockNumber=number(2**62)),
    "huge gas": lambda _: changed(RECEIPT, gasUsed=number(HUGE)),
    "negative gas": lambda _: changed(RECEIPT, gasUsed=number(-1)),
    "another block": lambda _: changed(RECEIPT, blockHash=lambda _: "0x" + "9" * 64),
    "nothing": lambda _: always({}, RECEIPT),
}
SENSELESS = [None, True, [], {}, "text", "", "0x", -1, 1.5, "0x-1", hex(HUGE), [[]], {"a": 1}]


def of_method(method):
    return lambda call: call.method == method


def other_logs(logs):
    return [{**log, "topics": ["0x" + "7" * 64]} for log in logs]


def babble(seed: int):
    """Answer half of all calls with a value that makes no sense there."""
    chance = Random(seed)

    def twist(_call, _true):
        return chance.choice(SENSELESS)

    return lambda _: Lie(twist, lambda call: call.method != rules.SEND and chance.random() < 0.5)


LIES = {
    **LIES_OF_TERMS,
    **LIES_OF_NUMBERS,
    **LIES_OF_RECEIPTS,
    **{f"babble {seed}": babble(seed) for seed in range(3)},
}
WORST = (
    "price step of nothing",
    "largest price step",
    "most requests",
    "block of a huge time",
    "high tip",
    "huge nonce",
    "nonce to come",
    "high block",
    "babble 0",
)


def consumer(world: World) -> Household:
    home = world.household("alice", 1, HEAT_PUMP, OVEN)
    home.start()
    home.wait_for(WAITING)
    return home


def lied_to(world: World, name: str) -> None:
    """Lie about a request, tell the truth about the next, and look at all that was signed."""
    home = consumer(world)
    lie = LIES[name](home)
    with home.proxy.following(lie):
        first = world.chain.request(world.market)
        wait_until(lambda: lie.told, lambda: home.told)
        enough = world.chain.head() + _BLOCKS_OF_LIES
        wait_until(lambda: world.chain.head() > enough)
    world.chain.settle(world.market, first)
    second = world.chain.request(world.market)
    home.wait_for_bid(second)
    check_signed(home, name)
    assert home.lives(), home.told
    assert "Traceback" not in home.told


def check_signed(home: Household, name: str) -> None:
    """Fail unless all that is signed are bids within the household's limits."""
    signed = signed_by(home)
    assert signed
    # With one node alone the grid is what it says; what that leaves open is in docs/THREATS.md.
    steps = {"price step a thousand times": 1000 * STEP_WEI, "largest price step": MOST[64]}
    check_bids_within(signed, home.offers, steps.get(name, STEP_WEI))


def test_consumer__node_lies__signs_its_own_bids_only_and_bids_when_it_is_over(worlds, tmp_path):
    play_all(worlds, tmp_path, WORST, lied_to)


@pytest.mark.long
def test_consumer__node_lies_in_every_way__signs_its_own_bids_only(worlds, tmp_path):
    play_all(worlds, tmp_path, LIES.keys() - {*WORST}, lied_to)


def test_consumer__node_says_it_is_on_another_chain__signs_for_its_own(world):
    home = consumer(world)
    with home.proxy.following(rules.other_chain(1)):
        home.wait_for_bid(world.chain.request(world.market))
    assert signed_by(home)


# More nodes than one


def with_second_node(world: World):
    home = world.household("alice", 1, HEAT_PUMP, OVEN)
    second = world.proxy()
    home.configure(RPC_URLS=f"{home.proxy.url} {second.url}")
    home.start()
    home.wait_for(WAITING)
    return home, second


DISAGREEMENTS = {
    **{
        name: (LIES_OF_TERMS[name], "other terms")
        for name in (
            "price step a thousand times",
            "largest price step",
            "largest reduction",
            "gate that never closes",
        )
    },
    "more requests": (
        lambda _: view("request_count", lambda _, count: [count[0] + 1]),
        "fewer requests",
    ),
    "nonce to come": (LIES_OF_NUMBERS["nonce to come"], "another number of transactions"),
}


def disagreed(world: World, name: str) -> None:
    """Have one of two nodes lie: nothing is signed until it tells the truth."""
    home, second = with_second_node(world)
    make, words = DISAGREEMENTS[name]
    lies = [make(home)]
    if name == "more requests":
        # It invents a request: the newest one, once more under the next number.
        lies += [invented_request(world), always(hex(200_000), ESTIMATE)]
    for lie in lies:
        home.proxy.add(lie)
    first = world.chain.request(world.market)
    home.wait_for(words)
    invented = [s for s in signed_by(home, second) if s.request_id != first]
    assert not invented
    if name != "more requests":
        assert not signed_by(home, second)
    home.proxy.clear()
    home.wait_for_bid(first)
    check_bids_within(signed_by(home, second), home.offers, STEP_WEI)
    second.close()


def invented_request(world: World):
    """Answer to a question for a request that is not there with the one before it."""

    def twist(call, true):
        data = call.params[0]["data"]
        asked = int(data[10:74], 16)
        if asked <= world.market.request_count():
            return true
        before = {**call.params[0], "data": data[:10] + f"{asked - 1:064x}"}
        return world.chain.ask("eth_call", before, "latest")

    lie = view("get_request", lambda _, values: values)
    return Lie(twist, lie.applies)


def test_consumer__one_of_two_nodes_lies__signs_nothing_until_they_agree(worlds, tmp_path):
    play_all(worlds, tmp_path, DISAGREEMENTS, disagreed)


def test_consumer__second_node_away__bids_with_the_first(world):
    home, second = with_second_node(world)
    with second.refusing():
        request_id = world.chain.request(world.market)
        home.wait_for_bid(request_id)
    second.close()


def test_consumer__second_node_shows_no_contract__names_it_and_bids_once_they_agree(world):
    home, second = with_second_node(world)
    with second.following(always("0x", "eth_getCode")):
        request_id = world.chain.request(world.market)
        home.wait_for(f"The node at {second.url} shows another contract than the one")
        assert not home.proxy.count(rules.SEND)
    home.wait_for_bid(request_id)
    second.close()


def test_consumer__bids_hidden_by_one_of_two_nodes__bids_once(world):
    """The node tells that the bids failed and are not there, to have them signed once more."""
    home, second = with_second_node(world)
    hidden = view("get_bids", lambda *_: [[]])
    failed = changed(RECEIPT, status=number(0))
    with home.proxy.following(hidden, failed):
        request_id = world.chain.request(world.market)
        home.wait_for_bid(request_id)
        home.wait_for("other bids")
    assert len({one.fields["nonce"] for one in signed_by(home, second)}) == 1
    assert len(world.market.bids_of(home.address, request_id)) == 2
    second.close()


# At the start


@pytest.mark.parametrize("said", SENSELESS, ids=json.dumps)
def test_register__node_that_makes_no_sense__says_so_in_one_line_and_waits(world, said):
    home = world.household("alice", 1, HEAT_PUMP)
    lie = always(said)
    with home.proxy.following(lie):
        home.run("register")
        home.wait_for(f"The node at {home.proxy.url} ")
    assert home.process.wait() == 0, home.told
    # What it waited for, and that anybody may bid here.
    assert len(home.told.strip().splitlines()) == 2, home.told


def test_consumer__chain_of_another_network_at_the_start__signs_nothing(world):
    home = world.household("alice", 1, HEAT_PUMP)
    home.configure(REMOTE_NETWORK="sepolia")
    world.chain.request(world.market)
    home.start()
    assert home.process.wait() == 1
    assert "chain 11155111" in home.told
    assert not home.proxy.count(rules.SEND)


def test_consumer__another_contracts_code_at_the_address__signs_nothing(world):
    home = world.household("alice", 1, HEAT_PUMP)
    home.configure(CONTRACT_ADDRESS=home.address)
    home.proxy.add(always("0x6001600155", "eth_getCode"))
    home.start()
    assert home.process.wait() == 1
    assert "is not a Demand_Reduction" in home.told
    assert not home.proxy.count(rules.SEND)


# Memory and time


def memory_mb(home: Household) -> int:
    """Return the most memory that a process has had so far."""
    status = Path(f"/proc/{home.process.pid}/status").read_text("ascii")
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) // 1024


@pytest.mark.parametrize(
    "body",
    [b" " * 400_000_000, b"[" + b"[]," * 2_700_000 + b"[]]", b"[" * 8_000_000],
    ids=["400 MB", "as large as is read", "nested"],
)
def test_consumer__huge_answers__memory_stays_bounded(world, body):
    home = consumer(world)
    before_mb = memory_mb(home)
    lie = Lie(lambda *_: Answer(body), lambda call: call.method == BLOCK)
    with home.proxy.following(lie):
        wait_until(lambda: lie.told > 2, lambda: home.told)
    request_id = world.chain.request(world.market)
    home.wait_for_bid(request_id)
    assert memory_mb(home) < before_mb + 300
