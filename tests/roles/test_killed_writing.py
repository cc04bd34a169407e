"""Killed between any two of the things it writes and tells: nothing is lost, or done twice.

What a node is asked in between makes no difference here; the tests of faults kill at those calls.
"""

from contextlib import contextmanager
from datetime import datetime, timezone
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from market import outcome
from market.memory import Memory
from market.progress import State
from market.signer import KeySigner
from market.store import load_results
from market.transactions import Sender
from tests.roles.conftest import HEAT_PUMP, Recorder, Town

CONFIRMATIONS = 2
ENDED = "request_ended"
WRITES = [
    (outcome, "write_results"),
    (Path, "unlink"),
    *((Memory, name) for name in ("save", "forget", "save_flight", "forget_flights")),
]


class KilledError(BaseException):
    """The end of a process, which nothing in it catches."""


class Knife:
    """Kills whoever is about to write or tell something, once."""

    def __init__(self, monkeypatch):
        self.left = None
        self.has_killed = False
        for owner, name in WRITES:
            monkeypatch.setattr(owner, name, self._watched(getattr(owner, name)))
        tell = Recorder.__getattr__
        monkeypatch.setattr(
            Recorder, "__getattr__", lambda recorder, name: self._watched(tell(recorder, name))
        )

    @contextmanager
    def after(self, writes):
        """Kill at the first write after so many."""
        self.left, self.has_killed = writes, False
        yield
        self.left = None

    def _watched(self, write):
        def watched(*arguments, **options):
            if self.left == 0:
                self.left, self.has_killed = None, True
                raise KilledError
            if self.left:
                self.left -= 1
            return write(*arguments, **options)

        return watched


class Home:
    """A consumer that is made anew from its files when it is killed."""

    def __init__(self, town, name, confirmations):
        self.signer = KeySigner(town.wallet())
        self.told = []
        self._town, self._name, self._confirmations = town, name, confirmations
        self.start()

    def start(self):
        sender = Sender(self._town.web3, self.signer)
        self.consumer = self._town.consumer(self._name, sender, confirmations=self._confirmations)
        self.told.append(self.consumer.desk.report.told)

    def step(self):
        try:
            self.consumer.step()
        except KilledError:
            self.restart()
            self.consumer.step()

    def restart(self):
        self.consumer.desk.memory.close()
        self.start()

    def times(self, *happening):
        """Return how often all its lives have told something."""
        return sum(told[: len(happening)] == happening for life in self.told for told in life)

    def ended(self):
        """Return the requests whose outcome was told."""
        return [told[1].request_id for life in self.told for told in life if told[0] == ENDED]

    def results(self):
        return load_results(self.consumer.desk.results_file)

    def remembered(self):
        return self.consumer.desk.memory.rounds()


@pytest.fixture
def knife(monkeypatch):
    return Knife(monkeypatch)


def cut_everywhere(town, knife, confirmations):
    """Yield a town, a consumer, and what kills it before its first write, before its second, ...

    The last one is killed nowhere: there are no more writes.
    """
    for writes in count():
        own = Town(town.web3, town.folder)
        yield own, Home(own, f"after-{writes}", confirmations), knife.after(writes)
        if not knife.has_killed:
            # Otherwise nobody was killed at all.
            assert writes > 2
            return


def bid(town, home):
    """Return a request that the consumer has bid in."""
    request_id = town.request()
    for _ in range(3):
        home.step()
        town.mine()
    return request_id


def finish(town, home, request_id):
    """Have a request end, and the consumer see it until its outcome is final."""
    town.settle(request_id)
    for _ in range(CONFIRMATIONS + 1):
        home.step()
        town.mine()


def assert_right(town, home, request_id):
    """Fail unless one round was played, and is told and remembered as it was."""
    assert len(town.market.bids(request_id)) == 1
    assert town.web3.eth.get_transaction_count(home.signer.address) == 1
    (known,) = home.remembered()
    assert (known.request_id, known.state) == (request_id, State.FINAL)
    assert home.results() == known.results
    assert known.results.final
    assert [(won.device, won.energy_wh) for won in known.results.results] == [
        (HEAT_PUMP.device, HEAT_PUMP.energy_wh)
    ]
    assert home.consumer.desk.memory.flights(home.signer.address) == []
    assert {*home.ended()} == {request_id}
    home.restart()
    home.step()
    assert home.told[-1] == []


def test_round__killed_between_any_two_writes__is_bid_in_once_and_told(town, knife):
    for here, home, killing in cut_everywhere(town, knife, CONFIRMATIONS):
        with killing:
            request_id = bid(here, home)
            finish(here, home, request_id)
        assert_right(here, home, request_id)
        assert len(home.ended()) <= 2
        assert home.times("result_final", request_id) >= 1


def test_outcome__final_at_once_and_killed_between_any_two_writes__is_told(town, knife):
    for here, home, killing in cut_everywhere(town, knife, confirmations=0):
        request_id = bid(here, home)
        with killing:
            finish(here, home, request_id)
        assert_right(here, home, request_id)


def test_outcome__undone_and_killed_between_any_two_writes__is_told_anew(town, knife):
    for here, home, killing in cut_everywhere(town, knife, CONFIRMATIONS):
        request_id = bid(here, home)
        here.settle(request_id)
        home.step()
        # The selection and the payment.
        here.reorganise(2)
        with killing:
            home.step()
        assert not home.consumer.desk.results_file.exists()
        finish(here, home, request_id)
        assert_right(here, home, request_id)
        assert home.times("outcome_undone", request_id) >= 1


def test_request__vanished_and_killed_between_any_two_writes__leaves_no_outcome(town, knife):
    for here, home, killing in cut_everywhere(town, knife, CONFIRMATIONS):
        request_id = here.request()
        home.step()
        home.step()
        here.settle(request_id)
        home.step()
        # The payment, the selection, the gate's closure, the bids and the request.
        here.reorganise(5)
        with killing:
            home.step()
        assert not home.consumer.desk.results_file.exists()
        assert home.remembered() == []
        assert home.times("outcome_undone", request_id) >= 1


def test_outcome__killed_while_taken_back_and_back_at_the_restart__is_in_the_file(town, knife):
    home = Home(town, "twice", CONFIRMATIONS)
    request_id = bid(town, home)
    town.settle(request_id)
    home.step()
    before, paid = home.results(), town.newest_raws()
    town.reorganise(1)
    # After it was told and the file deleted, before it is remembered.
    with knife.after(2), pytest.raises(KilledError):
        home.consumer.step()
    assert not home.consumer.desk.results_file.exists()
    town.reorganise(1, *paid)
    home.restart()
    home.step()
    assert home.results() == before


def test_start__results_are_missing_and_cannot_be_written__bids_all_the_same(town):
    home = Home(town, "no room", CONFIRMATIONS)
    town.settle(bid(town, home))
    home.step()
    file = home.consumer.desk.results_file
    file.unlink()
    # Which nobody can write to, not even root.
    file.mkdir()
    home.restart()
    following = bid(town, home)
    assert len(town.market.bids(following)) == 1
    problems = [str(told[1]) for told in home.told[-1] if told[0] == "problem"]
    assert problems
    assert all("results.json" in problem for problem in problems)


def test_start__clock_was_set_back_between_two_outcomes__results_stay_the_newest(town):
    home = Home(town, "no battery", CONFIRMATIONS)
    for hour in (13, 12):
        home.consumer.desk.now = partial(datetime, 2026, 7, 1, hour, tzinfo=timezone.utc)
        newest = bid(town, home)
        town.settle(newest)
        home.step()
    assert home.results().request_id == newest
    home.restart()
    home.step()
    assert home.results().request_id == newest


def test_outcome__undone_after_the_clock_was_set_back__results_are_those_of_the_one_before(town):
    home = Home(town, "no battery", CONFIRMATIONS)
    requests = []
    for hour in (14, 13, 12):
        home.consumer.desk.now = partial(datetime, 2026, 7, 1, hour, tzinfo=timezone.utc)
        requests.append(bid(town, home))
        town.settle(requests[-1])
        home.step()
    # The payment.
    town.reorganise(1)
    home.step()
    assert home.results().request_id == requests[1]
