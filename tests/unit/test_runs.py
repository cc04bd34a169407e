import subprocess
import sys
from pathlib import Path

import pytest

from market.runs import Run

REPOSITORY = Path(__file__).parents[2]
PROGRAM = """
import pathlib, sys
from market.runs import Run
run = Run(pathlib.Path(sys.argv[1]), print)
print(run.number, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def start(tmp_path):
    """Start a run in a process of its own, and return that with the run's number."""
    started = []

    def start():
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(tmp_path)],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        started.append(process)
        return process, int(process.stdout.readline())

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_is_alive__others_at_work_and_killed__tells_them_apart(start, tmp_path):
    (first, one), (_, two) = start(), start()
    run = Run(tmp_path, pytest.fail)
    assert [run.is_alive(number) for number in (one, two, run.number, 0)] == [
        True,
        True,
        False,
        False,
    ]
    first.kill()
    first.wait()
    assert [run.is_alive(number) for number in (one, two)] == [False, True]


def test_run__folder_cannot_be_written__is_told_and_goes_on(tmp_path):
    told = []
    run = Run(tmp_path / "missing", told.append)
    assert "cannot be locked" in str(told[0])
    assert not run.is_alive(1)
    run.close()
