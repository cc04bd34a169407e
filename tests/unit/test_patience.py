import pytest

from market.errors import MarketError
from market.node import NodeUnavailableError
from market.patience import LONGEST_BACKOFF_S, Patience
from market.provider import WrongChainError


class BusyError(MarketError):
    """Something else to wait for."""


class Noting(Patience):
    """Notes its pauses and what it tells."""

    def __init__(self):
        self.paused, self.told = [], []
        super().__init__(1.0, self.told.append, self.paused.append)


@pytest.fixture
def waits():
    """Return a patience that spends no time."""
    return Noting()


def failing(*problems):
    """Return something that fails with each of these before it is done."""
    left = iter(problems)

    def act():
        for problem in left:
            raise problem
        return "done"

    return act


def test_patience__node_away__tries_again_and_says_so_once(waits):
    problems = [NodeUnavailableError(f"away {number}") for number in range(20)]
    assert waits(failing(*problems)) == "done"
    assert waits.told == problems[:1]
    assert len(waits.paused) == len(problems)


def test_patience__away_again_after_a_while__says_so_again(waits):
    for _ in range(2):
        waits(failing(NodeUnavailableError("away"), NodeUnavailableError("away")))
    assert len(waits.told) == 2


def test_patience__answers_without_sense__are_waited_for_and_named_once(waits):
    away, senseless = NodeUnavailableError("away"), ValueError("0xzz")
    assert waits(failing(away, senseless, senseless, away)) == "done"
    assert [str(problem) for problem in waits.told] == [
        "away",
        "The node's answer made no sense (ValueError: 0xzz): trying again",
    ]


def test_patience__for_long__backs_off_and_not_in_step(waits):
    waits(failing(*[NodeUnavailableError("away")] * 200))
    early, late = waits.paused[:3], waits.paused[50:]
    assert max(early) <= 4 < max(late) <= LONGEST_BACKOFF_S
    assert len({*late}) == len(late)


def test_patience__something_else_worth_waiting_for__only_where_it_is_named(waits):
    assert waits(failing(BusyError("busy")), BusyError) == "done"
    with pytest.raises(BusyError):
        waits(failing(BusyError("busy")))


@pytest.mark.parametrize(
    "problem", [WrongChainError("chain 7"), MarketError("no"), KeyboardInterrupt()]
)
def test_patience__anything_else__ends_it(waits, problem):
    with pytest.raises(type(problem)):
        waits(failing(NodeUnavailableError("away"), problem))
    assert len(waits.paused) == 1


def test_patience__ctrl_c_in_a_pause__ends_it(waits):
    def interrupt(_seconds):
        raise KeyboardInterrupt

    waits.pause = interrupt
    with pytest.raises(KeyboardInterrupt):
        waits(failing(NodeUnavailableError("away")))
