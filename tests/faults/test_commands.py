"""The short commands, killed at any call to the node and given again: each does its work once."""

from collections.abc import Callable
from functools import partial

import pytest
from dotenv import dotenv_values

from market.clearing import Access
from market.contract import DemandReduction
from market.model import Standing
from market.store import Outcome
from tests.faults import rules
from tests.faults.cases import play_all
from tests.faults.check import check
from tests.faults.conftest import HEAT_PUMP, on_every_node
from tests.faults.kills import Case, play_phase, see_through
from tests.faults.people import WAITING, Household, Person, wallet
from tests.faults.proxy import Answer, Call, Forward
from tests.faults.rules import Killing
from tests.faults.waiting import wait_until
from tests.faults.world import World
from tests.scripts.chain import UTILITY

Give = Callable[..., Killing]
"""Gives a person a command's words, and returns once the command has worked."""


def again_if_killed(case: Case, person: Person, *words: str) -> Killing:
    """Give a command, and give it again where it was killed."""
    killing = Killing(person.process_id, case.at, method=case.method, after=case.after)
    with person.proxy.following(killing):
        person.run(*words)
        see_through(person, case, lambda: person.process.status == 0, lambda: person.run(*words))
    return killing


def while_the_node_is_away(person: Person, *words: str) -> Killing:
    """Give a command that cannot reach the node at first, and says so once."""
    with person.proxy.refusing():
        person.run(*words)
        person.wait_for("does not answer")
    assert person.process.wait() == 0, person.told
    assert person.told.count("does not answer") == 1, person.told
    return Killing(person.process_id, 0)


class OneCallFails:
    """Breaks the connection at one call, the first being number 1; at none if that is 0."""

    def __init__(self, at: int) -> None:
        self.at, self.calls = at, 0

    def __call__(self, call: Call, forward: Forward) -> Answer:
        self.calls += 1
        return rules.reset(call, forward) if self.calls == self.at else forward()


def while_one_call_fails(failing: OneCallFails, person: Person, *words: str) -> Killing:
    """Give a command that the node does not answer once."""
    with person.proxy.following(failing):
        person.run(*words)
        assert person.process.wait() == 0, person.told
    return Killing(person.process_id, 0)


def household(world: World) -> Household:
    return world.household("alice", 1, HEAT_PUMP)


def play_round(world: World, home: Household) -> None:
    """Have a consumer start, bid in a request, and be told what it brought."""
    home.start()
    home.wait_for(WAITING)
    world.play_round(home)


def deploys(world: World, give: Give) -> Killing:
    """Deploy a contract, and play a round in it."""
    utility = world.utility()
    before = utility.transactions()
    killing = give(utility, "deploy")
    assert utility.transactions() == before + 1, utility.told
    written = dotenv_values(utility.folder / ".env")["CONTRACT_ADDRESS"]
    assert written != world.market.address
    world.former_markets.append(world.market.address)
    world.market = DemandReduction(world.chain.web3, written)
    assert world.market.owner() == utility.address
    play_round(world, household(world))
    check(world)
    return killing


def cancels(world: World, give: Give) -> Killing:
    """Cancel a request that has a bid."""
    home, utility = household(world), world.utility()
    home.start()
    home.wait_for(WAITING)
    request_id = world.chain.request(world.market)
    home.wait_for_bid(request_id)
    before = utility.transactions()
    killing = give(utility, "utility", "cancel", str(request_id))
    assert utility.transactions() == before + 1, utility.told
    home.wait_for_results(request_id)
    assert home.results().status == Outcome.CANCELLED
    check(world)
    return killing


def registers(world: World, give: Give) -> Killing:
    """Register a consumer, and play a round."""
    world.chain.do(world.market, UTILITY, "set_access", Access.REGISTERED)
    home = household(world)
    before = home.transactions()
    killing = give(home, "register")
    assert home.transactions() == before + 1, home.told
    play_round(world, home)
    check(world)
    return killing


def approves(world: World, give: Give) -> Killing:
    """Approve a consumer, and play a round."""
    world.chain.do(world.market, UTILITY, "set_access", Access.APPROVED)
    home, utility = household(world), world.utility()
    before = utility.transactions()
    killing = give(utility, "utility", "approve", home.address)
    assert utility.transactions() == before + 1, utility.told
    play_round(world, home)
    check(world)
    return killing


def revokes(world: World, give: Give) -> Killing:
    """Revoke a consumer that has never bid."""
    utility, consumer = world.utility(), wallet(1).address
    before = utility.transactions()
    killing = give(utility, "utility", "revoke", consumer)
    assert utility.transactions() == before + 1, utility.told
    assert world.market.standing(consumer) == Standing.REVOKED
    check(world)
    return killing


def withdraws(world: World, give: Give) -> Killing:
    """Withdraw what could not be paid."""
    home = household(world)
    owed_wei = owe(world, home)
    before = home.transactions()
    killing = give(home, "consumer", "withdraw")
    assert home.transactions() == before + 1, home.told
    home.start()
    home.wait_for_results(1)
    check(world, withdrawn_wei=owed_wei)
    return killing


PLAYS = [deploys, cancels, registers, approves, revokes, withdraws]
every_command = pytest.mark.parametrize("play", PLAYS, ids=lambda play: play.__name__)


@pytest.fixture
def fresh(worlds, tmp_path):
    """A world that starts anew."""
    yield worlds[0].begin(tmp_path)
    worlds[0].end()


@pytest.mark.long
@pytest.mark.timeout(900)
@on_every_node("worlds")
@every_command
def test_command__killed_at_any_call__does_its_work_once(worlds, tmp_path, play):
    def killed(world: World, case: Case) -> Killing:
        return play(world, partial(again_if_killed, case))

    play_phase(worlds, tmp_path, killed, play.__name__)


@pytest.mark.slow
@pytest.mark.parametrize("play", [deploys, cancels, registers], ids=lambda play: play.__name__)
def test_command__killed_when_it_has_sent__does_its_work_once(fresh, play):
    case = Case(play.__name__, rules.SEND, 1, after=True)
    assert play(fresh, partial(again_if_killed, case)).victim


@pytest.mark.long
@every_command
def test_command__node_away_at_its_start__waits_and_says_so_once(fresh, play):
    play(fresh, while_the_node_is_away)


@pytest.mark.long
@every_command
def test_command__any_call_fails_once__does_its_work_once(worlds, tmp_path, play):
    def played(world: World, at: int) -> int:
        failing = OneCallFails(at)
        play(world, partial(while_one_call_fails, failing))
        return failing.calls

    (calls,) = play_all(worlds, tmp_path, [0], played)
    play_all(worlds, tmp_path, range(1, calls + 1), played)


@pytest.mark.long
@pytest.mark.parametrize("words", [["deploy"], ["utility", "approve", wallet(1).address]])
def test_command__another_programs_transaction_is_pending__waits_for_it(fresh, words):
    utility = fresh.utility()
    before = utility.transactions()
    with fresh.chain.still():
        other = {"from": utility.address, "to": wallet(5).address, "value": 1}
        fresh.chain.web3.eth.send_transaction(other)
        utility.run(*words)
        utility.wait_for("Another program's transaction")
    assert utility.process.wait() == 0, utility.told
    assert utility.told.count("Another program's transaction") == 1, utility.told
    assert utility.transactions() == before + 2
    check(fresh)


def withdrawal_is_lost(world: World, home: Household) -> None:
    """Have a household's withdrawal killed when it was sent, and lost on the way to a block."""
    killing = Killing(home.process_id, 1, method=rules.SEND, after=True)
    with home.proxy.following(killing):
        home.run("consumer", "withdraw")
        wait_until(lambda: killing.victim, lambda: home.told)
    home.process.wait()
    world.chain.empty_pool()


def owe(world: World, home: Household) -> int:
    """Have a household's payment wait in the contract, and return how much (wei)."""
    request_id = world.chain.request(world.market)
    world.chain.bid(world.market, request_id, home.number)
    world.chain.ask("hardhat_setCode", home.address, "0x5f5ffd")
    world.chain.settle(world.market, request_id)
    world.chain.ask("hardhat_setCode", home.address, "0x")
    owed_wei = world.market.deferred_wei(home.address)
    assert owed_wei
    return owed_wei


@pytest.fixture
def owed(world):
    """A household, and what waits for it in the contract (wei)."""
    home = household(world)
    return home, owe(world, home)


@pytest.mark.slow
def test_withdraw__killed_before_a_block__is_waited_for_by_the_next(world, owed):
    home, owed_wei = owed
    with world.chain.still():
        withdrawal_is_lost(world, home)
        home.run("consumer", "withdraw")
        wait_until(lambda: home.proxy.count(rules.SEND) > 1, lambda: home.told)
    assert home.process.wait() == 0, home.told
    assert "Withdrawn already by a run that was broken off" in home.told
    home.start()
    home.wait_for_results(1)
    check(world, withdrawn_wei=owed_wei)


@pytest.mark.slow
def test_withdraw__killed_before_a_block__is_urged_on_by_the_consumer(world, owed):
    home, owed_wei = owed
    with world.chain.still():
        withdrawal_is_lost(world, home)
    play_round(world, home)
    check(world, withdrawn_wei=owed_wei)
