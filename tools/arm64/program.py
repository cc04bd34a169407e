"""A program that is at work while others look at what it prints."""

import fcntl
import os
import pty
import signal
import subprocess
import termios
from collections.abc import Callable, Iterable
from pathlib import Path
from time import monotonic, sleep

from market.errors import MarketError

# Far more than is usual: an emulated program takes ten times as long.
PATIENCE_S = 240
_LAST = 600


class Program:
    """A running program; what it prints goes to a file."""

    def __init__(self, command: Iterable[str], log: Path) -> None:
        self._log = log
        with log.open("w") as out:
            self._process = subprocess.Popen(
                [*command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_hear_ctrl_c,
            )

    @property
    def told(self) -> str:
        """What it has printed."""
        return self._log.read_text("utf-8", "replace")

    def wait_for(self, text: str) -> None:
        """Return once it has printed the text; MarketError if it ends without, or is too slow."""
        wait_until(
            lambda: text in self.told or self._process.poll() is not None,
            f'"{text}"',
            lambda: self.told,
        )
        if text not in self.told:
            raise MarketError(f'The consumer ended without "{text}": {self.told[-_LAST:]}')

    def kill(self) -> None:
        """End it as a power cut does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it as Ctrl-C does."""
        self._end(signal.SIGINT)

    def _end(self, number: signal.Signals) -> None:
        if self._process.poll() is not None:
            raise MarketError(f"The consumer had ended by itself: {self.told[-_LAST:]}")
        os.kill(self._process.pid, number)
        self._process.wait(PATIENCE_S)


def wait_until(
    condition: Callable[[], object], what: str, told: Callable[[], str] = lambda: ""
) -> None:
    """Return once the condition holds; MarketError if that takes too long."""
    deadline = monotonic() + PATIENCE_S
    while not condition():
        if monotonic() > deadline:
            raise MarketError(f"Waited in vain for {what}: {told()[-_LAST:]}")
        sleep(0.2)


def converse(command: Iterable[str], answers: Iterable[tuple[str, str]]) -> str:
    """Run a program on a terminal of its own and return what that has shown.

    `answers` are questions, and what is typed when each is asked. MarketError if one is not, or
    the program fails.
    """
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*command],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=_take_terminal,
    )
    os.close(theirs)
    shown = ""
    with os.fdopen(ours, "r+b", buffering=0) as terminal:
        for question, answer in answers:
            shown += _read(terminal.fileno(), question)
            terminal.write(f"{answer}\n".encode())
        shown += _read(terminal.fileno(), "")
    if process.wait(PATIENCE_S):
        raise MarketError(f"It ended with status {process.returncode}: {shown[-_LAST:]}")
    return shown


def _read(terminal: int, question: str) -> str:
    """Return what is shown up to a question, or without one until nobody writes any more."""
    shown = ""
    while not question or question not in shown:
        try:
            read = os.read(terminal, 4096).decode("utf-8", "replace")
        except OSError:
            # So Linux tells that nobody has the other end any more.
            read = ""
        if not read and question:
            raise MarketError(f'"{question}" was not asked: {shown[-_LAST:]}')
        if not read:
            break
        shown += read
    return shown


def _hear_ctrl_c() -> None:
    """Undo what a shell does to programs in its background: they are deaf to Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
