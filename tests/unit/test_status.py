import json
import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from market.errors import MarketError
from market.settings import Settings
from market.status import (
    HEARTBEAT_SECONDS,
    Phase,
    Status,
    StatusFile,
    judge,
    load_status,
    show_status,
    status_path,
)
from tests.unit.nobody import as_nobody

ROOT = Path(__file__).parents[2]
NOON = datetime(2025, 6, 1, 12, tzinfo=timezone.utc)
KEY = "0123456789abcdef0123456789abcdef"
NODE = f"https://sepolia.infura.io/v3/{KEY}"
WAITING = Status(state="waiting for requests", pid=os.getpid(), started=NOON, updated=NOON)
# A consumer that says that it waits, until it is killed.
CONSUMER = (
    "import sys\n"
    "from pathlib import Path\n"
    "from market.status import Status, StatusFile\n"
    "StatusFile(Path(sys.argv[1]), [], print).keep(Status(state='waiting for requests'))\n"
    "print('kept', flush=True)\n"
    "sys.stdin.read()\n"
)


def changed(**changes):
    known = {name: getattr(WAITING, name) for name in Status.__dataclass_fields__}
    return Status(**{**known, **changes})


class Clock:
    seconds = 1000.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def problems():
    return []


@pytest.fixture
def path(tmp_path):
    return status_path(tmp_path)


@pytest.fixture
def file(path, problems, clock):
    return StatusFile(path, [NODE], problems.append, clock)


@pytest.fixture
def show(tmp_path):
    """Return the exit status and what is printed for the folder."""

    def show(*, as_json=False, **settings):
        screen = StringIO()
        settings = Settings(env_file=tmp_path / ".env", database_folder=tmp_path, **settings)
        return show_status(settings, Console(file=screen, width=80), as_json), screen.getvalue()

    return show


@pytest.fixture
def dead_pid():
    """The number of a process that was, and is no more."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


# The file


def test_keep__status__is_a_json_object_with_the_time_of_writing(file, path):
    before = datetime.now(timezone.utc)
    file.keep(
        changed(
            network="sepolia",
            chain_id=11155111,
            contract="0xcd",
            account="0xab",
            last_block=9,
            last_block_time=NOON,
            last_request_id=3,
            balance_eth="0.1",
        )
    )
    content = json.loads(path.read_text())
    updated = datetime.fromisoformat(content.pop("updated").replace("Z", "+00:00"))
    assert before <= updated <= datetime.now(timezone.utc)
    assert content == {
        "state": "waiting for requests",
        "phase": "working",
        "pid": os.getpid(),
        "started": "2025-06-01T12:00:00Z",
        "network": "sepolia",
        "chain_id": 11155111,
        "contract": "0xcd",
        "account": "0xab",
        "last_block": 9,
        "last_block_time": "2025-06-01T12:00:00Z",
        "last_request_id": 3,
        "balance_eth": "0.1",
        "problem": None,
    }


def test_keep__new_block_alone__is_written_at_the_next_heartbeat(file, path, clock):
    file.keep(changed(last_block=1))
    file.keep(changed(last_block=2, last_block_time=NOON))
    assert load_status(path).last_block == 1
    clock.seconds += HEARTBEAT_SECONDS
    file.keep(changed(last_block=3))
    assert load_status(path).last_block == 3


def test_keep__another_state__is_written_at_once_and_delays_the_next(file, path, clock):
    file.keep(WAITING)
    clock.seconds += HEARTBEAT_SECONDS - 1
    file.keep(changed(state="bidding in request 3"))
    assert load_status(path).state == "bidding in request 3"
    clock.seconds += HEARTBEAT_SECONDS - 1
    file.keep(changed(state="bidding in request 3", last_block=2))
    assert load_status(path).last_block is None


def test_keep__nothing_new__writes_no_file(file, path):
    file.keep(WAITING)
    path.unlink()
    file.keep(WAITING)
    assert not path.exists()


def test_keep__secret_and_control_characters__are_not_in_the_file(file, path):
    file.keep(changed(state=f"no answer from {NODE}", problem=f"{NODE}\x1b[2J\n"))
    status = load_status(path)
    assert status.state == "no answer from https://sepolia.infura.io/***"
    assert status.problem == "https://sepolia.infura.io/*** [2J "


def test_keep__folder_missing__is_told_once_until_it_is_there(problems, clock, tmp_path):
    path = tmp_path / "database" / "status.json"
    file = StatusFile(path, [], problems.append, clock)

    def keep():
        clock.seconds += HEARTBEAT_SECONDS
        file.keep(WAITING)

    keep()
    keep()
    assert [str(problem)[: len(str(path)) + 18] for problem in problems] == [
        f"{path} cannot be written"
    ]
    path.parent.mkdir()
    keep()
    assert load_status(path).state == "waiting for requests"
    path.unlink()
    path.parent.rmdir()
    keep()
    assert len(problems) == 2


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{", ""),
        ('"pid": PID', '"pid": 0'),
        ('"pid": PID', '"pid": -1'),
        ('"pid": PID', '"pid": 99999999999999999999'),
        ("2025-06-01T12:00:00Z", "2025-06-01T12:00:00"),
        ('"working"', '"idle"'),
    ],
)
def test_load_status__another_content__says_so(file, path, old, new):
    file.keep(WAITING)
    # The number is not in the list above: it would have the test's name change.
    old = old.replace("PID", str(os.getpid()))
    written = path.read_text()
    assert old in written
    path.write_text(written.replace(old, new))
    with pytest.raises(MarketError) as problem:
        load_status(path)
    assert str(problem.value) == (
        f"{path} is not a consumer's status: a running consumer writes it anew"
    )


# The judgement


@pytest.mark.parametrize(
    ("poll_seconds", "age_s", "alive"),
    [
        (2, 0, True),
        (2, 60, True),
        (2, 61, False),
        (2, -61, False),
        (100, 300, True),
        (100, 301, False),
    ],
)
def test_judge__process_lives__is_alive_if_it_said_something_lately(poll_seconds, age_s, alive):
    verdict, text = judge(WAITING, NOON + timedelta(seconds=age_s), poll_seconds)
    assert verdict is alive
    assert text.startswith("alive: waiting for requests" if alive else "silent: it said ")


def test_judge__stopped__is_not_alive_and_no_crash(dead_pid):
    status = changed(state="stopped", phase=Phase.STOPPED, pid=dead_pid)
    assert judge(status, NOON + timedelta(minutes=5), 2) == (False, "stopped 5 min ago")


def test_judge__stopped_by_a_problem__says_which_in_one_printable_line(dead_pid):
    status = changed(
        state="stopped: No live network is named: write one\x1b[2J\n",
        phase=Phase.STOPPED,
        pid=dead_pid,
    )
    assert judge(status, NOON + timedelta(seconds=1), 2) == (
        False,
        "stopped 1 s ago: No live network is named: write one [2J ",
    )


def test_judge__process_is_gone__has_crashed(dead_pid):
    assert judge(changed(pid=dead_pid), NOON + timedelta(seconds=3), 2) == (
        False,
        f'crashed: it said "waiting for requests" 3 s ago, and process {dead_pid} is gone',
    )


def test_judge__node_away__is_alive_and_says_so():
    status = changed(state="the node is away: \x1b[2Jno answer", phase=Phase.NODE_AWAY)
    assert judge(status, NOON, 2) == (
        True,
        "alive, without its node: the node is away:  [2Jno answer",
    )


def test_judge__process_of_another_user__lives():
    assert as_nobody(lambda: judge(changed(pid=1), NOON, 2)[0]) == "True"


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (timedelta(seconds=119), "119 s ago"),
        (timedelta(seconds=120), "2 min ago"),
        (timedelta(hours=47), "47 h ago"),
        (timedelta(days=400), "400 days ago"),
    ],
)
def test_judge__any_age__is_said_in_a_fitting_unit(age, text):
    assert judge(changed(phase=Phase.STOPPED), NOON + age, 2)[1] == f"stopped {text}"


# The command


def test_show_status__no_file__says_that_there_is_no_consumer(show, path):
    assert show() == (1, f"There is no {path}: no consumer has worked with this folder\n")


def test_show_status__alive__prints_what_is_known(show, file):
    file.keep(
        changed(
            network="sepolia",
            chain_id=11155111,
            account="0x" + 40 * "a",
            balance_eth="0.1",
            last_block=9,
            last_block_time=NOON,
            problem="bids.json is broken",
        )
    )
    status, shown = show()
    rows = {line[:12].strip(): line[12:].strip() for line in shown.splitlines()[1:]}
    block_time = NOON.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    assert (status, shown.splitlines()[0]) == (0, "alive: waiting for requests")
    assert rows["Network"] == "sepolia, chain 11155111"
    assert rows["Account"] == "0x" + 40 * "a" + " with 0.1 ETH"
    assert rows["Last block"] == f"9 ({block_time})"
    assert rows["Problem"] == "bids.json is broken"
    assert "Last request" not in rows


def test_show_status__json__is_one_object(show, file, path):
    file.keep(changed(state="Wärme"))
    status, shown = show(as_json=True)
    assert status == 0
    assert json.loads(shown) == {
        "alive": True,
        "text": "alive: Wärme",
        "status": json.loads(path.read_text()),
    }


def test_show_status__json_without_a_file__has_no_status(show):
    status, shown = show(as_json=True)
    assert (status, json.loads(shown)["alive"], json.loads(shown)["status"]) == (1, False, None)


def test_show_status__consumer_is_killed__has_crashed(show, path):
    command = [sys.executable, "-c", CONSUMER, path]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as consumer:
        assert consumer.stdout.readline() == "kept\n"
        alive = show()
        consumer.send_signal(signal.SIGKILL)
    assert alive[0] == 0
    assert f"{consumer.pid}, since" in alive[1]
    status, shown = show()
    assert (status, shown.split(":")[0]) == (1, "crashed")


def test_show_status__settings_name_the_polling_interval__waits_for_a_few_polls(show, file, path):
    file.keep(WAITING)
    five_minutes_ago = datetime.now(timezone.utc) - timedelta(minutes=5)
    content = {**json.loads(path.read_text()), "updated": five_minutes_ago.isoformat()}
    path.write_text(json.dumps(content))
    assert [show(poll_seconds=2.0)[0], show(poll_seconds=200.0)[0]] == [1, 0]
