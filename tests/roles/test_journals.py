"""What a command has left is known to the next program of its account, until nobody needs it."""

import pytest
from rich.console import Console

from market.contract import REQUEST_PURPOSE
from market.desk import PURPOSE as BIDS
from market.flight import Flight
from market.journals import forget_old_flights, open_memory, remembered
from market.memory import MEMORY_FILE, Memory
from market.node import chain_name
from market.progress import Round, State
from market.session import Session
from market.settings import Settings
from tests.roles.conftest import ALICE, BOB

CONFIRMATIONS = 3


@pytest.fixture
def session(town, chain_url):
    settings = Settings(
        env_file=town.folder / ".env",
        contract_address=town.market.address,
        local_rpc_url=chain_url,
        database_folder=town.folder,
        confirmations=CONFIRMATIONS,
    )
    return Session(settings, remote=False, out=Console())


@pytest.fixture
def memory(town):
    memory = Memory(
        town.folder / MEMORY_FILE,
        chain_name(town.web3),
        town.market.address,
        town.web3.eth.accounts[ALICE],
    )
    yield memory
    memory.close()


def leave(town, memory, purpose, subject=0):
    """Have a transaction carried out, and its program end before it has noted that."""
    sender = town.sender(ALICE)
    nonce = town.web3.eth.get_transaction_count(sender.signer.address)
    sent = sender.send(town.call("submit_bids", town.request(), [(1000, 500)]), purpose)
    memory.save_flight(
        Flight(sender.signer.address, nonce, purpose, subject, [{"to": "0x"}], [sent.hash])
    )


def purposes(memory, town):
    return [flight.purpose for flight in memory.flights(town.web3.eth.accounts[ALICE])]


def test_forget_old_flights__passed_long_ago__are_forgotten(town, memory):
    leave(town, memory, "withdraw")
    for deep in (False, True):
        assert purposes(memory, town) == ["withdraw"]
        if deep:
            for _ in range(CONFIRMATIONS):
                town.mine()
        forget_old_flights(memory, town.sender(ALICE), CONFIRMATIONS)
    assert purposes(memory, town) == []


def test_forget_old_flights__somebody_needs_them__stay(town, memory):
    leave(town, memory, BIDS, 1)
    leave(town, memory, BIDS, 2)
    leave(town, memory, REQUEST_PURPOSE)
    memory.save(Round(1, State.DECIDED))
    memory.save(Round(2, State.FINAL))
    forget_old_flights(memory, town.sender(ALICE), 0)
    assert purposes(memory, town) == [BIDS, REQUEST_PURPOSE]
    assert memory.flights(town.web3.eth.accounts[ALICE])[0].subject == 1


def test_forget_old_flights__on_their_way__stay(town, memory):
    sender = town.sender(ALICE)
    sender.journal = memory
    with town.still():
        sender.launch(sender.prepare(town.call("register")), "register")
        forget_old_flights(memory, sender, 0)
        assert purposes(memory, town) == ["register"]


@pytest.mark.parametrize("opened", ["by a command", "by the consumer"])
def test_open__withdrawal_long_ago__is_forgotten(town, memory, session, opened):
    leave(town, memory, "withdraw")
    for _ in range(CONFIRMATIONS):
        town.mine()
    sender = session.consumer_sender()
    if opened == "by a command":
        remembered(session, sender)
    else:
        open_memory(session, sender, pytest.fail)
    assert purposes(memory, town) == []


def test_remembered__command_killed_before_a_block__is_known_to_the_next(town, session):
    former, following = session.consumer_sender(), session.consumer_sender()
    remembered(session, former)
    with town.still():
        flight = former.launch(former.prepare(town.call("register")), "register")
        assert remembered(session, following).unfinished() == [flight]
        consumer = session.consumer_sender()
        assert open_memory(session, consumer, pytest.fail).flights(flight.account) == [flight]


def test_remembered__bids_on_their_way__are_left_to_the_consumer(town, session):
    consumer, command = session.consumer_sender(), session.consumer_sender()
    open_memory(session, consumer, pytest.fail)
    request_id = town.request()
    with town.still():
        consumer.launch(
            consumer.prepare(town.call("submit_bids", request_id, [(1000, 500)])), BIDS, request_id
        )
        assert remembered(session, command).unfinished() == []


def test_remembered__somebody_elses_flights__are_not_shown(town, session):
    sender = remembered(session, session.consumer_sender())
    other = town.sender(BOB)
    other.journal = sender.journal
    with town.still():
        other.launch(other.prepare(town.call("register")), "register")
        assert sender.unfinished() == []
