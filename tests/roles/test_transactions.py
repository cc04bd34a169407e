"""A transaction is carried out at most once, and not stuck for longer than its fees allow."""

from itertools import count

import pytest
import requests
from web3 import Web3
from web3.exceptions import Web3RPCError

from market import launching, transactions
from market.contract import REQUEST_PURPOSE
from market.deployment import PURPOSE as DEPLOY_PURPOSE
from market.desk import PURPOSE as BIDS
from market.errors import MarketError
from market.fees import FeeCeilingError
from market.launching import BusyError, DroppedError, DryRunError, RefusedError
from market.memory import Memory
from market.model import Standing
from market.node import NodeUnavailableError, chain_name
from market.reverts import RevertError
from market.signer import KeySigner
from market.transactions import CutOffError, Sender, UnconfirmedError
from tests.roles.conftest import GWEI, Line, once, refusal, result


def attend(sender, flight):
    """Look after a flight once, as whoever waits for it does."""
    sent = sender.look(flight)
    if sent is None and sender.is_due(flight):
        sender.urge(flight)
    return sent


@pytest.fixture
def wallet(town):
    return town.wallet()


@pytest.fixture
def new_sender(town, wallet):
    """Return a sender as it is after a start, with the journal of the former one."""
    memories = []

    def started(web3=None, replace_s=0.0, **options):
        path, chain = town.folder / "market.sqlite3", chain_name(town.web3)
        memories.append(Memory(path, chain, town.market.address, wallet.address))
        signer = KeySigner(wallet)
        return Sender(web3 or town.web3, signer, memories[-1], replace_s=replace_s, **options)

    yield started
    for memory in memories:
        memory.close()


def launch(town, sender, function="register", *arguments):
    return sender.launch(sender.prepare(town.call(function, *arguments)), function)


def journal(sender):
    return sender.journal.flights(sender.signer.address)


def is_registered(town, sender):
    return town.market.standing(sender.signer.address) == Standing.REGISTERED


# Dry runs


def test_launch__dry_run__hands_nothing_over_and_notes_nothing(town, new_sender):
    dry = new_sender(dry_run=True)
    with pytest.raises(DryRunError):
        launch(town, dry)
    assert journal(dry) == []
    assert not is_registered(town, dry)


def test_urge__dry_run__leaves_what_is_lost_alone(town, new_sender):
    dry = new_sender(dry_run=True)
    with town.still():
        flight = launch(town, new_sender())
        town.rpc("anvil_dropAllTransactions")
        with pytest.raises(DryRunError):
            dry.urge(flight)
        town.mine()
    assert journal(dry) == [flight]
    assert not is_registered(town, dry)


# Replacements


def test_look__pending_for_long__is_replaced_with_higher_fees_and_carried_out_once(
    town, new_sender
):
    sender, replaced = new_sender(), []
    sender.on_replaced = lambda *told: replaced.append(told)
    with town.still():
        flight = launch(town, sender)
        assert attend(sender, flight) is None
        assert [*town.pool()] == [flight.hashes[1]]
        assert journal(new_sender()) == [flight]
        town.mine()
    fees = [version["maxFeePerGas"] for version in flight.versions]
    tips = [version["maxPriorityFeePerGas"] for version in flight.versions]
    assert 8 * fees[1] >= 9 * fees[0]
    assert 8 * tips[1] >= 9 * tips[0]
    assert replaced == [(flight.hashes[1], fees[1])]
    assert attend(sender, flight).hash == flight.hashes[1]
    assert is_registered(town, sender)
    assert town.web3.eth.get_transaction_count(sender.signer.address) == 1


def test_look__former_version_mined_after_all__is_found(town, new_sender):
    sender = new_sender()
    with town.still():
        flight = launch(town, sender)
        town.mine()
        flight.versions.append({**flight.newest, "maxFeePerGas": 99 * GWEI})
        flight.hashes.append("0x" + "9" * 64)
    assert attend(sender, flight).hash == flight.hashes[0]


def test_look__not_pending_for_long__is_left_as_it_is(town, new_sender):
    sender = new_sender(replace_s=3600)
    with town.still():
        flight = launch(town, sender)
        for _ in range(3):
            assert attend(sender, flight) is None
    assert len(flight.versions) == 1


def test_look__not_to_be_replaced__is_left_as_it_is(town, new_sender):
    sender = new_sender()
    with town.still():
        flight = launch(town, sender)
        assert sender.look(flight) is None
    assert len(flight.versions) == 1


def test_look__ceiling_reached__waits_below_it(town, new_sender):
    sender = new_sender(ceiling_wei=2 * GWEI)
    with town.still():
        flight = launch(town, sender)
        for _ in range(12):
            assert attend(sender, flight) is None
        town.mine()
    fees = [version["maxFeePerGas"] for version in flight.versions]
    assert 1 < len(fees) < 12
    assert fees == sorted(set(fees))
    assert fees[-1] <= 2 * GWEI < fees[-1] * 9 / 8
    assert attend(sender, flight).hash == flight.hashes[-1]


def test_look__gas_too_dear_meanwhile__waits_until_it_is_cheaper(town, new_sender):
    sender = new_sender(ceiling_wei=5 * GWEI)
    with town.still():
        flight = launch(town, sender)
        town.price_gas(10 * GWEI)
        assert attend(sender, flight) is None
        town.price_gas(0)
        # Anvil forgets a transaction that does not pay the base fee of a block.
        assert attend(sender, flight) is None
        town.mine()
    assert attend(sender, flight)


def test_look__replacement_refused_for_lack_of_ether__former_version_goes_on(town, new_sender):
    sender = new_sender()
    prepared = sender.prepare(town.call("register"))
    needed_wei = prepared.fields["gas"] * prepared.fields["maxFeePerGas"]
    town.rpc("anvil_setBalance", sender.signer.address, hex(needed_wei))
    with town.still():
        flight = sender.launch(prepared, "register")
        assert attend(sender, flight) is None
        assert journal(new_sender()) == [flight]
        town.mine()
    assert attend(sender, flight).hash == flight.hashes[0]
    assert len(flight.versions) == 1


# Restarts, and a node that fails


@pytest.mark.parametrize("lost", [False, True], ids=["still in the pool", "lost by the node"])
def test_look__after_a_restart__is_the_same_transaction(town, new_sender, lost):
    with town.still():
        former = launch(town, new_sender(replace_s=3600))
        if lost:
            town.rpc("anvil_dropAllTransactions")
        sender = new_sender(replace_s=3600)
        (flight,) = journal(sender)
        assert attend(sender, flight) is None
        assert town.pool() == former.hashes == flight.hashes
        town.mine()
    assert attend(sender, flight).hash == former.hashes[0]


def test_launch__node_cut_off_when_handed_over__is_handed_over_at_the_next_look(
    town, new_sender, chain_url
):
    provider = Line(chain_url)
    sender = new_sender(Web3(provider), replace_s=3600)

    def cut(method):
        if method == "eth_sendRawTransaction":
            raise requests.ConnectionError

    provider.before = cut
    flight = launch(town, sender)
    assert journal(new_sender()) == [flight]
    assert attend(sender, flight) is None
    provider.before = lambda method: None
    assert attend(sender, flight) is None
    assert attend(sender, flight).hash == flight.hashes[0]


def test_send__flight_of_a_former_run__is_carried_out_first(town, new_sender, chain_url):
    provider = Line(chain_url)
    sender = new_sender(Web3(provider), replace_s=3600)
    provider.before = lambda method: method == "eth_getTransactionReceipt" and town.mine()
    with town.still():
        launch(town, new_sender())
        with pytest.raises(RevertError, match="is registered already"):
            sender.send(town.call("register"), "register")
    assert sender.unfinished() == []


def test_send__in_a_block__is_forgotten(town, new_sender):
    sender = new_sender()
    assert sender.send(town.call("register"), "register").gas_used > 0
    assert journal(sender) == []


def test_wait__never_in_a_block__says_so_and_stays_in_the_journal(town, new_sender, monkeypatch):
    monkeypatch.setattr(transactions, "_TIMEOUT_S", 0.1)
    sender = new_sender()
    with town.still():
        flight = launch(town, sender)
        with pytest.raises(UnconfirmedError, match="may still be carried out"):
            sender.wait(flight)
    assert [known.nonce for known in journal(new_sender())] == [flight.nonce]


def refusing(said):
    """Have a node refuse whatever it is given, without a look at it."""

    def before(method):
        if method == "eth_sendRawTransaction":
            error = {"code": -32000, "message": said}
            raise Web3RPCError(said, rpc_response={"jsonrpc": "2.0", "id": 1, "error": error})

    return before


@pytest.mark.parametrize("said", ["insufficient funds for transfer", "exceeds block gas limit"])
def test_launch__refused_for_good_the_first_time__is_forgotten(town, new_sender, chain_url, said):
    provider = Line(chain_url)
    sender = new_sender(Web3(provider))
    provider.before = refusing(said)
    with pytest.raises(MarketError):
        launch(town, sender)
    assert journal(new_sender()) == []


def test_launch__pool_is_full__is_handed_over_again(town, new_sender, chain_url):
    provider = Line(chain_url)
    sender = new_sender(Web3(provider))
    provider.before = refusing("txpool is full")
    flight = launch(town, sender)
    provider.before = lambda method: None
    assert attend(sender, flight) is None
    assert attend(sender, flight).hash in flight.hashes


@pytest.mark.parametrize("answer", [None, "0xzz", refusal("upstream error", -32603)])
def test_launch__answer_makes_no_sense_and_the_node_has_it__is_carried_out_once(
    town, new_sender, chain_url, answer
):
    provider = Line(chain_url)
    sender = new_sender(Web3(provider))

    def take(params):
        town.web3.provider.make_request("eth_sendRawTransaction", params)
        return answer if isinstance(answer, dict) else result(answer)

    once(provider, "eth_sendRawTransaction", take)
    flight = launch(town, sender)
    assert journal(new_sender()) == [flight]
    assert attend(sender, flight).hash == flight.hashes[0]


@pytest.mark.parametrize("known_by", ["this process", "a restart"])
def test_urge__refused_for_good_when_handed_over_again__may_have_been_taken_before(
    town, new_sender, chain_url, known_by
):
    provider = Line(chain_url)
    sender = new_sender(Web3(provider))
    with town.still():
        # Its answer is lost: nobody can tell whether the node has it.
        provider.before = lambda method: method == "eth_sendRawTransaction" and cut()
        flight = launch(town, sender)
        Sender(town.web3, sender.signer)._give(flight, sender.signer.sign(flight.newest))
        if known_by == "a restart":
            sender = new_sender(Web3(provider))
            (flight,) = journal(sender)
        provider.before = refusing("insufficient funds for transfer")
        assert attend(sender, flight) is None
        assert flight.refusal == "insufficient funds for transfer"
        assert journal(new_sender()) == [flight]
        town.mine()
    assert attend(sender, flight).hash == flight.hashes[0]


def cut():
    raise requests.ConnectionError


def test_wait__never_in_a_block__says_what_the_node_has_against_it(
    town, new_sender, chain_url, monkeypatch
):
    monkeypatch.setattr(transactions, "_TIMEOUT_S", 0.1)
    provider = Line(chain_url)
    with town.still():
        launch(town, new_sender())
        town.rpc("anvil_dropAllTransactions")
        sender = new_sender(Web3(provider))
        (flight,) = journal(sender)
        provider.before = refusing("insufficient funds for transfer")
        with pytest.raises(UnconfirmedError, match="the node says: insufficient funds"):
            sender.wait(flight)


def test_look__version_of_another_program_mined__is_found_by_its_nonce(town, new_sender):
    sender, other = new_sender(), new_sender()
    with town.still():
        flight = launch(town, sender)
        (known,) = journal(other)
        known.handed_over_s = 0.0
        other.urge(known)
        town.mine()
    for _ in range(5):
        town.mine()
    assert len(known.hashes) == 2
    assert sender.look(flight).hash == known.hashes[1] != flight.hashes[0]


# Others with the same account


def test_look__another_transaction_took_its_place__is_dropped(town, new_sender, wallet):
    sender = new_sender()
    with town.still():
        flight = launch(town, sender)
        town.rpc("anvil_dropAllTransactions")
    other = town.call("submit_bids", town.request(), [(1000, 500)])
    Sender(town.web3, KeySigner(wallet)).send(other, "submit_bids")
    # A node may know the number of an account's transactions before it knows a receipt.
    assert [attend(sender, flight) for _ in range(3)] == [None] * 3
    with pytest.raises(DroppedError):
        attend(sender, flight)
    assert journal(sender) == []


def test_wait__receipt_is_late_after_the_count__is_not_dropped(
    town, new_sender, wallet, chain_url, monkeypatch
):
    monkeypatch.setattr(launching, "_RECEIPT_S", 10)
    monkeypatch.setattr(transactions, "_POLL_S", 0)
    provider = Line(chain_url)
    sender, looks = new_sender(Web3(provider)), count()
    flight = launch(town, sender)

    def late(method, _params):
        is_late = method == "eth_getTransactionReceipt" and next(looks) < 40
        return result(None) if is_late else None

    provider.instead = late
    assert sender.wait(flight).hash == flight.hashes[0]


def test_launch__another_programs_transaction_pending__is_busy(town, new_sender, wallet):
    sender = new_sender()
    prepared = sender.prepare(town.call("register"))
    with town.still():
        launch(town, Sender(town.web3, KeySigner(wallet)))
        with pytest.raises(BusyError, match="Another program's transaction"):
            sender.launch(prepared, "register")
    assert journal(sender) == []


def test_launch__own_transaction_pending_that_the_node_lost__is_busy(town, new_sender):
    sender = new_sender()
    with town.still():
        flight = launch(town, sender)
        town.rpc("anvil_dropAllTransactions")
        with pytest.raises(BusyError, match="An earlier transaction"):
            launch(town, sender)
    assert sender.unfinished() == [flight]


def test_launch__something_sent_since_the_block_looked_at__is_not_carried_out(town, new_sender):
    sender = new_sender()
    prepared = sender.prepare(town.call("register"))
    block = town.market.head().number
    sender.send(town.call("register"), "register")
    with pytest.raises(BusyError):
        sender.launch(prepared, "register", block=block)


# A reorganisation has taken what a transaction has to come after


def left_behind(town, wallet, sender, purpose, subject=0):
    """Launch something after a transaction that is gone for good then; return its flight."""
    with town.still():
        prepared = sender.prepare(town.call("register"))
        launch(town, Sender(town.web3, KeySigner(wallet)))
        town.mine()
        flight = sender.launch(prepared, purpose, subject)
        town.rpc("anvil_dropAllTransactions")
        town.reorganise(1)
        town.rpc("anvil_dropAllTransactions")
    assert town.web3.eth.get_transaction_count(wallet.address) == flight.nonce - 1 == 0
    return flight


@pytest.mark.parametrize("purpose", [BIDS, "register"])
def test_launch__what_comes_before_another_is_gone__takes_its_place(
    town, new_sender, wallet, purpose
):
    sender = new_sender()
    after = left_behind(town, wallet, sender, purpose, 1)
    flight = sender.launch(sender.prepare(town.call("register")), "register")
    assert flight.nonce == 0
    assert attend(sender, flight)
    assert journal(sender) == [flight, after]


@pytest.mark.parametrize("purpose", [BIDS, REQUEST_PURPOSE, DEPLOY_PURPOSE])
def test_launch__same_bids_request_or_contract_waits_for_what_is_gone__is_busy(
    town, new_sender, wallet, purpose
):
    sender = new_sender()
    left_behind(town, wallet, sender, purpose, 1)
    with pytest.raises(BusyError):
        sender.launch(sender.prepare(town.call("register")), purpose, 1)


def test_launch__instead_of_one_that_waits_for_what_is_gone__leaves_that_alone(
    town, new_sender, wallet
):
    sender = new_sender()
    after = left_behind(town, wallet, sender, BIDS, 1)
    prepared = sender.prepare(town.call("register"))
    flight = sender.launch(prepared, "register", instead_of=after)
    assert flight.nonce == 0
    assert journal(sender) == [flight, after]


def test_wait__what_comes_before_it_is_gone__ends_and_stays_in_the_journal(
    town, new_sender, wallet
):
    sender = new_sender()
    after = left_behind(town, wallet, sender, "register")
    # What waits for another gets into no block, however soon the node mines.
    with town.still(), pytest.raises(CutOffError):
        sender.wait(after)
    assert journal(sender) == [after]
    sender.send(town.call("register"), "register")
    assert is_registered(town, sender)


def test_wait__request_comes_after_what_is_gone__is_waited_for(
    town, new_sender, wallet, monkeypatch
):
    monkeypatch.setattr(transactions, "_TIMEOUT_S", 0.1)
    monkeypatch.setattr(transactions, "_POLL_S", 0.02)
    sender = new_sender()
    after = left_behind(town, wallet, sender, REQUEST_PURPOSE)
    with town.still(), pytest.raises(UnconfirmedError):
        sender.wait(after)


# One instead of another


def test_launch__instead_of_a_flight__only_the_new_one_is_carried_out(town, new_sender):
    request_id = town.request()
    sender = new_sender()
    with town.still():
        former = launch(town, sender)
        prepared = sender.prepare(town.call("submit_bids", request_id, [(1000, 500)]))
        flight = sender.launch(prepared, "submit_bids", request_id, instead_of=former)
        assert town.pool() == flight.hashes
        assert journal(new_sender()) == [flight]
        town.mine()
    assert attend(sender, flight)
    assert not is_registered(town, sender)
    assert len(town.market.bids(request_id)) == 1


def test_launch__instead_of_a_flight_above_the_ceiling__leaves_it(town, new_sender):
    sender = new_sender(ceiling_wei=GWEI)
    prepared = sender.prepare(town.call("register"))
    with town.still():
        former = launch(town, sender)
        with pytest.raises(FeeCeilingError, match="stuck"):
            sender.launch(prepared, "again", instead_of=former)
        assert town.pool() == former.hashes
    assert journal(sender) == [former]


# What the contract refuses


def test_look__contract_refuses_on_chain__says_why(town, new_sender):
    sender = new_sender()
    prepared = sender.prepare(town.call("register"))
    sender.send(town.call("register"), "register")
    flight = sender.launch(prepared, "register")
    with pytest.raises(RevertError, match="is registered already"):
        attend(sender, flight)


def test_prepare__contract_refuses_beforehand__nothing_is_sent(town, new_sender):
    sender = new_sender()
    with pytest.raises(RevertError, match="Request 7 does not exist"):
        launch(town, sender, "submit_bids", 7, [(1000, 500)])
    assert town.web3.eth.get_transaction_count(sender.signer.address) == 0


@pytest.mark.parametrize(
    ("said", "may_pass"),
    [("Internal error", True), ("execution timeout", True), ("exceeds block gas limit", False)],
)
def test_prepare__node_does_not_estimate_it__is_told_from_what_is_refused_for_good(
    town, new_sender, said, may_pass
):
    once(town.web3.provider, "eth_estimateGas", refusal(said))
    with pytest.raises(MarketError, match=said) as problem:
        new_sender().prepare(town.call("register"))
    assert isinstance(problem.value, RefusedError) == may_pass
    assert not isinstance(problem.value, NodeUnavailableError)


def test_prepare__value_above_the_balance__says_both(town, new_sender):
    sender = new_sender()
    terms = (5000, 4 * GWEI, 60, 0, 0, 0, 0)
    told = r"holds 1\.0 ETH, and 20\.0 ETH and the fee are more than that"
    with pytest.raises(transactions.MarketError, match=told):
        sender.prepare(town.call("request_reduction", *terms), value_wei=20 * 10**18)
