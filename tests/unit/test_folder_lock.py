import os
import subprocess
import sys
from pathlib import Path

import pytest

from market.errors import MarketError
from market.folder_lock import hold_folder, holder

REPOSITORY = Path(__file__).parents[2]


def refuse(problem):
    raise problem


HOLD = """
import sys
from pathlib import Path
from market.folder_lock import hold_folder
with hold_folder(Path(sys.argv[1]), print):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path):
    """Another process that holds the folder."""
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=REPOSITORY, stdin=pipe, stdout=pipe) as process:
        assert process.stdout.readline() == b"held\n"
        yield process
        process.stdin.close()


def test_holder__nobody__is_none(tmp_path):
    assert holder(tmp_path) is None
    with hold_folder(tmp_path, refuse):
        pass
    assert holder(tmp_path) is None


def test_holder__of_another_process__is_its_number(tmp_path, other):
    assert holder(tmp_path) == other.pid


def test_hold_folder__held_by_another__is_refused_in_one_line(tmp_path, other):
    with (
        pytest.raises(MarketError, match=rf"works with this folder already \(process {other.pid}"),
        hold_folder(tmp_path, refuse),
    ):
        pass


def test_hold_folder__after_the_other_was_killed__is_free(tmp_path, other):
    other.kill()
    other.wait()
    with hold_folder(tmp_path, refuse):
        assert holder(tmp_path) == os.getpid()


def test_hold_folder__no_folder__is_told_and_goes_on(tmp_path):
    told = []
    with hold_folder(tmp_path / "gone", told.append):
        pass
    assert "consumer.lock cannot be locked (No such file or directory)" in str(told[0])
