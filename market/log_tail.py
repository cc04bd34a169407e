"""The last happenings, as the consumer's log file tells them."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from market.masking import printable

_MOST_BYTES = 40_000


@dataclass(frozen=True, slots=True)
class LoggedLine:
    """A happening that was logged."""

    time: datetime
    level: str
    event: str
    text: str


def last_happenings(log_file: Path | None, most: int) -> tuple[LoggedLine, ...]:
    """Return the newest happenings, the newest first; none where there is no log to read."""
    if log_file is None:
        return ()
    try:
        with log_file.open("rb") as file:
            file.seek(max(0, log_file.stat().st_size - _MOST_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ()
    read = (_line(line) for line in reversed(lines))
    return tuple(line for line in read if line)[:most]


def _line(written: str) -> LoggedLine | None:
    """Return a line of the log; None for one that was cut off, or is none."""
    try:
        line = json.loads(written)
        time = datetime.fromisoformat(str(line["time"]).replace("Z", "+00:00"))
        texts = [printable(str(line[name])) for name in ("level", "event", "text")]
    except (ValueError, KeyError, TypeError):
        return None
    return LoggedLine(time, *texts)
