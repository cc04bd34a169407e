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
