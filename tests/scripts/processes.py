"""The scripts as people start them: processes of their own, with settings of their own."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import TypeVar

import psutil
import pytest

from market.settings import variable_names

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(sys.executable).parent
SUPERVISED = (sys.executable, "tools/supervise.py", "brownie")
# A person types this in an activated environment.
PLAIN = (str(PROGRAMS / "brownie"),)
DEVICE = (sys.executable, "-m", "market")
MARK = "MARKET_TEST_RUN"

T = TypeVar("T")

_TIMEOUT_S = 60
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_TRACEBACK = re.compile(r"Traceback|^\s*File .*, line \d+", re.MULTILINE)


def environment(home: Path, mark: str, **settings: object) -> dict[str, str]:
    """Return this process's environment with these settings, and none of the user's."""
    foreign = {*variable_names(), "FORCE_COLOR", "COLUMNS", "SOLCX_BINARY_PATH"}
    return {
        **{name: value for name, value in os.environ.items() if name not in foreign},
        "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        MARK: mark,
        **{name: str(value) for name, value in settings.items()},
    }


def marked(mark: str) -> list[psutil.Process]:
    """Return the processes that were started with this mark, or by one that was."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if process.environ().get(MARK) == mark:
                found.append(process)
    return found


def seen(mark: str, look: Callable[[psutil.Process], T]) -> list[T]:
    """Return what a look at each process with this mark shows, but for those that end just then."""
    found = []
    for process in marked(mark):
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            found.append(look(process))
    return found


def survivors(mark: str, timeout_s: float = 10) -> list[psutil.Process]:
    """Return those with this mark that do not end of themselves within this time.

    One that has ended and that its parent has not asked for yet does not count.
    """
    deadline = monotonic() + timeout_s
    while (left := marked(mark)) and monotonic() < deadline:
        sleep(0.05)
    return left


def worked_s(process: subprocess.Popen | psutil.Process) -> float:
    """Return how long a process has kept a processor busy."""
    try:
        times = psutil.Process(process.pid).cpu_times()
    except psutil.NoSuchProcess:
        return 0
    return times.user + times.system


@dataclass(frozen=True, slots=True)
class Finished:
    """What a script left behind."""

    status: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """Everything it printed."""
        return _ANSI.sub("", self.out + self.err)

    def succeeded(self) -> "Finished":
        """Return this; the test fails if the script failed."""
        assert self.status == 0, self.text
        return self

    def tells_no_internals(self) -> "Finished":
        """Return this; the test fails if there is a Python traceback anywhere."""
        assert not _TRACEBACK.search(self.text), self.text
        return self

    def refused_with(self, *words: str) -> "Finished":
        """Return this; the test fails unless it is one line that says what is wrong."""
        self.tells_no_internals()
        assert self.status == 1, self.text
        assert re.fullmatch(r"Error: [^\n]+\n", self.err), self.text
        assert not [word for word in words if word not in self.err], self.err
        return self


class Script:
    """A running script; what it prints goes to files, which can be read at any time."""

    def __init__(
        self,
        command: Iterable[str],
        environment: Mapping[str, str],
        folder: Path,
        terminal: bool = False,
    ) -> None:
        """Start it, with a pipe as its input or, as in a terminal, with everything on a pty."""
        self._out_file, self._err_file = folder / "out", folder / "err"
        self._out_file.touch()
        self._err_file.touch()
        self._reader: threading.Thread | None = None
        start = self._on_terminal if terminal else self._on_pipe
        self.process = start([*command], environment)

    def _on_pipe(self, command: list[str], environment: Mapping[str, str]) -> subprocess.Popen:
        reading, writing = os.pipe()
        self._input = os.fdopen(writing, "wb", buffering=0)
        with self._out_file.open("w") as out, self._err_file.open("w") as err:
            process = _popen(command, environment, reading, out, err)
        os.close(reading)
        return process

    def _on_terminal(self, command: list[str], environment: Mapping[str, str]) -> subprocess.Popen:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))
        self._input = os.fdopen(ours, "wb", buffering=0)
        environment = {**environment, "TERM": "xterm"}
        process = _popen(command, environment, theirs, theirs, theirs, _take_terminal)
        os.close(theirs)
        self._reader = threading.Thread(target=_copy, args=(ours, self._out_file))
        self._reader.start()
        return process

    @property
    def out(self) -> str:
        """What it has printed, without colours; on a terminal also what went to the errors."""
        return _ANSI.sub("", self._out_file.read_text("utf-8", "replace"))

    @property
    def err(self) -> str:
        """What it has printed to the error output."""
        return _ANSI.sub("", self._err_file.read_text("utf-8", "replace"))

    def wait_for(self, text: str, times: int = 1, timeout_s: float = _TIMEOUT_S) -> "Script":
        """Return once it has printed the text; the test fails if it ends without."""
        deadline = monotonic() + timeout_s
        while (self.out + self.err).count(text) < times:
            ended = self.process.poll() is not None
            if (ended and (self.out + self.err).count(text) < times) or monotonic() > deadline:
                pytest.fail(f'"{text}" was not printed, but:\n{self.out}{self.err}')
            sleep(0.05)
        return self

    def type(self, *lines: str) -> "Script":
        """Answer with these lines."""
        return self.press("".join(f"{line}\n" for line in lines))

    def press(self, keys: str) -> "Script":
        """Press keys; on a terminal one of them may be Ctrl-C."""
        self._input.write(keys.encode())
        return self

    def press_ctrl_c(self) -> "Script":
        """Interrupt it as a terminal does: the process and all in its group."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGINT)
        return self

    def kill(self) -> None:
        """End it, and what it started, without a chance to say anything."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def finish(self, timeout_s: float = _TIMEOUT_S) -> Finished:
        """Return what it left behind; the test fails if it does not end in time."""
        if not self._reader:
            self._input.close()
        try:
            status = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            pytest.fail(f"the script did not end:\n{self.out}{self.err}")
        if self._reader:
            self._reader.join()
        return Finished(status, self.out, self.err)

    def stop(self) -> None:
        """End it if it still runs."""
        self.press_ctrl_c()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        self.kill()
        if self._reader:
            self._reader.join()
        self._input.close()


def _hear_ctrl_c() -> None:
    """Undo what a shell does to programs in its background: they are deaf to Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _popen(command, environment, stdin, stdout, stderr, preexec=_hear_ctrl_c):
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
        preexec_fn=preexec,
    )


def _take_terminal() -> None:
    """Make standard input the terminal that Ctrl-C of which is for this process."""
    _hear_ctrl_c()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _copy(source: int, target: Path) -> None:
    """Copy what a terminal shows into a file, until nobody writes to it any more."""
    with target.open("wb", buffering=0) as file, suppress(OSError):
        while shown := os.read(source, 65536):
            file.write(shown.replace(b"\r\n", b"\n"))
