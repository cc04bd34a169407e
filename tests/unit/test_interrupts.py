"""What ends a program, and what it is told to outlive."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = """
import os, signal, sys
from market.interrupts import raise_interrupts

signal.signal(signal.SIGHUP, getattr(signal, sys.argv[1]))
raise_interrupts()
try:
    os.kill(os.getpid(), getattr(signal, sys.argv[2]))
except KeyboardInterrupt:
    print("interrupted")
else:
    print("goes on")
"""


@pytest.mark.parametrize(
    ("found", "sent", "said"),
    [
        ("SIG_DFL", signal.SIGHUP, "interrupted"),
        # As nohup leaves it.
        ("SIG_IGN", signal.SIGHUP, "goes on"),
        ("SIG_IGN", signal.SIGTERM, "interrupted"),
        ("SIG_IGN", signal.SIGINT, "interrupted"),
    ],
)
def test_raise_interrupts__signal__interrupts_unless_nohup_keeps_it_away(found, sent, said):
    command = [sys.executable, "-c", PROGRAM, found, sent.name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == said


LOSES_IT = """
import io, os, signal, sys
from threading import Lock
from time import sleep
from market import interrupts

class ClearedAway(io.IOBase):
    closed = property(lambda _: os.kill(os.getpid(), signal.SIGINT))

def take_twice():
    lock = Lock()
    lock.acquire()
    try:
        os.kill(os.getpid(), signal.SIGINT)
    finally:
        # As a library does that was interrupted before it noted that it has the lock.
        lock.acquire()

# Well above the time in which a second one is taken for the same.
interrupts._OVERDUE_S = 1.5
interrupts.raise_interrupts(until_ended=True)
try:
    take_twice() if sys.argv[1] == "lock" else ClearedAway()
    sleep(60)
except KeyboardInterrupt:
    print("interrupted")
if sys.argv[2] == "ended":
    interrupts.end_interrupts()
try:
    sleep(3)
except KeyboardInterrupt:
    print("again")
"""


@pytest.mark.parametrize("lost_in", ["file", "lock"])
@pytest.mark.parametrize(("end", "said"), [("ended", []), ("goes on", ["again"])])
def test_raise_interrupts__lost_or_stuck__comes_again_until_it_has_ended(lost_in, end, said):
    command = [sys.executable, "-c", LOSES_IT, lost_in, end]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.split() == ["interrupted", *said], done.stderr
