"""The soak: the same faults for the same seed, a status that tells, and a clean end."""

import sys

import pytest

from soak.plan import faults_of
from tests.scripts.processes import Script, environment, survivors

pytestmark = pytest.mark.long

PEOPLE = ["alice", "bob", "utility"]


@pytest.fixture
def start(tmp_path):
    """Start a soak; what it has started ends with it."""

    def start(*words):
        command = [sys.executable, "tools/supervise.py", "-m", "soak", *words]
        return Script(command, environment(tmp_path, str(tmp_path)), tmp_path)

    return start


def test_faults_of__same_seed__same_faults():
    def drawn(seed):
        return [faults_of(seed, number, PEOPLE) for number in range(20)]

    assert drawn(7) == drawn(7)
    assert drawn(7) != drawn(8)


def test_soak__time_is_over__says_how_it_went(start, tmp_path):
    finished = start("3", "--seed", "7").finish().succeeded().tells_no_internals()
    assert "Soak of 3 s with seed 7" in finished.out
    assert "all as it must be" in finished.out
    assert not survivors(str(tmp_path))


def test_soak__ctrl_c__ends_with_its_summary_and_leaves_nothing(start, tmp_path):
    script = start("60").wait_for("Soak of 60 s")
    finished = script.press_ctrl_c().finish().tells_no_internals()
    assert finished.status == 130
    assert not survivors(str(tmp_path))
