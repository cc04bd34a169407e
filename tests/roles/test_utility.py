"""A utility killed or cut off at any instant finishes its rounds, and never pays for one twice."""

from dataclasses import replace
from itertools import count
from random import Random
from time import sleep

import pytest
import requests
from web3 import Web3

from market import transactions
from market.artifact import load_artifact
from market.clearing import Access
from market.contract import DemandReduction
from market.deployment import deploy
from market.endings import UndoneError
from market.errors import MarketError
from market.landing import FailedError
from market.launching import DroppedError
from market.memory import Memory
from market.model import Standing, Status, Terms
from market.node import chain_name
from market.provider import WrongChainError
from market.requested import LostError
from market.runs import Run
from market.signer import KeySigner, UnlockedSigner
from market.transactions import Sender, UnconfirmedError
from market.utility import Utility
from tests.roles.conftest import (
    ALICE,
    BIDDING_S,
    BOB,
    GWEI,
    UTILITY,
    Killed,
    Line,
    forgetting,
    once,
    refusal,
    result,
)

TERMS = Terms(5000, 4 * GWEI, BIDDING_S)


class Office:
    """A utility with a key and a contract of its own, whose program may be killed."""

    def __init__(self, town, url):
        self.town, self.url = town, url
        self.signer = KeySigner(town.wallet(10**21))
        self.address = deploy(Sender(town.web3, self.signer), Access.OPEN).address
        self.market = DemandReduction(town.web3, self.address)
        self.file = town.folder / f"{self.address}.sqlite3"

    def start(self, *, lose=False, confirmations=0):
        """Return the program as it is after a start."""
        for file in self.file.parent.glob(f"{self.file.name}*") if lose else ():
            file.unlink()
        self.line = Line(self.url)
        web3 = Web3(self.line)
        memory = Memory(self.file, chain_name(web3), self.address, self.signer.address)
        sender = Sender(web3, self.signer, memory)
        self.told = []
        self.run = Run(None, self.told.append)
        return Utility(
            DemandReduction(web3, self.address),
            sender,
            poll_seconds=0,
            wait=self.town.mine,
            tell=lambda problem: self.told.append(str(problem)),
            run=self.run,
            confirmations=confirmations,
        )

    def kill_at(self, number):
        """Have the program end just before the request of this number to the node."""
        numbers = count()

        def before(_method):
            if next(numbers) == number:
                raise Killed

        self.line.before = before

    def escrow_wei(self):
        return self.town.web3.eth.get_balance(self.address)


@pytest.fixture
def office(town, chain_url):
    return Office(town, chain_url)


# The request


@pytest.mark.parametrize(("lose", "first"), [(False, 0), (True, 1)])
def test_request__killed_before_a_request_to_the_node__is_made_once(office, lose, first):
    for number in count(first, 2):
        utility = office.start()
        office.kill_at(number)
        before = office.market.request_count()
        try:
            utility.request(TERMS)
        except Killed:
            utility = office.start(lose=lose)
            going_on = utility.resume()
            if not going_on and not utility.waiting():
                utility.request(TERMS)
            killed = True
        else:
            killed = False
        office.line.before = lambda _: None
        (request,) = utility.waiting()
        assert request.request_id == before + 1
        assert office.escrow_wei() == TERMS.escrow_wei
        office.market.cancel_request(utility.sender, request.request_id)
        utility.seen_through(request.request_id)
        if not killed:
            break
    assert number > 5


@pytest.mark.parametrize("mined", ["before", "after"])
def test_resume__request_on_its_way_when_killed__goes_on_with_it(town, office, mined):
    utility = office.start()
    with town.still():
        office.line.before = kill_when_asked_for_a_receipt
        with pytest.raises(Killed):
            utility.request(TERMS)
        if mined == "before":
            town.mine()
        utility = office.start()
        if mined == "after":
            office.line.before = lambda method: method == "eth_getTransactionCount" and town.mine()
        request = utility.resume()
    assert (request.request_id, request.status) == (1, Status.BIDDING)
    utility.seen_through(1)
    assert office.start().resume() is None
    assert office.escrow_wei() == TERMS.escrow_wei


def kill_when_asked_for_a_receipt(method):
    if method == "eth_getTransactionReceipt":
        raise Killed


def lost_on_its_way(office):
    """Have a run end when its request is under way, and lose its memory; return the next run."""
    utility = office.start()
    office.line.before = kill_when_asked_for_a_receipt
    with pytest.raises(Killed):
        utility.request(TERMS)
    return office.start(lose=True)


def test_request__on_its_way_and_the_memory_lost__is_not_made_again(town, office):
    with town.still():
        utility = lost_on_its_way(office)
        assert utility.resume() is None
        assert utility.request(TERMS).request_id == 1
    assert ["waiting for it" in said for said in office.told] == [True]
    assert [request.request_id for request in utility.waiting()] == [1]


def test_request__of_a_lost_run_lands_after_a_look_for_it__is_not_made_again(town, office):
    with town.still():
        utility = lost_on_its_way(office)
        assert utility.unnoted(TERMS) is None
        town.mine()
    assert utility.request(TERMS, beside=0).request_id == 1
    assert [request.request_id for request in utility.waiting()] == [1]


@pytest.mark.parametrize("at", range(5))
def test_request__of_a_lost_run_lands_at_any_look__is_not_made_again(town, office, at):
    with town.still():
        utility = lost_on_its_way(office)
        counts = count()

        def land(method):
            if method == "eth_getTransactionCount" and next(counts) == at:
                town.mine()
                town.rpc("evm_setAutomine", True)

        office.line.before = land
        assert utility.request(TERMS, beside=0).request_id == 1
    assert [request.request_id for request in utility.waiting()] == [1]


def test_request__calls_are_a_block_behind__one_of_a_lost_run_is_not_made_again(town, office):
    utility = lost_on_its_way(office)
    assert office.market.request_count() == 1
    before = hex(town.web3.eth.block_number - 1)

    def behind(method, params):
        if method == "eth_call" and params[1] == "latest":
            return town.web3.provider.make_request(method, [params[0], before])
        return None

    office.line.instead = behind
    assert utility.request(TERMS, beside=0).request_id == 1
    assert office.market.request_count() == 1


@pytest.mark.parametrize("replaced", [False, True])
def test_request__number_of_transactions_is_told_of_a_newer_block__is_not_made_again(
    town, office, replaced
):
    town.mine()
    with town.still():
        utility = lost_on_its_way(office)
        raws = [town.rpc("eth_getRawTransactionByHash", sent) for sent in town.pool()]

        def just_storing(params):
            town.reorganise(1, *raws) if replaced else town.mine()
            town.rpc("evm_setAutomine", True)
            account, block = params
            newest = block if replaced else "latest"
            return office.line.pool.make_request("eth_getTransactionCount", [account, newest])

        looks = []

        def instead(method, params):
            if method != "eth_getTransactionCount" or not params[1].startswith("0x") or looks:
                return None
            looks.append(params)
            return just_storing(params)

        office.line.instead = instead
        assert utility.request(TERMS, beside=0).request_id == 1
    assert looks
    assert [request.request_id for request in utility.waiting()] == [1]


def test_request__node_away_for_longer_than_it_tells_of_old_blocks__is_made(town, office):
    utility, waits = office.start(), []

    def wait(_):
        waits.append(town.mine())
        assert len(waits) < 50, office.told

    def away_from_then_on(method):
        if method == "eth_estimateGas" and len(waits) < 8:
            raise requests.ConnectionError

    utility.wait = wait
    office.line.instead, office.line.before = forgetting(town, 4), away_from_then_on
    assert utility.request(TERMS).request_id == 1
    assert len(office.told) == 1


def without_its_logs(office):
    """Return an answer with a transaction's receipt that lacks all that its call has told."""

    def answer(params):
        told = office.town.web3.provider.make_request("eth_getTransactionReceipt", params)
        return result({**told["result"], "logs": []})

    return answer


@pytest.mark.parametrize("at", ["eth_estimateGas", "eth_sendRawTransaction", "its receipt"])
def test_request__one_answer_makes_no_sense__is_made_once(town, office, at):
    utility = office.start()
    if at == "its receipt":
        seen = once(office.line, "eth_getTransactionReceipt", without_its_logs(office))
    else:
        seen = once(office.line, at, result(None))
    made = utility.request(TERMS)
    assert seen
    assert utility.has_made(made)
    assert office.market.request_count() == 1
    assert office.start().resume().request_id == 1


def test_request__another_program_was_quicker__is_made_after_it(town, office):
    utility = office.start()
    other = Sender(town.web3, office.signer)
    with town.still():

        def be_quicker(method):
            if method == "eth_sendRawTransaction":
                office.line.before = lambda _method: None
                prepared = other.prepare(town.call("register"))
                other.launch(prepared, "another program's")
                town.mine()
                town.rpc("evm_setAutomine", True)

        office.line.before = be_quicker
        assert utility.request(TERMS).request_id == 1
    assert "took the place" in office.told[0]
    assert len(utility.waiting()) == 1


def test_request__another_transaction_is_on_its_way__waits_for_it_and_is_made(town, office):
    utility = office.start()
    with town.still():
        office.line.before = kill_when_asked_for_a_receipt
        with pytest.raises(Killed):
            utility.market.approve(utility.sender, [office.signer.address])
        utility = office.start(lose=True)

        def time_passes(_seconds):
            town.mine()
            town.rpc("evm_setAutomine", True)

        utility.wait = time_passes
        assert utility.request(TERMS).request_id == 1
    assert ["waiting for it" in said for said in office.told] == [True]


def test_resume__another_transaction_took_its_place__is_none(town, office):
    utility = office.start()
    with town.still():
        office.line.before = kill_when_asked_for_a_receipt
        with pytest.raises(Killed):
            utility.request(TERMS)
        town.rpc("anvil_dropAllTransactions")
    office.market.approve(Sender(town.web3, office.signer), [office.signer.address])
    utility = office.start()
    assert utility.resume() is None
    assert utility.sender.journal.flights(office.signer.address) == []
    assert utility.request(TERMS).request_id == 1


def never_sent(office):
    """Have a run end while the node is away that its request was to be given to."""

    def away(method):
        if method == "eth_sendRawTransaction":
            raise requests.ConnectionError
        if method == "eth_getTransactionReceipt":
            raise Killed

    utility = office.start()
    office.line.before = away
    with pytest.raises(Killed):
        utility.request(TERMS)
    return office.start()


def test_resume__never_sent__is_none_and_the_next_request_is_the_only_one(office):
    utility = never_sent(office)
    assert utility.resume() is None
    (told,) = office.told
    assert "of an earlier run, with 0.02 ETH: it is not sent any more" in told
    other = replace(TERMS, reduction_wh=2500)
    assert utility.request(other).reduction_wh == 2500
    assert office.market.request_count() == 1
    assert len(office.told) == 1


def test_approve__request_of_an_earlier_run_was_never_sent__stays_unsent(town, office):
    utility = never_sent(office)
    consumer = town.web3.eth.accounts[ALICE]
    utility.market.approve(utility.sender, [consumer])
    assert office.market.request_count() == 0
    assert office.market.standing(consumer) == Standing.APPROVED
    assert [told for told in office.told if "is not sent any more" in told] == office.told
    assert office.start().resume() is None


def behind(office, number):
    """Have a node show no block after the one of this number."""

    def instead(method, params):
        if method in ("eth_getTransactionByHash", "eth_getTransactionReceipt"):
            return result(None)
        asked = [hex(number) if param in ("latest", "pending") else param for param in params]
        return None if asked == params else office.line.pool.make_request(method, asked)

    return instead


@pytest.mark.parametrize("seen", [False, True])
def test_resume__node_is_behind__waits_for_it_and_goes_on(town, office, seen):
    town.mine()
    number, utility = town.web3.eth.block_number - (not seen), office.start()
    if seen:
        utility.request(TERMS)
    else:
        office.line.before = kill_when_asked_for_a_receipt
        with pytest.raises(Killed):
            utility.request(TERMS)
    utility = office.start()
    office.line.instead, waits = behind(office, number), count()

    def wait(_):
        if next(waits) == 10:
            office.line.instead = lambda _method, _params: None

    utility.wait = wait
    assert utility.resume().request_id == 1
    (told,) = office.told
    assert f"is behind, at block {number}" in told


def test_resume__nothing_was_on_its_way__is_none(office):
    utility = office.start()
    assert utility.resume() is None
    utility.seen_through(utility.request(TERMS).request_id)
    assert utility.resume() is None
    assert office.start().resume() is None


@pytest.mark.parametrize("ended", [False, True])
def test_resume__killed_before_the_round_was_seen_through__goes_on_with_it(town, office, ended):
    office.start().request(TERMS)
    if ended:
        town.close_gate()
        list(Utility(office.market, town.sender(BOB)).finish(1))
    utility = office.start()
    assert [utility.resume().request_id for _ in range(2)] == [1, 1]
    assert office.market.request_count() == 1
    utility.take_up_ended()
    assert list(utility.until_final()) == []
    assert (office.start().resume() is None) == ended


def test_resume__run_of_the_request_is_alive__leaves_it_alone(office, tmp_path):
    number = office.start().request(TERMS) and office.run.number
    utility = office.start()
    utility.run.is_alive = {number}.__contains__
    assert utility.resume() is None
    utility.run.is_alive = set().__contains__
    assert utility.resume().request_id == 1


def test_resume__request_in_another_contract__is_none(town, office):
    office.start().request(TERMS)
    office.address = deploy(Sender(town.web3, office.signer), Access.OPEN).address
    assert office.start().resume() is None


@pytest.mark.parametrize("problem", [MarketError("no sense"), UnconfirmedError("not in a block")])
def test_resume__not_known_what_became_of_it__is_an_error_and_stays_noted(office, problem):
    office.start().request(TERMS)
    utility = office.start()

    def wait(_flight):
        raise problem

    utility.sender.wait = wait
    with pytest.raises(MarketError, match=str(problem)):
        utility.resume()
    assert office.start().resume().request_id == 1


@pytest.fixture
def unlocked(town, office):
    """The office with an account that the node keeps, which alone knows what it signs."""
    office.signer = UnlockedSigner(town.web3.eth.accounts[UTILITY])
    office.address = deploy(Sender(town.web3, office.signer), Access.OPEN).address
    office.market = DemandReduction(town.web3, office.address)
    return office


def kill_before_its_hash_is_noted(office):
    """Have a request sent, and its program end; return the note of it."""
    utility = office.start()
    utility.sender.journal.save_flight = killed_once_it_was_sent(utility.sender.journal)
    with pytest.raises(Killed):
        utility.request(TERMS)
    (flight,) = office.start().sender.journal.flights(office.signer.address)
    assert flight.hashes == [None]


def test_resume__answer_of_the_node_that_signed_was_lost__goes_on_with_it(town, unlocked):
    kill_before_its_hash_is_noted(unlocked)
    for _ in range(5):
        town.mine()
    assert unlocked.start().resume().request_id == 1
    assert unlocked.market.request_count() == 1


def test_resume__other_transaction_of_the_nodes_account_took_its_place__is_none(town, unlocked):
    with town.still():
        kill_before_its_hash_is_noted(unlocked)
        town.rpc("anvil_dropAllTransactions")
    town.market.approve(Sender(town.web3, unlocked.signer), [unlocked.signer.address])
    assert unlocked.start().resume() is None
    assert unlocked.market.request_count() == 0


def killed_once_it_was_sent(memory):
    """Note a transaction before it is sent, and end the program when its hash is to be noted."""
    save = memory.save_flight

    def save_flight(flight):
        if flight.hashes[-1]:
            raise Killed
        save(flight)

    return save_flight


def test_waiting__requests_of_all_kinds__are_those_that_are_not_finished(town, office):
    utility = office.start()
    ids = [utility.request(TERMS).request_id for _ in range(4)]
    office.market.cancel_request(utility.sender, ids[0])
    town.close_gate()
    list(utility.finish(ids[1]))
    assert [request.request_id for request in utility.waiting()] == ids[2:]
    assert town.utility.waiting() == []


# Its end


def bid(town, office, request_id):
    for account in (ALICE, BOB):
        office.market.submit_bids(town.sender(account), request_id, [(2000, 400 + account)])


def check_settled(town, office, request_id):
    request = office.market.request(request_id)
    assert request.status == Status.SETTLED
    assert request.energy_wh == 4000
    assert request.paid_wei == 4000 * 402 * TERMS.price_step_wei
    assert request.escrow_wei == request.paid_wei + request.refunded_wei
    assert len(office.market.payments(request)) == 2


@pytest.mark.parametrize(("lose", "first"), [(False, 0), (True, 2)])
def test_finish__killed_before_a_request_to_the_node__each_winner_is_paid_once(
    town, office, lose, first
):
    utility = office.start()
    request_id = utility.request(TERMS).request_id
    bid(town, office, request_id)
    town.close_gate()
    snapshot = town.rpc("evm_snapshot")
    for number in count(first, 4):
        office.kill_at(number)
        try:
            list(utility.finish(request_id))
            killed = False
        except Killed:
            killed = True
            utility = office.start(lose=lose)
            for waiting in utility.waiting():
                list(utility.finish(waiting.request_id))
        check_settled(town, office, request_id)
        town.rpc("evm_revert", snapshot)
        snapshot = town.rpc("evm_snapshot")
        utility = office.start(lose=True)
        if not killed:
            break
    assert number > 10


def test_finish__node_fails_now_and_then__round_is_settled(town, office):
    utility = office.start()
    request_id = utility.request(TERMS).request_id
    bid(town, office, request_id)
    town.close_gate()
    office.line.before = failing_now_and_then()
    states = [request.status for request in utility.finish(request_id)]
    settled = utility.round(request_id)
    assert states[-1] == Status.SETTLED
    assert len(settled.bids) == len(settled.payments) == 2
    assert office.told
    check_settled(town, office, request_id)


def failing_now_and_then():
    dice = Random(3)

    def before(_method):
        if dice.random() < 0.15:
            raise requests.ConnectionError

    return before


@pytest.fixture
def due(town, office):
    """A utility whose request 1 has two bids, and its gate has closed."""
    utility = office.start()
    bid(town, office, utility.request(TERMS).request_id)
    town.close_gate()
    return utility


@pytest.mark.parametrize("said", ["Internal error", "upstream error", "execution aborted"])
@pytest.mark.parametrize("method", ["eth_estimateGas", "eth_sendRawTransaction"])
def test_finish__node_refuses_once__round_is_settled(town, office, due, method, said):
    seen = once(office.line, method, refusal(said, -32603))
    due.sender._replace_s = 0
    list(due.finish(1))
    assert seen
    check_settled(town, office, 1)


def test_finish__refused_for_long__is_told_once(town, office, due):
    left = iter(range(20))

    def instead(method, _params):
        refused = method == "eth_estimateGas" and next(left, None) is not None
        return refusal("Internal error", -32603) if refused else None

    office.line.instead = instead
    list(due.finish(1))
    assert office.told == ["The node refused the transaction: Internal error"]
    check_settled(town, office, 1)


@pytest.mark.parametrize("value", [None, "0xzz", {}])
@pytest.mark.parametrize(
    "method",
    [
        "eth_call",
        "eth_chainId",
        "eth_estimateGas",
        "eth_getBlockByNumber",
        "eth_getLogs",
        "eth_getTransactionCount",
        "eth_getTransactionReceipt",
    ],
)
def test_finish__one_answer_makes_no_sense__round_is_settled(town, office, due, method, value):
    once(office.line, method, result(value))
    list(due.finish(1))
    assert len(due.round(1).payments) == 2
    check_settled(town, office, 1)


def test_finish__one_answer_is_cut_short__round_is_settled(town, office, due):
    once(office.line, "eth_call", result("0x12"))
    list(due.finish(1))
    check_settled(town, office, 1)


def test_finish__contract_is_no_longer_there__ends(office, due):
    """As on a local chain that was started anew."""

    def without_it(method, params):
        return result("0x") if method in ("eth_call", "eth_getCode") else None

    office.line.instead = without_it
    with pytest.raises(MarketError, match="is not on this chain"):
        list(due.finish(1))


def test_finish__more_gas_was_needed_than_estimated__is_tried_again(town, office, due):
    once(office.line, "eth_estimateGas", result(hex(40_000)))
    list(due.finish(1))
    assert ["gas used: try again" in said for said in office.told] == [True]
    check_settled(town, office, 1)


def test_finish__fails_again_and_again__ends(office, due):
    def instead(method, _params):
        return result(hex(40_000)) if method == "eth_estimateGas" else None

    office.line.instead = instead
    with pytest.raises(FailedError):
        list(due.finish(1))
    assert len(office.told) == 4


def test_finish__node_away_for_long__is_told_once(town, office):
    utility = office.start()
    request_id = utility.request(TERMS).request_id
    town.close_gate()
    left = iter(range(20))

    def before(_method):
        if next(left, None) is not None:
            raise requests.ConnectionError

    office.line.before = before
    list(utility.finish(request_id))
    assert len(office.told) == 1
    assert office.market.request(request_id).status == Status.SETTLED


def test_until_gate_closure__node_fails_now_and_then__counts_on(town, office):
    utility = office.start()
    request_id = utility.request(TERMS).request_id
    bid(town, office, request_id)
    office.line.before = failing_now_and_then()
    utility.wait = lambda _: (town.rpc("evm_increaseTime", BIDDING_S // 10), town.mine())
    standings = [*utility.until_gate_closure(request_id)]
    left_s = [standing.seconds_left for standing in standings]
    assert 3 < len(left_s) <= 10
    assert left_s == sorted(left_s, reverse=True)
    assert {standing.quote.offered_wh for standing in standings} == {4000}


def away(calls):
    """Have the node away for so many calls."""
    left = iter(range(calls))

    def before(_method):
        if next(left, None) is not None:
            raise requests.ConnectionError

    return before


FIRST_LOOKS = {
    "owner": Utility.owner,
    "resume": Utility.resume,
    "waiting": Utility.waiting,
    "unfinished": Utility.unfinished,
    "request": lambda utility: utility.request(TERMS),
}


@pytest.mark.parametrize("name", FIRST_LOOKS)
def test_first_look__node_away__waits_and_says_so_once(office, name):
    office.start().request(TERMS)
    utility = office.start()
    office.line.before = away(20)
    FIRST_LOOKS[name](utility)
    assert len(office.told) == 1
    assert "does not answer" in office.told[0]
    assert office.market.request_count() == (2 if name == "request" else 1)


def test_request__node_away_for_longer_than_a_transaction_may_take__is_made_once(
    office, monkeypatch
):
    monkeypatch.setattr(transactions, "_TIMEOUT_S", 0.5)
    utility = office.start()
    lasting = []

    def before(method):
        if method == "eth_getTransactionReceipt" and len(lasting) < 5:
            lasting.append(method)
            raise requests.ConnectionError

    utility.wait = lambda _: sleep(0.2)
    office.line.before = before
    assert utility.request(TERMS).request_id == 1
    assert (len(lasting), len(office.told)) == (5, 1)


@pytest.mark.parametrize("name", FIRST_LOOKS)
def test_first_look__node_on_another_chain__ends_by_name(office, name):
    office.start().request(TERMS)
    utility = office.start()

    def before(_method):
        raise WrongChainError("The node is on chain 7")

    office.line.before = before
    with pytest.raises(WrongChainError):
        FIRST_LOOKS[name](utility)


def test_finish__another_program_of_the_account_does_something_first__is_tried_again(town, office):
    utility = office.start()
    request_id = utility.request(TERMS).request_id
    bid(town, office, request_id)
    town.close_gate()
    dropped = iter([DroppedError("another took its place")])
    wait = utility.sender.wait

    def waited(flight):
        wait(flight)
        for problem in dropped:
            raise problem
        return wait(flight)

    utility.sender.wait = waited
    list(utility.finish(request_id))
    check_settled(town, office, request_id)


# Longer than a transaction usually takes


def mined_after_it_was_told(town, office):
    """Have no block come until the program has said that it waits, and for a while after."""
    looks = count()

    def before(method):
        if method == "eth_getTransactionReceipt" and office.told and next(looks) == 3:
            town.mine()

    return before


@pytest.fixture
def impatient(monkeypatch):
    """Have a transaction count as late after a moment."""
    monkeypatch.setattr(transactions, "_TIMEOUT_S", 0.1)
    monkeypatch.setattr(transactions, "_POLL_S", 0.05)


def test_request__not_in_a_block_for_long__is_waited_for_and_made_once(town, office, impatient):
    utility = office.start()
    office.line.before = mined_after_it_was_told(town, office)
    with town.still():
        assert utility.request(TERMS).request_id == 1
    (told,) = office.told
    assert "waiting on, and sending it again" in told
    assert office.escrow_wei() == TERMS.escrow_wei
    assert office.start().resume().request_id == 1


def test_resume__not_in_a_block_for_long__is_waited_for(town, office, impatient):
    with town.still():
        utility = office.start()
        office.line.before = kill_when_asked_for_a_receipt
        with pytest.raises(Killed):
            utility.request(TERMS)
        utility = office.start()
        office.line.before = mined_after_it_was_told(town, office)
        assert utility.resume().request_id == 1
    assert len(office.told) == 1


@pytest.mark.parametrize("step", ["selection", "payment"])
def test_finish__step_not_in_a_block_for_long__is_waited_for_and_told_once(
    town, office, impatient, step
):
    utility = office.start()
    request_id = utility.request(TERMS).request_id
    bid(town, office, request_id)
    town.close_gate()
    finishing = utility.finish(request_id)
    if step == "payment":
        assert next(finishing).status == Status.CLEARED
    office.line.before = mined_after_it_was_told(town, office)
    with town.still():
        next(finishing)
    list(finishing)
    assert len(office.told) == 1
    check_settled(town, office, request_id)


# Reorganisations


def take_from_the_chain(town, blocks=1):
    """Have the newest blocks, and what was in them, gone for good."""
    town.reorganise(blocks)
    town.rpc("anvil_dropAllTransactions")


def do_something_else(town, office):
    """Have another transaction of the account take the next place."""
    office.market.approve(Sender(town.web3, office.signer), [office.signer.address])


def test_until_gate_closure__request_taken_from_the_chain__is_sent_again_and_told_once(
    town, office
):
    utility = office.start()
    utility.request(TERMS)
    take_from_the_chain(town)
    assert office.market.request(1).status == Status.NONE
    standings = next(utility.until_gate_closure(1))
    assert standings.request.request_id == 1
    assert office.told == ["A reorganisation has taken request 1 from the chain: sending it again"]
    assert office.market.request_count() == 1
    assert office.escrow_wei() == TERMS.escrow_wei


def test_finish__request_taken_from_the_chain__is_sent_again_and_settled(town, office):
    office.start().request(TERMS)
    utility = office.start()
    utility.resume()
    town.close_gate()
    take_from_the_chain(town, 2)
    utility.wait = lambda _: office.market.request_count() and town.close_gate()
    list(utility.finish(1))
    assert office.market.request(1).status == Status.SETTLED
    assert len(office.told) == 1


def test_finish__request_can_no_longer_happen__is_told_and_nothing_is_lost(town, office):
    utility = office.start()
    utility.request(TERMS)
    take_from_the_chain(town)
    do_something_else(town, office)
    with pytest.raises(LostError, match="escrow is back in your account"):
        list(utility.finish(1))
    assert office.escrow_wei() == 0
    assert office.start().resume() is None


def test_until_gate_closure__other_request_under_its_number__neither_is_taken_for_the_other(
    town, office
):
    first, second = office.start(), office.start()
    first.request(TERMS)
    second.request(TERMS)
    take_from_the_chain(town, 2)
    town.rpc("evm_increaseTime", 60)
    do_something_else(town, office)
    with pytest.raises(LostError, match="it is request 1 now"):
        list(second.until_gate_closure(2))
    with pytest.raises(LostError, match="cannot be there again"):
        list(first.until_gate_closure(1))
    assert office.start().resume().request_id == 1
    assert office.escrow_wei() == TERMS.escrow_wei


def test_until_gate_closure__transaction_before_it_is_gone_too__says_what_it_waits_for(
    town, office
):
    do_something_else(town, office)
    utility = office.start()
    utility.request(TERMS)
    take_from_the_chain(town, 2)
    with town.still():
        looks = count()
        utility.wait = lambda _: next(looks) == 10 and fill_the_gap(town, office)
        assert next(utility.until_gate_closure(1)).request.request_id == 1
    (told,) = office.told
    assert "a transaction of this account before it has to come back first" in told


def fill_the_gap(town, office):
    """Have something in the place of the transaction that is gone."""
    sender = Sender(town.web3, office.signer)
    call = town.web3.eth.contract(office.address, abi=load_artifact()["abi"])
    sender.launch(sender.prepare(call.functions.approve([office.signer.address])), "approve")
    town.mine()


def test_finish__transaction_before_its_own_is_gone_for_good__takes_its_place(
    town, office, due, monkeypatch
):
    monkeypatch.setattr(transactions, "_POLL_S", 0.02)
    due.sender._replace_s = 0
    with town.still():
        fill_the_gap(town, office)
        taken = []

        def before(method):
            if method == "eth_getTransactionReceipt":
                town.mine() if taken else take_from_the_chain(town)
                taken.append(method)

        office.line.before = before
        list(due.finish(1))
    assert taken
    check_settled(town, office, 1)


def test_finish__somebody_elses_request_is_taken_from_the_chain__is_waited_for_a_while(
    town, office
):
    office.start().request(TERMS)
    told = []
    somebody = Utility(
        office.market,
        town.sender(BOB),
        poll_seconds=0,
        wait=town.mine,
        tell=lambda problem: told.append(str(problem)),
        confirmations=8,
    )
    take_from_the_chain(town)
    with pytest.raises(LostError, match="not known here"):
        list(somebody.finish(1))
    assert told == ["A reorganisation has taken request 1 from the chain: waiting for it"]


def finished(town, office, confirmations):
    """Return a utility that has finished a round just now."""
    utility = office.start(confirmations=confirmations)
    utility.request(TERMS)
    bid(town, office, 1)
    town.close_gate()
    list(utility.finish(1))
    return utility


@pytest.mark.parametrize("confirmations", [0, 3])
def test_until_final__nothing_is_undone__counts_the_blocks_and_notes_it_no_longer(
    town, office, confirmations
):
    utility = finished(town, office, confirmations)
    assert office.start().resume().request_id == 1
    assert list(utility.until_final()) == [*range(confirmations, 0, -1)]
    assert office.start().resume() is None
    assert list(utility.until_final()) == []


def test_until_final__payment_undone__is_paid_again_once(town, office):
    utility = finished(town, office, 3)
    take_from_the_chain(town)
    assert office.market.request(1).status == Status.CLEARED
    with pytest.raises(UndoneError, match="end of request 1: doing it again"):
        list(utility.until_final())
    list(utility.finish(1))
    assert list(utility.until_final()) == [3, 2, 1]
    check_settled(town, office, 1)


def signed_by_a_stranger(town):
    """Return a transaction that makes a block another one."""
    wallet = town.wallet()
    fees = {"gas": 21000, "gasPrice": 10 * GWEI, "nonce": 0, "chainId": town.web3.eth.chain_id}
    return wallet.sign_transaction({"to": wallet.address, **fees}).raw_transaction.to_0x_hex()


def test_until_final__payment_in_another_block__counts_anew(town, office):
    utility = finished(town, office, 3)
    left = utility.until_final()
    assert next(left) == 3
    town.reorganise(1, *town.newest_raws(), signed_by_a_stranger(town))
    assert list(left) == [3, 2, 1]
    check_settled(town, office, 1)


def test_until_final__whole_round_undone__request_is_sent_again(town, office):
    utility = finished(town, office, 9)
    take_from_the_chain(town, 6)
    assert office.market.request_count() == 0
    with pytest.raises(UndoneError):
        list(utility.until_final())
    assert office.market.request(1).status == Status.BIDDING
    assert office.escrow_wei() == TERMS.escrow_wei


def test_round__undone_while_it_is_read__is_an_error_instead_of_waiting_for_ever(town, office):
    utility = finished(town, office, 3)
    office.line.before = lambda method: method == "eth_getLogs" and take_from_the_chain(town)
    with pytest.raises(UndoneError):
        utility.round(1)


def test_leave__finished_but_not_final__is_noted_no_longer(town, office):
    utility = finished(town, office, 3)
    next(utility.until_final())
    utility.leave()
    assert office.start().resume() is None


# The memory lost


def test_unnoted__memory_lost__is_the_request_with_these_terms(town, office):
    office.start().request(TERMS)
    utility = office.start(lose=True)
    assert utility.resume() is None
    assert utility.unnoted(replace(TERMS, reduction_wh=5001)) is None
    assert utility.unnoted(replace(TERMS, bidding_seconds=60)).request_id == 1


def test_unnoted__noted_or_finished__is_none(town, office):
    utility = office.start()
    utility.request(TERMS)
    assert office.start().unnoted(TERMS) is None
    town.close_gate()
    list(utility.finish(1))
    assert office.start(lose=True).unnoted(TERMS) is None
