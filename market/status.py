"""How a running consumer is: it keeps status.json, and anybody may judge it by that file."""

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from enum import Enum
from pathlib import Path
from time import monotonic
from typing import Annotated

from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from market.errors import MarketError
from market.files import read_text, write_whole
from market.masking import Mask, printable
from market.settings import Settings

HEARTBEAT_SECONDS = 15
"""How often a consumer should show that it lives, also while it waits for something."""

_SILENT_SECONDS = 60
_SILENT_POLLS = 3
_FILE_NAME = "status.json"
_MOST_CHARACTERS = 100_000
_LONG_AGO = datetime.min.replace(tzinfo=timezone.utc)
# What is told of the present state; what it says changes with every block.
_MOVING = {"updated": _LONG_AGO, "last_block": None, "last_block_time": None}


class Phase(str, Enum):
    """What a program may go by; people read `Status.state`."""

    WORKING = "working"
    NODE_AWAY = "node away"
    STOPPED = "stopped"


def _utc_now() -> datetime:
    return datetime.now(timezone.utc)


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What a consumer says of itself: times in UTC, the balance in ETH as exact text.

    `state` is one line such as "waiting for requests"; None is what it does not know yet.
    """

    state: str = "starting"
    phase: Phase = Phase.WORKING
    # Neither of the numbers that mean more than one process to the system.
    pid: Annotated[int, Field(gt=0, lt=2**31)] = field(default_factory=os.getpid)
    started: AwareDatetime = field(default_factory=_utc_now)
    updated: AwareDatetime = field(default_factory=_utc_now)
    network: str | None = None
    chain_id: int | None = None
    contract: str | None = None
    account: str | None = None
    last_block: int | None = None
    last_block_time: AwareDatetime | None = None
    last_request_id: int | None = None
    balance_eth: str | None = None
    problem: str | None = None


_STATUS = TypeAdapter(Status)


def status_path(folder: Path) -> Path:
    """Return where the consumer that works in this folder keeps its status."""
    return folder / _FILE_NAME


class StatusFile:
    """Keeps a consumer's status in a file, with few writes, and with the secrets masked.

    A problem with the file is told once, and is no reason to stop.
    """

    def __init__(
        self,
        path: Path,
        secrets: Iterable[str],
        tell_problem: Callable[[MarketError], None],
        clock_s: Callable[[], float] = monotonic,
    ) -> None:
        self._path, self._mask = path, Mask(secrets)
        self._tell_problem, self._clock_s = tell_problem, clock_s
        self._kept: Status | None = None
        self._due_s = float("-inf")
        self._told = False

    def keep(self, status: Status) -> None:
        """Write the status with the present time if it changed, or HEARTBEAT_SECONDS passed.

        A new block alone is no change.
        """
        content = replace(status, **_MOVING)  # type: ignore[arg-type]
        if content == self._kept and self._clock_s() < self._due_s:
            return
        self._kept, self._due_s = content, self._clock_s() + HEARTBEAT_SECONDS
        self._write(replace(status, updated=_utc_now()))

    def _write(self, status: Status) -> None:
        content = self._mask.json(_STATUS.dump_python(status, mode="json"))
        text = json.dumps(content, ensure_ascii=False, indent=2) + "\n"
        try:
            # After a power cut nobody needs it, and on a slow card waiting takes seconds.
            write_whole(self._path, text, lasting=False)
        except MarketError as problem:
            if not self._told:
                self._tell_problem(problem)
            self._told = True
        else:
            self._told = False


def load_status(path: Path) -> Status:
    """Return what a consumer said last; MarketError if it said nothing, or nothing legible."""
    text = read_text(path, "no consumer has worked with this folder", _MOST_CHARACTERS)
    try:
        return _STATUS.validate_json(text)
    except ValidationError:
        raise MarketError(
            f"{path} is not a consumer's status: a running consumer writes it anew"
        ) from None


def judge(status: Status, now: datetime, poll_seconds: float) -> tuple[bool, str]:
    """Return whether the consumer is alive, and one line that says how it is.

    It is alive without its node, too: to start it again would not bring the node back. The
    process is looked for on this machine, in the namespace of the caller.
    """
    age = abs(now - status.updated)
    said = f'"{printable(status.state)}" {_ago(age)}'
    if status.phase == Phase.STOPPED:
        _, separator, reason = printable(status.state).partition(": ")
        return False, f"stopped {_ago(age)}{separator}{reason}"
    if not _lives(status.pid):
        return False, f"crashed: it said {said}, and process {status.pid} is gone"
    if age > timedelta(seconds=max(_SILENT_SECONDS, _SILENT_POLLS * poll_seconds)):
        return False, f"silent: it said {said}, and nothing since (process {status.pid})"
    if status.phase == Phase.NODE_AWAY:
        return True, f"alive, without its node: {printable(status.state)}"
    return True, f"alive: {printable(status.state)}"


def show_status(settings: Settings, out: Console, json: bool) -> int:
    """Print how the consumer of the settings' folder is; return 0 if it is alive, else 1.

    As JSON it is one object: alive, text, and the status or null.
    """
    status: Status | None = None
    try:
        status = load_status(status_path(settings.database_folder))
        alive, text = judge(status, _utc_now(), settings.poll_seconds)
    except MarketError as problem:
        alive, text = False, str(problem)
    if json:
        content = _STATUS.dump_python(status, mode="json") if status else None
        out.print_json(data={"alive": alive, "text": text, "status": content})
    else:
        out.print(Text(text, style="green" if alive else "red"), soft_wrap=True)
        if status:
            out.print(_table(status))
    return 0 if alive else 1


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        # It is another user's.
        return True
    return True


def _ago(age: timedelta) -> str:
    seconds = int(age.total_seconds())
    for unit, length in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit} ago"
    return f"{seconds} s ago"


def _table(status: Status) -> Table:
    block_time = f" ({_local(status.last_block_time)})" if status.last_block_time else ""
    rows = {
        "Process": f"{status.pid}, since {_local(status.started)}",
        "Updated": _local(status.updated),
        "Network": _and(status.network, status.chain_id, ", chain {}"),
        "Contract": status.contract,
        "Account": _and(status.account, status.balance_eth, " with {} ETH"),
        "Last block": _and(status.last_block, block_time, "{}"),
        "Last request": _and(status.last_request_id),
        "Problem": status.problem,
    }
    table = Table.grid(padding=(0, 2))
    for name, value in rows.items():
        if value:
            table.add_row(name, Text(printable(value), overflow="fold"))
    return table


def _and(value: object, more: object = None, as_written: str = "") -> str:
    """Return a value, "" for none, and what else is known of it."""
    return "" if value is None else f"{value}{'' if more is None else as_written.format(more)}"


def _local(time: datetime) -> str:
    return f"{time.astimezone():%Y-%m-%d %H:%M:%S}"
