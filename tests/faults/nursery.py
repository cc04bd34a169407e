"""Processes that start at once: copies of one that has imported everything `market` needs.

Python needs more than a second to import web3. A fork of a process that has done so is a process
like any other: with a number, a session, an environment, files and a death of its own.
"""

import datetime
import json
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_TIMEOUT_S = 90


class Copy:
    """A `python -m market ...` that has been forked; `status` is None while it lives."""

    def __init__(self, folder: Path) -> None:
        self.pid = 0
        self.status: int | None = None
        self._out_file = folder / "out"

    @property
    def out(self) -> str:
        """What it has printed, errors included."""
        return self._out_file.read_text("utf-8", "replace") if self._out_file.exists() else ""

    def lives(self) -> bool:
        return self.status is None

    def kill(self) -> None:
        self._signal(signal.SIGKILL)
        self.wait()

    def stop(self) -> None:
        """End it as Ctrl-C does; the test fails if that takes long."""
        self._signal(signal.SIGINT)
        self.wait()

    def wait(self, timeout_s: float = _TIMEOUT_S) -> int:
        """Return its exit status, negative if a signal ended it."""
        deadline = time.monotonic() + timeout_s
        while self.status is None:
            if time.monotonic() > deadline:
                self._signal(signal.SIGKILL)
                raise AssertionError(f"the process did not end:\n{self.out}")
            time.sleep(0.02)
        return self.status

    def _signal(self, number: int) -> None:
        if self.lives():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


class Nursery:
    """Starts copies, and tells when they end."""

    def __init__(self, clock_offset_s: int = 0) -> None:
        """Each copy's clock is that much ahead of this machine's."""
        self._copies: dict[int, Copy] = {}
        self._born = threading.Condition()
        self._waiting: list[Copy] = []
        command = [sys.executable, str(Path(__file__)), str(clock_offset_s)]
        self._mother = Popen(command, cwd=ROOT, stdin=PIPE, stdout=PIPE, start_new_session=True)
        self._ear = threading.Thread(target=self._listen, daemon=True)
        self._ear.start()

    def start(self, words: list[str], environment: Mapping[str, str], folder: Path) -> Copy:
        """Start `python -m market <words>`, whose output goes to a file in the folder."""
        copy = Copy(folder)
        job = {"words": words, "environment": dict(environment), "folder": str(folder)}
        with self._born:
            self._waiting.append(copy)
            assert self._mother.stdin
            self._mother.stdin.write(json.dumps(job).encode() + b"\n")
            self._mother.stdin.flush()
            assert self._born.wait_for(lambda: copy.pid, _TIMEOUT_S)
        return copy

    def close(self) -> None:
        """End the copies that still live, and what they are copies of."""
        for copy in [*self._copies.values()]:
            copy._signal(signal.SIGKILL)
        assert self._mother.stdin
        self._mother.stdin.close()
        self._mother.wait(_TIMEOUT_S)
        self._ear.join()

    def _listen(self) -> None:
        assert self._mother.stdout
        for line in self._mother.stdout:
            word, *numbers = line.split()
            with self._born:
                if word == b"born":
                    copy = self._waiting.pop(0)
                    copy.pid = int(numbers[0])
                    self._copies[copy.pid] = copy
                else:
                    self._copies.pop(int(numbers[0])).status = int(numbers[1])
                self._born.notify_all()


def _work() -> None:
    """Fork a copy for every line of standard input, and tell when one ends."""
    sys.path.insert(0, str(ROOT))
    _shift_clock(int(sys.argv[1]))
    # Imported once for all copies. This process has no threads, which a fork would lose.
    import market.__main__
    import market.command_line

    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    alive, lines, ended = 0, b"", False
    while alive or not ended:
        ready, *_ = select.select([reading] if ended else [0, reading], [], [])
        if 0 in ready:
            read = os.read(0, 65536)
            ended = not read
            *jobs, lines = (lines + read).split(b"\n")
            alive += len(jobs)
            for job in jobs:
                _bear(market.__main__.main, json.loads(job))
        if reading in ready:
            os.read(reading, 4096)
            alive -= _tell_ended()


def _shift_clock(offset_s: int) -> None:
    """Have everything imported from here on see another time of day."""
    real_s, real_ns, real = time.time, time.time_ns, datetime.datetime

    class Shifted(real):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:
            return super().now(tz) + datetime.timedelta(seconds=offset_s)

    if offset_s:
        time.time = lambda: real_s() + offset_s
        time.time_ns = lambda: real_ns() + offset_s * 10**9
        datetime.datetime = Shifted


def _bear(main: Any, job: dict[str, Any]) -> None:
    if pid := os.fork():
        print("born", pid, flush=True)
    else:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _become(main, job)


def _tell_ended() -> int:
    """Return how many copies have ended since it was last told."""
    told = 0
    with suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            print("ended", found[0], os.waitstatus_to_exitcode(found[1]), flush=True)
            told += 1
    return told


def _become(main: Any, job: dict[str, Any]) -> None:
    """Carry on as a process of its own, and never return."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(job["environment"])
    sys.argv = ["market", *job["words"]]
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    out = os.open(Path(job["folder"], "out"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(out, 1)
    os.dup2(out, 2)
    status = 1
    try:
        main()
        status = 0
    except SystemExit as end:
        status = int(end.code or 0)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(status)


if __name__ == "__main__":
    _work()
