import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from time import sleep

import pytest

from market import agent_control
from market.agent_control import AgentControl, AgentState
from market.errors import MarketError
from market.folder_lock import hold_folder
from market.settings import Settings
from market.status import Phase, Status, StatusFile, status_path


@pytest.fixture
def settings(tmp_path):
    return Settings(
        env_file=tmp_path / ".env",
        database_folder=tmp_path,
        consumer_account_pass="hunter2-hidden",
    )


@pytest.fixture
def says(settings):
    """Have a consumer say something of itself."""

    def say(**status):
        file = StatusFile(status_path(settings.database_folder), [], print)
        file.keep(Status(**status))

    return say


@pytest.fixture
def at_work(settings):
    """This process as the folder's consumer."""
    with hold_folder(settings.database_folder, print):
        yield


def seen(settings):
    return AgentControl().look(settings)


def test_look__nothing_there__was_never_started(settings):
    assert seen(settings).state == AgentState.NEVER


@pytest.mark.parametrize(
    ("phase", "state"),
    [
        (Phase.WORKING, AgentState.WORKING),
        (Phase.NODE_AWAY, AgentState.NODE_AWAY),
        (Phase.STOPPED, AgentState.STOPPING),
    ],
)
def test_look__lock_held__is_what_it_says_of_itself(settings, says, at_work, phase, state):
    says(phase=phase, state="waiting")
    assert seen(settings).state == state


def test_look__lock_held_by_another_than_the_status_is_of__is_starting(settings, says, at_work):
    says(pid=os.getpid() + 1)
    assert seen(settings).state == AgentState.STARTING


def test_look__said_that_it_stopped__is_stopped(settings, says):
    says(phase=Phase.STOPPED, state="stopped")
    assert seen(settings).state == AgentState.STOPPED


def test_look__said_why_it_stopped__failed_for_that_reason(settings, says):
    says(phase=Phase.STOPPED, state="stopped: there are no bids")
    view = seen(settings)
    assert (view.state, view.reason) == (AgentState.FAILED, ("there are no bids",))


def test_look__no_lock_and_no_last_word__crashed(settings, says):
    says(state="bidding in request 3")
    view = seen(settings)
    assert view.state == AgentState.CRASHED
    assert 'the last it said was "bidding in request 3"' in view.text


def test_look__error_output_after_the_last_word__is_the_reason_without_secrets(settings, says):
    says(state="waiting")
    output = settings.database_folder / "consumer.err"
    output.write_text("Traceback\nValueError: hunter2-hidden\n")
    later = (datetime.now(timezone.utc) + timedelta(seconds=5)).timestamp()
    os.utime(output, (later, later))
    view = seen(settings)
    assert (view.state, view.reason) == (AgentState.FAILED, ("Traceback", "ValueError: ***"))


def test_start__one_at_work__is_refused(settings, at_work):
    with pytest.raises(MarketError, match=f"works already .process {os.getpid()}"):
        AgentControl().start(settings)


def test_stop__none_at_work__is_refused(settings):
    with pytest.raises(MarketError, match="does not work at present"):
        AgentControl().stop(settings)


def waiting_process(*arguments, **options):
    """Start a process that waits until its input ends, whatever was to be started."""
    return subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)


@pytest.fixture
def starting(settings, monkeypatch):
    """A control whose consumer has just been started, and does not hold its folder yet."""
    monkeypatch.setattr(agent_control, "Popen", waiting_process)
    control = AgentControl()
    control.start(settings)
    child = control._started
    yield control
    child.communicate()


def test_start__twice_within_its_first_moments__starts_one(settings, starting):
    child = starting._started
    with pytest.raises(MarketError, match=f"works already .process {child.pid}"):
        starting.start(settings)
    assert starting._started is child


def test_start__from_many_windows_at_once__starts_one(settings, monkeypatch):
    started = []

    def slowly(*arguments, **options):
        started.append(waiting_process())
        sleep(0.2)
        return started[-1]

    control = AgentControl()
    monkeypatch.setattr(agent_control, "Popen", slowly)
    with ThreadPoolExecutor() as windows:
        tries = [windows.submit(control.start, settings) for _ in range(4)]
    assert sum(one.exception() is None for one in tries) == len(started) == 1
    started[0].communicate()


@pytest.fixture
def crashed_before(says):
    says(pid=os.getpid() + 1, state="what the one before it has said")


def test_stop__within_its_first_moments__ends_it_and_is_no_crash(
    crashed_before, settings, starting
):
    assert starting.look(settings).state == AgentState.STARTING
    starting.stop(settings)
    starting._started.wait(60)
    assert starting.look(settings).state == AgentState.STOPPED


@pytest.fixture
def stranger():
    process = waiting_process()
    yield process
    process.communicate()


def test_stop__number_of_a_stranger_in_the_lock__leaves_it_alone(settings, at_work, stranger):
    lock = settings.database_folder / "consumer.lock"
    lock.write_text(str(stranger.pid))
    with pytest.raises(MarketError, match="cannot be told which process it is"):
        AgentControl().stop(settings)
    assert stranger.poll() is None


def test_stop__no_number_in_the_lock__says_that_one_works(settings, at_work):
    (settings.database_folder / "consumer.lock").write_text("")
    with pytest.raises(MarketError, match="cannot be told which process it is"):
        AgentControl().stop(settings)
