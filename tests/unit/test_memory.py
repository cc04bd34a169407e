import os
import resource
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.flight import Flight
from market.memory import Memory
from market.progress import PlacedBid, Round, State
from market.store import BidResult, Outcome, Results
from market.units import MAX_BID_WH

CHAIN, CONTRACT, ALICE, BOB = "7:0xab", "0xc0", "0xa1", "0xb0"
WON = Results(
    results=(BidResult(energy_wh=2000, price_wei_per_wh=10**12, payment_wei=2 * 10**15),),
    time=datetime(2025, 6, 1, 12, tzinfo=timezone.utc),
    request_id=3,
    status=Outcome.WON,
    contract=CONTRACT,
    chain_id=7,
    final=False,
    chain=CHAIN,
)
FULL = Round(
    3,
    State.DECIDED,
    {"gate_closure": 2**40 - 1, "price_step_wei": 2**64 - 1, "reduction_wh": 2**36 - 1},
    [PlacedBid(2**24 - 1, MAX_BID_WH, 1000, "Wärmepumpe"), PlacedBid(None, 1, 1, None)],
    "",
    1_750_000_000,
    2**40,
    "0x" + "a" * 64,
    "0x" + "b" * 64,
    16_777_216,
    10**30,
    WON,
)
VERSION = {
    "to": CONTRACT,
    "value": 2**200,
    "data": "0xabcd",
    "nonce": 5,
    "maxFeePerGas": 10**20,
    "maxPriorityFeePerGas": 0,
}

optional = st.none() | st.integers(0, 2**62)
text = st.text(st.characters(blacklist_categories=["Cs"]), max_size=20)
placed = st.builds(
    PlacedBid, optional, st.integers(1, MAX_BID_WH), st.integers(1, 1000), st.none() | text
)
rounds = st.builds(
    Round,
    st.integers(1, 2**62),
    st.sampled_from(State),
    st.dictionaries(text, st.integers(0, 2**256)),
    st.lists(placed, max_size=3),
    text,
    optional,
    optional,
    st.none() | text,
    st.none() | text,
    st.integers(0, 2**62),
    st.integers(0, 2**256),
    st.none() | st.just(WON),
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "market.sqlite3"


@pytest.fixture
def remember(path):
    """Open the memory, as a program does at its start."""
    memories = []

    def opened(chain=CHAIN, contract=CONTRACT, account=ALICE):
        memories.append(Memory(path, chain, contract, account))
        return memories[-1]

    yield opened
    for memory in memories:
        memory.close()


def new_flight(nonce=5, subject=3, account=ALICE, **changes):
    return Flight(account, nonce, "submit_bids", subject, [{**VERSION, **changes}], ["0x1"])


# Rounds


@pytest.mark.parametrize("done", [FULL, Round(3, State.SENT), Round(3, State.PASSED, reason="no")])
def test_save__round__is_the_same_after_a_restart(remember, done):
    remember().save(done)
    assert remember().rounds() == [done]


@given(rounds)
def test_save__any_round__is_read_back(done):
    memory = Memory(None, CHAIN, CONTRACT, ALICE)
    memory.save(done)
    assert memory.rounds() == [done]
    memory.close()


def test_save__round_again__takes_the_place_of_the_former(remember):
    memory = remember()
    memory.save(FULL)
    later = Round(3, State.PASSED, reason="the bids vanished")
    memory.save(later)
    assert remember().rounds() == [later]


def test_rounds__states__filter(remember):
    memory = remember()
    for number, state in enumerate(State, start=1):
        memory.save(Round(number, state))
    assert [done.state for done in memory.rounds(State.SENT, State.FINAL)] == [
        State.SENT,
        State.FINAL,
    ]
    assert [done.request_id for done in memory.rounds()] == [1, 2, 3, 4, 5]


def test_forget__round__is_gone_with_its_bids(remember):
    memory = remember()
    memory.save(FULL)
    memory.save(Round(4, State.SENT))
    memory.forget(3)
    memory.forget(99)
    assert [done.request_id for done in remember().rounds()] == [4]
    memory.save(Round(3, State.SENT))
    assert memory.rounds()[0].bids == []


def test_answered_since__times__counts_from_the_time_on(remember):
    memory = remember()
    for number, answered_s in enumerate([None, 99, 100, 101], start=1):
        memory.save(Round(number, State.FINAL, answered_s=answered_s))
    assert [memory.answered_since(s) for s in (0, 99, 100, 101, 102)] == [3, 3, 2, 1, 0]


@pytest.mark.parametrize("other", [{"chain": "8:0x1"}, {"contract": "0xc1"}, {"account": BOB}])
def test_rounds__of_another_chain_contract_or_account__are_not_seen(remember, other):
    remember().save(FULL)
    stranger = remember(**other)
    assert stranger.rounds() == []
    assert stranger.answered_since(0) == 0
    stranger.forget(3)
    assert remember().rounds() == [FULL]


# Flights


def test_save_flight__versions__are_the_same_after_a_restart(remember):
    flight = new_flight()
    flight.versions.append({**VERSION, "maxFeePerGas": 2 * 10**20})
    flight.hashes.append(None)
    flight.seen_block = 7
    flight.handed_over_s = 12.5
    remember().save_flight(flight)
    (known,) = remember().flights(ALICE)
    assert known == flight
    assert known.handed_over_s is None
    assert known.fees.maximum_wei == 2 * 10**20


def test_flights__written_by_a_former_version__are_read_without_a_block(remember, path):
    memory, flight = remember(), new_flight()
    memory.save_flight(flight)
    memory.close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("ALTER TABLE flights DROP COLUMN seen_block")
    assert remember().flights(ALICE) == [flight]


def test_save_flight__bytes_in_a_transaction__are_read_back_as_hexadecimal(remember):
    remember().save_flight(new_flight(data=b"\xab\xcd"))
    assert remember().flights(ALICE)[0].newest == VERSION


def test_flights__asked_twice__are_the_same_objects(remember):
    memory = remember()
    memory.save_flight(new_flight())
    assert memory.flights(ALICE)[0] is memory.flights(ALICE)[0]


def test_flights__replaced_by_another_program__have_its_versions(remember):
    mine, other = remember(), remember()
    mine.save_flight(new_flight())
    (known,) = mine.flights(ALICE)
    known.handed_over_s = 12.5
    replaced = new_flight()
    replaced.versions.append({**VERSION, "maxFeePerGas": 2 * 10**20})
    replaced.hashes.append("0x2")
    other.save_flight(replaced)
    assert mine.flights(ALICE) == [replaced]
    assert mine.flights(ALICE)[0].handed_over_s == 12.5


def test_flights__several__are_in_the_order_of_their_nonces(remember):
    memory = remember()
    for nonce in (12, 3, 101):
        memory.save_flight(new_flight(nonce))
    assert [flight.nonce for flight in memory.flights(ALICE)] == [3, 12, 101]


def test_flights__of_another_chain_or_account__are_not_seen(remember):
    remember().save_flight(new_flight())
    assert remember(chain="8:0x1").flights(ALICE) == []
    assert remember().flights(BOB) == []
    # An account's nonces are the same in every contract.
    assert remember(contract="0xc1").flights(ALICE) == [new_flight()]


def test_forget_flights__one__leaves_the_others(remember):
    memory = remember()
    memory.save_flight(new_flight(5))
    memory.save_flight(new_flight(5, subject=4))
    memory.forget_flights([new_flight(5), new_flight(77)])
    assert [flight.subject for flight in remember().flights(ALICE)] == [4]


# The file


def test_memory__file_deleted__starts_anew(remember, path):
    memory = remember()
    memory.save(FULL)
    memory.close()
    for file in path.parent.iterdir():
        file.unlink()
    assert remember().rounds() == []
    assert path.exists()


def test_memory__file_deleted_while_open__goes_on(remember, path):
    memory = remember()
    memory.save(FULL)
    for file in path.parent.iterdir():
        file.unlink()
    memory.save(Round(4, State.SENT))
    assert [done.request_id for done in memory.rounds()] == [3, 4]
    assert remember().rounds() == []


@pytest.mark.parametrize("content", [b"garbage" * 1000, b"SQLite format 3\0" + b"\xff" * 5000])
def test_memory__file_is_garbage__goes_on_without_it_and_says_so(remember, path, content):
    path.write_bytes(content)
    memory = remember()
    assert str(memory.problem).startswith(f"{path} cannot be used (")
    assert "delete it" in str(memory.problem)
    memory.save(FULL)
    assert memory.rounds() == [FULL]
    assert path.read_bytes() == content


def test_memory__file_damaged_while_open__goes_on_and_says_so_once(remember, path):
    memory, problems = remember(), []
    memory.on_problem = problems.append
    for number in range(1, 500):
        memory.save(Round(number, State.FINAL, {"reduction_wh": number}))
    memory.close()
    memory = remember()
    memory.on_problem = problems.append
    whole = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(whole - 4096))
    for number in (500, 501):
        memory.save(Round(number, State.SENT))
    assert [done.request_id for done in memory.rounds(State.SENT)] == [500, 501]
    assert len(problems) == 1


def test_memory__row_that_cannot_be_read__goes_on_without_it(remember, path):
    remember().save(FULL)
    with sqlite3.connect(path) as db:
        db.execute("UPDATE rounds SET terms = 'rotten', state = 'unheard of'")
    memory, problems = remember(), []
    memory.on_problem = problems.append
    assert memory.rounds() == []
    memory.save(Round(4, State.SENT))
    assert [done.request_id for done in memory.rounds()] == [4]
    assert len(problems) == 1


@pytest.mark.parametrize("version", [0, 2, 99])
def test_memory__file_of_another_version__starts_anew(remember, path, version):
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE rounds (something INTEGER)" if version else "SELECT 1")
        db.execute(f"PRAGMA user_version = {version}")
    memory = remember()
    assert memory.problem is None
    assert memory.rounds() == []
    memory.save(FULL)
    assert remember().rounds() == [FULL]


def test_memory__path_is_a_folder__goes_on_without_it(remember, path):
    path.mkdir()
    memory = remember()
    memory.save(FULL)
    assert memory.rounds() == [FULL]
    assert "check the free space, and that you may write it" in str(memory.problem)


def test_memory__disk_full_for_a_moment__is_in_the_file_again(remember, path):
    memory, problems = remember(), []
    memory.on_problem = problems.append
    memory._db.execute("PRAGMA max_page_count = 1")
    saved = 0
    while not problems:
        saved += 1
        memory.save(Round(saved, State.FINAL, {"reduction_wh": saved}))
    assert "disk is full" in str(problems[0])
    sent = new_flight()
    memory.save_flight(sent)
    memory.save(Round(saved + 1, State.SENT))
    assert memory.problem is None
    again = remember()
    assert [done.request_id for done in again.rounds()] == [*range(1, saved + 2)]
    assert again.flights(sent.account) == [sent]
    assert len(problems) == 1


def test_memory__back_in_the_file__leaves_alone_what_others_have_done_there(remember):
    memory, other = remember(), remember()
    other.save_flight(new_flight(subject=77))
    other.save(Round(7, State.SENT))
    memory.retreat(sqlite3.OperationalError("database is locked"), rescue=True)
    other.forget_flights([new_flight(subject=77)])
    other.forget(7)
    memory.save_flight(new_flight(subject=78))
    memory.save(Round(8, State.SENT))
    assert memory.problem is None
    assert [flight.subject for flight in other.flights(ALICE)] == [78]
    assert [done.request_id for done in other.rounds()] == [8]


@contextmanager
def being_nobody():
    """Have no more rights than others on this machine, also where the tests run as root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("exists", [True, False])
def test_memory__folder_that_cannot_be_written__goes_on_without_it(remember, path, exists):
    if exists:
        remember().save(FULL)
        path.chmod(0o444)
    path.parent.chmod(0o555)
    with being_nobody():
        memory = remember()
        memory.save(Round(4, State.SENT))
        assert [done.request_id for done in memory.rounds()][-1] == 4
    path.parent.chmod(0o755)
    assert "cannot be used" in str(memory.problem)


@contextmanager
def largest_file(size):
    """Let no file grow beyond so many bytes, as if the disk were full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_memory__disk_full_while_open__goes_on_with_what_it_knew(remember):
    memory, problems = remember(), []
    memory.on_problem = problems.append
    memory.save(FULL)
    memory.save_flight(new_flight())
    with largest_file(8192):
        for number in range(4, 40):
            memory.save(Round(number, State.SENT, reason="x" * 1000))
    assert [done.request_id for done in memory.rounds()] == [3, *range(4, 40)]
    assert memory.rounds()[0] == FULL
    assert memory.flights(ALICE) == [new_flight()]
    assert len(problems) == 1
    assert "cannot be used" in str(problems[0])


def test_memory__disk_full_at_the_start__goes_on_without_it(remember):
    with largest_file(0):
        memory = remember()
        memory.save(FULL)
    assert memory.rounds() == [FULL]
    assert memory.problem is not None


# Several at a time


def test_memory__two_connections__see_each_others_rounds(remember):
    mine, other = remember(), remember()
    mine.save(FULL)
    assert other.rounds() == [FULL]
    other.forget(3)
    assert mine.rounds() == []


def test_memory__opened_by_many_at_once__nobody_has_a_problem(path):
    def work(number):
        memory = Memory(path, CHAIN, CONTRACT, ALICE)
        memory.on_problem = problems.append
        for request_id in range(20):
            memory.save(Round(100 * number + request_id + 1, State.SENT))
        return memory.problem

    problems = []
    with ThreadPoolExecutor(8) as pool:
        assert [*pool.map(work, range(8))] == [None] * 8
    assert problems == []
    assert len(Memory(path, CHAIN, CONTRACT, ALICE).rounds()) == 160


WRITER = """
import sys
from pathlib import Path
from market.memory import Memory
from market.progress import Round, State
memory = Memory(Path(sys.argv[1]), "7:0xab", "0xc0", "0xa1")
for number in range(1, 10**9):
    memory.save(Round(number, State.SENT))
    print(number, flush=True)
"""


def test_memory__process_killed_while_it_writes__has_all_that_was_saved(remember, path):
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE, text=True
    ) as writer:
        for _ in range(50):
            saved = int(writer.stdout.readline())
        writer.kill()
        saved += len(writer.stdout.readlines())
    memory = remember()
    assert memory.problem is None
    assert len(memory.rounds()) in (saved, saved + 1)
