"""The consumer as somebody else sees it: started, stopped and judged, whoever has started it."""

import os
import signal
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from enum import Enum
from pathlib import Path
from subprocess import DEVNULL, Popen

from market.errors import MarketError
from market.folder_lock import end_holder, holder
from market.masking import Mask
from market.settings import Settings
from market.status import Phase, Status, judge, load_status, status_path

_OUTPUT_NAME = "consumer.err"
_MOST_OUTPUT_BYTES = 20_000
_LINES_OF_A_CRASH = 8
# What its end by a signal leaves on the error output.
_QUIET_END = "Stopped."


class AgentState(str, Enum):
    """How the folder's consumer is."""

    NEVER = "never started"
    STARTING = "starting"
    WORKING = "working"
    NODE_AWAY = "without its node"
    SILENT = "silent"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"
    CRASHED = "crashed"


_RUNNING = (
    AgentState.STARTING,
    AgentState.WORKING,
    AgentState.NODE_AWAY,
    AgentState.SILENT,
    AgentState.STOPPING,
)


@dataclass(frozen=True, slots=True)
class AgentView:
    """A consumer's state, one line about it, why it ended, and what it said of itself last."""

    state: AgentState
    text: str
    reason: tuple[str, ...] = ()
    status: Status | None = None

    @property
    def is_running(self) -> bool:
        """Return whether there is a process of it."""
        return self.state in _RUNNING


@dataclass(slots=True)
class AgentControl:
    """Starts a consumer as a process that lives on without whoever started it."""

    remote: bool = False
    _started: Popen[bytes] | None = field(default=None)
    # Several windows may be pressed in at once.
    _changing: threading.Lock = field(default_factory=threading.Lock)

    def start(self, settings: Settings) -> None:
        """Start a consumer with this process's settings; MarketError if one works already."""
        with self._changing:
            if (process := self._process(settings.database_folder)) is not None:
                raise MarketError(f"The consumer works already (process {process})")
            try:
                self._started = self._launched(settings.database_folder)
            except OSError as problem:
                raise MarketError(f"The consumer cannot be started ({problem.strerror})") from None

    def stop(self, settings: Settings) -> None:
        """Ask the folder's consumer to end; MarketError if there is none that can be asked."""
        folder = settings.database_folder
        with self._changing:
            process, child = self._process(folder), self._child()
            if process is None:
                raise MarketError("The consumer does not work at present")
            # Its number is nobody else's until its end has been taken note of.
            if child:
                child.terminate()
            if child is None or process != child.pid:
                end_holder(folder)

    def _launched(self, folder: Path) -> Popen[bytes]:
        words = ["consumer", "remote"] if self.remote else ["consumer"]
        _output_path(folder).touch(mode=0o600)
        with _output_path(folder).open("wb") as output:
            return Popen(
                [sys.executable, "-m", "market", *words],
                stdin=DEVNULL,
                stdout=DEVNULL,
                stderr=output,
                env=_environment(os.environ),
                start_new_session=True,
            )

    def _process(self, folder: Path) -> int | None:
        """Return the consumer's process, also in the moments before it has its folder."""
        if (process := holder(folder)) is not None:
            return process
        child = self._child()
        return child.pid if child else None

    def _child(self) -> Popen[bytes] | None:
        """Return the consumer that was started here, while it lives.

        To ask is to take note of its end: otherwise it would stay a zombie.
        """
        started = self._started
        return started if started and started.poll() is None else None

    def look(self, settings: Settings) -> AgentView:
        """Return how the folder's consumer is."""
        folder = settings.database_folder
        just_started = self._child() is not None
        process = holder(folder)
        try:
            status = load_status(status_path(folder))
        except MarketError:
            status = None
        if process is not None or just_started:
            return _running(status, settings, process)
        if self._was_stopped_early() and _is_newer(_output_path(folder), status):
            return AgentView(AgentState.STOPPED, "Stopped before it had begun", (), status)
        return _ended(status, folder, Mask(settings.secrets()), self._signal_of(status))

    def _was_stopped_early(self) -> bool:
        """Return whether a consumer of this process was asked to end before it could say so."""
        return self._started is not None and self._started.returncode == -signal.SIGTERM

    def _signal_of(self, status: Status | None) -> str:
        """Return the name of what has killed a consumer of this process; "" if it is not known."""
        started = self._started
        if started is None or status is None or started.pid != status.pid:
            return ""
        number = -(started.returncode or 0)
        return signal.Signals(number).name if number in [*signal.Signals] else ""


def _running(status: Status | None, settings: Settings, process: int | None) -> AgentView:
    # What is in the file may be what the one before it has said.
    if status is None or process is None or process not in (0, status.pid):
        return AgentView(AgentState.STARTING, "Starting")
    if status.phase == Phase.STOPPED:
        return AgentView(AgentState.STOPPING, "Stopping", status=status)
    alive, text = judge(status, datetime.now(timezone.utc), settings.poll_seconds)
    if not alive:
        return AgentView(AgentState.SILENT, text, status=status)
    state = AgentState.NODE_AWAY if status.phase == Phase.NODE_AWAY else AgentState.WORKING
    return AgentView(state, status.state, status=status)


def _ended(status: Status | None, folder: Path, mask: Mask, killed_by: str) -> AgentView:
    output = _last_lines(_output_path(folder), mask)
    if output and _is_newer(_output_path(folder), status):
        if output[-1] == _QUIET_END:
            return AgentView(AgentState.STOPPED, "Stopped", (), status)
        return AgentView(AgentState.FAILED, "It could not go on", output, status)
    if status is None:
        return AgentView(AgentState.NEVER, "The consumer has not worked here yet")
    if status.phase != Phase.STOPPED:
        said = (
            "It was killed, or the machine went off, before it could say why; "
            f'the last it said was "{status.state}"'
        )
        reason = (f"Killed by the signal {killed_by}",) if killed_by else ()
        return AgentView(AgentState.CRASHED, said, reason, status)
    if why := status.state.partition("stopped: ")[2]:
        return AgentView(AgentState.FAILED, "It could not go on", (why,), status)
    return AgentView(AgentState.STOPPED, "Stopped", (), status)


def _is_newer(path: Path, status: Status | None) -> bool:
    """Return whether a file was written after the status: it is about what came then."""
    try:
        return status is None or path.stat().st_mtime > status.updated.timestamp()
    except OSError:
        return False


def _last_lines(path: Path, mask: Mask) -> tuple[str, ...]:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _MOST_OUTPUT_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ()
    return tuple(mask(line) for line in text.splitlines() if line.strip())[-_LINES_OF_A_CRASH:]


def _output_path(folder: Path) -> Path:
    return folder / _OUTPUT_NAME


def _environment(own: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without what is the page's alone."""
    return {name: value for name, value in own.items() if not name.startswith("PAGE_")}
