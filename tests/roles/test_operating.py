"""The utility's commands: what a person reads, and what they leave to the next one."""

from contextlib import suppress
from dataclasses import replace
from functools import partial
from io import StringIO

import pytest
from rich.console import Console
from web3 import Web3

from market import operating
from market.commands import approve_consumers
from market.errors import MarketError
from market.model import BOOKS, Standing, Status
from market.operating import cancel_request, finish_requests, request_unattended
from market.provider import NodePool
from market.session import Session
from market.settings import Settings
from market.utility import Utility
from tests.roles.conftest import ALICE, Killed, Line, once, refusal

WORDS = ["5", "0.004", "600"]


@pytest.fixture
def out():
    return Console(file=StringIO(), width=200)


@pytest.fixture
def opened(town, chain_url, out, monkeypatch):
    """Return a session; in all that its commands wait for, `waiting` is done."""

    def opened(waiting=town.close_gate, confirmations=0):
        monkeypatch.setattr(operating, "Utility", partial(Utility, wait=lambda _: waiting()))
        settings = Settings(
            env_file=town.folder / ".env",
            contract_address=town.market.address,
            local_rpc_url=chain_url,
            database_folder=town.folder,
            confirmations=confirmations,
        )
        return Session(settings, remote=False, out=out)

    return opened


def told(out):
    return out.file.getvalue()


@pytest.mark.parametrize("closed", [False, True])
def test_request_unattended__same_request_waits_and_no_memory__goes_on_with_it(
    town, opened, out, closed
):
    town.request()
    if closed:
        town.close_gate()
    request_unattended(opened(), WORDS)
    assert town.market.request_count() == 1
    assert town.market.request(1).status == Status.SETTLED
    (line,) = [line for line in told(out).splitlines() if "has these terms" in line]
    assert "going on with it, nothing new is requested" in line
    request_unattended(opened(), WORDS)
    assert town.market.request_count() == 2


def test_request_unattended__other_request_waits__makes_this_one(town, opened, out):
    town.request(2500)
    request_unattended(opened(), WORDS)
    assert town.market.request(2).status == Status.SETTLED
    assert "Request 1 of 2.5 kWh takes bids" in told(out)


def test_request_unattended__no_confirmations_wanted__says_nothing_of_it(opened, out):
    request_unattended(opened(), WORDS)
    assert "Final" not in told(out)


def test_request_unattended__until_final__outcome_first_then_one_line(town, opened, out):
    request_unattended(opened(confirmations=3), WORDS)
    after = told(out).split("Gas spent by this run")[1].splitlines()[1:]
    assert [line.split(".")[0] for line in after] == [
        "Final in 3 blocks",
        "Final: no reorganisation is expected to undo this",
    ]
    assert "utility finish" in after[0]


class InterruptedConsole(Console):
    """Has Ctrl-C pressed while one of its lines is printed, the first being 0."""

    def __init__(self, line):
        super().__init__(file=StringIO(), width=200)
        self._left = line

    def print(self, *texts, **options):
        super().print(*texts, **options)
        self._left -= 1
        if self._left == -1:
            raise KeyboardInterrupt


@pytest.mark.parametrize("started_again", [False, True])
@pytest.mark.parametrize("line", range(6))
def test_request_unattended__interrupted_while_it_prints__says_how_to_finish(
    town, opened, line, started_again
):
    if started_again:
        town.request()
    interrupted = InterruptedConsole(line)
    session = replace(opened(), out=interrupted)
    with suppress(KeyboardInterrupt):
        request_unattended(session, WORDS)
    for request in town.market.unfinished():
        assert f"Request {request.request_id} goes on" in told(interrupted)
        assert "utility finish" in told(interrupted)


@pytest.fixture
def interrupted_sending(town):
    """Have Ctrl-C pressed once something is on its way."""

    def before(method):
        if method == "eth_getTransactionReceipt":
            raise KeyboardInterrupt

    def interrupted(session):
        line = Line(session.settings.local_rpc_url)
        line.before = before
        # A cached property may be set beforehand.
        session.__dict__["web3"] = Web3(line)
        return session

    return interrupted


def test_cancel_request__interrupted__says_how_to_make_sure(town, opened, out, interrupted_sending):
    request_id = town.request()
    with pytest.raises(KeyboardInterrupt):
        cancel_request(interrupted_sending(opened()), [str(request_id)])
    assert "It may be cancelled all the same" in told(out)
    assert f"utility cancel {request_id}" in told(out)


def test_finish_requests__interrupted__says_how_to_go_on(town, opened, out, interrupted_sending):
    town.request()
    town.close_gate()
    with pytest.raises(KeyboardInterrupt):
        finish_requests(interrupted_sending(opened()))
    assert "What is not finished stays as it is" in told(out)
    assert "utility finish" in told(out)


def test_request_unattended__interrupted_while_it_resumes__says_what_goes_on(
    town, opened, out, interrupted_sending
):
    with town.still():
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                request_unattended(interrupted_sending(opened()), WORDS)
    assert "The request may have been sent, and then goes on" in told(out)
    assert "What an earlier run has sent goes on" in told(out)


def undoing(town, blocks):
    """Close the gate, then undo the end of the round once, and let blocks come."""
    undone = []

    def waiting():
        if town.market.request(1).status == Status.SETTLED and not undone:
            undone.append(True)
            town.reorganise(blocks)
            town.rpc("anvil_dropAllTransactions")
        else:
            town.close_gate()

    return waiting


@pytest.mark.parametrize("command", ["request", "finish"])
def test_command__end_undone_before_it_is_final__finishes_again(town, opened, out, command):
    session = opened(undoing(town, 1), confirmations=3)
    if command == "request":
        request_unattended(session, WORDS)
    else:
        request_id = town.request()
        town.market.submit_bids(town.sender(ALICE), request_id, [(2000, 500)])
        town.close_gate()
        finish_requests(session)
    assert town.market.request(1).status == Status.SETTLED
    assert told(out).count("has undone the end of request 1: doing it again") == 1
    assert told(out).count("Energy bought") == 2


def test_request_unattended__interrupted_before_it_is_final__leaves_a_finished_round(
    town, opened, out
):
    def waiting():
        if town.market.request(1).status == Status.SETTLED:
            raise KeyboardInterrupt
        town.close_gate()

    with pytest.raises(KeyboardInterrupt):
        request_unattended(opened(waiting, confirmations=3), WORDS)
    assert "goes on without this program" not in told(out)
    request_unattended(opened(), WORDS)
    assert town.market.request_count() == 2


def test_finish_requests__run_killed_before_its_round_was_final__waits_for_it(town, opened, out):
    def waiting():
        if town.market.request(1).status == Status.SETTLED:
            raise Killed
        town.close_gate()

    with pytest.raises(Killed):
        request_unattended(opened(waiting, confirmations=3), WORDS)
    finish_requests(opened(confirmations=3))
    assert "No request waits to be finished" in told(out)
    request_unattended(opened(), WORDS)
    assert town.market.request_count() == 2


def test_finish_requests__no_node_tells_the_events__finishes_all_and_says_so(
    town, opened, out, monkeypatch
):
    for _ in range(2):
        town.market.submit_bids(town.sender(ALICE), town.request(), [(2000, 500)])
    town.close_gate()
    ask = NodePool.make_request

    def without_logs(pool, method, params):
        return refusal("pruned") if method == "eth_getLogs" else ask(pool, method, params)

    monkeypatch.setattr(NodePool, "make_request", without_logs)
    finish_requests(opened())
    assert [town.market.request(number).status for number in (1, 2)] == [Status.SETTLED] * 2
    assert told(out).count("cannot be shown: no node tells the events (") == 2
    assert told(out).count("Energy bought") == 2


def test_request_unattended__the_one_before_is_too_long_ago__is_noted_no_longer(town, opened, out):
    def killed():
        raise Killed

    with pytest.raises(Killed):
        request_unattended(opened(killed), WORDS)
    town.settle(1)
    for _ in range(BOOKS):
        town.market.cancel_request(town.utility.sender, town.request())
    request_unattended(opened(), WORDS)
    assert "payments of request 1 cannot be shown: Request 1 is too long ago" in told(out)
    assert "Energy bought" in told(out)
    request_unattended(opened(), WORDS)
    assert town.market.request(BOOKS + 2).status == Status.SETTLED


def reopening(town):
    """Undo a cancellation once, and let blocks come."""
    undone = []

    def waiting():
        if undone:
            town.mine()
        else:
            undone.append(True)
            town.reorganise(1)
            town.rpc("anvil_dropAllTransactions")

    return waiting


def test_cancel_request__undone_before_it_is_final__cancels_again(town, opened, out):
    town.request()
    cancel_request(opened(reopening(town), confirmations=3), ["1"])
    assert town.market.request(1).status == Status.CANCELLED
    assert told(out).count("has undone the end of request 1: doing it again") == 1
    assert told(out).count("Request 1 is cancelled (") == 2
    assert "is done again by: python -m market utility cancel 1" in told(out)
    assert "Final: no reorganisation is expected" in told(out)


def test_cancel_request__undone_and_the_gate_has_closed__finishes_it(town, opened, out):
    town.request()
    reopen = reopening(town)

    def waiting():
        reopen()
        town.close_gate()

    cancel_request(opened(waiting, confirmations=3), ["1"])
    assert town.market.request(1).status == Status.SETTLED
    assert "can be cancelled no longer, as its gate has closed: finishing it" in told(out)


@pytest.mark.parametrize("written", ["", "first", "-1", "9" * 90])
def test_cancel_request__no_number__says_so(opened, written):
    with pytest.raises(MarketError, match="is not the number of a request"):
        cancel_request(opened(), [written])


@pytest.mark.parametrize("end", [KeyboardInterrupt, Killed])
def test_request_unattended__the_one_before_was_cancelled__makes_another(town, opened, out, end):
    def ending(problem):
        def end():
            raise problem

        return end

    with pytest.raises(Killed):
        request_unattended(opened(ending(Killed)), WORDS)
    with pytest.raises(end):
        cancel_request(opened(ending(end), confirmations=3), ["1"])
    request_unattended(opened(), WORDS)
    assert town.market.request(1).status == Status.CANCELLED
    assert town.market.request(2).status == Status.SETTLED


def test_cancel_request__cancelled_before__says_so(town, opened, out):
    town.request()
    for _ in range(2):
        cancel_request(opened(), ["1"])
    assert told(out).splitlines()[-1] == "Request 1 is cancelled already"


def test_approve_consumers__node_refuses_once__is_tried_again(town, opened, out):
    session, consumer = opened(), town.web3.eth.accounts[ALICE]
    line = Line(session.settings.local_rpc_url)
    session.__dict__["web3"] = Web3(line)
    once(line, "eth_estimateGas", refusal("Internal error"))
    approve_consumers(session, [consumer])
    assert town.market.standing(consumer) == Standing.APPROVED
    assert told(out).count("The node refused the transaction: Internal error") == 1
