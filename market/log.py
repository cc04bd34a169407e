"""Where happenings go: to the terminal, and into a log file that cannot grow without end."""

import json
import logging
import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from io import SEEK_END, TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import cast

from rich.console import Console
from rich.text import Text

from market.happenings import Happening, LogFormat
from market.masking import Mask

LOG_FILE_BYTES = 1_000_000
LOG_FILES = 5
"""The log file itself, and the older ones beside it: consumer.log.1 and so on."""

_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def open_log(
    out: Console, log_format: LogFormat, log_file: Path | None, secrets: Iterable[str]
) -> Callable[[Happening], None]:
    """Return what tells a happening: to the terminal, and as a line of JSON to the log file.

    No text can break its line or command the terminal, and the secrets are masked in all of them.
    Trouble with the file is told once, and breaks nothing off.
    """
    mask = Mask(secrets)
    terminal = _Terminal(out, log_format)
    handlers: list[logging.Handler] = [terminal]
    if log_file:
        handlers.append(_LogFile(log_file, partial(_tell, [terminal], mask)))
    return partial(_tell, handlers, mask)


def _tell(handlers: Iterable[logging.Handler], mask: Mask, happening: Happening) -> None:
    fields = {name: mask.json(value) for name, value in happening.fields.items()}
    safe = replace(happening, text=mask(happening.text), fields=fields)
    record = logging.makeLogRecord({"msg": safe, "levelno": _LEVELS[happening.level]})
    for handler in handlers:
        handler.handle(record)


def _happening(record: logging.LogRecord) -> Happening:
    return cast(Happening, record.msg)


class _Lines(logging.Formatter):
    """A JSON object a line; the time is UTC."""

    def format(self, record: logging.LogRecord) -> str:
        happening = _happening(record)
        time = datetime.fromtimestamp(record.created, timezone.utc)
        line = {
            "time": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": happening.level,
            "event": happening.name,
            "text": happening.text.strip(),
            "fields": happening.fields,
        }
        return json.dumps(line, ensure_ascii=False)


class _Terminal(logging.Handler):
    """Prints a line a happening; the terminal folds a long one, a pipe gets it whole."""

    def __init__(self, out: Console, log_format: LogFormat) -> None:
        super().__init__()
        self._out = out
        self._format = log_format
        self.setFormatter(_Lines())

    def emit(self, record: logging.LogRecord) -> None:
        line = self._json(record) if self._format == LogFormat.JSON else self._text(record)
        try:
            self._out.print(line, soft_wrap=True)
        except SystemExit:
            # Whoever read this is gone: rich is quiet from now on, and would have the program end.
            return
        except OSError:
            # Nobody can be told. Without this, the console keeps the line for another try.
            self._out.begin_capture()
            with suppress(OSError):
                self._out.end_capture()

    def _json(self, record: logging.LogRecord) -> Text:
        return Text(self._encodable(self.format(record)))

    def _text(self, record: logging.LogRecord) -> Text:
        happening = _happening(record)
        clock = f"{datetime.fromtimestamp(record.created):%H:%M:%S}  "
        text = self._encodable(happening.text)
        return Text.assemble((clock, "dim"), (text, happening.style))

    def _encodable(self, text: str) -> str:
        """Return the text with ? for what the output cannot show, instead of an exception."""
        encoding = self._out.encoding
        return text.encode(encoding, "replace").decode(encoding)


class _LogFile(RotatingFileHandler):
    """Appends lines of JSON to a file that only its owner can read; tells trouble with it once.

    The file is opened for every line, of which there are few: so it may be moved or deleted, and a
    disk may be full for a while.
    """

    def __init__(self, path: Path, tell: Callable[[Happening], None]) -> None:
        super().__init__(
            path,
            maxBytes=LOG_FILE_BYTES,
            backupCount=LOG_FILES - 1,
            encoding="utf-8",
            delay=True,
        )
        self._path, self._tell_trouble = path, tell
        self._failed = self._told = False
        self.setFormatter(_Lines())

    def emit(self, record: logging.LogRecord) -> None:
        self._failed = False
        super().emit(record)
        if self.stream:
            # What could not be written on a full disk is tried once more here.
            with suppress(OSError):
                self.stream.close()
            self.stream = None
        self._told = self._failed

    def handleError(self, record: logging.LogRecord) -> None:
        """Go on without the line."""
        self._failed = True
        if not self._told:
            self._tell_trouble(self._trouble(sys.exc_info()[1]))

    def _trouble(self, problem: BaseException | None) -> Happening:
        reason = getattr(problem, "strerror", None) or type(problem).__name__
        text = (
            f"The log file {self._path} cannot be written ({reason}), and the consumer goes on: "
            "check the free space, and that you may write in its folder"
        )
        return Happening("log_file_problem", text, style="yellow", level="warning")

    def _open(self) -> TextIOWrapper:
        owner_only = partial(os.open, mode=0o600)
        # Not in a with statement: the handler closes it.
        stream = open(self.baseFilename, "a", encoding="utf-8", opener=owner_only)  # noqa: SIM115
        if _ends_within_a_line(self._path):
            stream.write("\n")
        return stream


def _ends_within_a_line(path: Path) -> bool:
    """Return whether a power cut or a full disk broke the last line off."""
    # An empty file cannot be sought back in.
    with suppress(OSError), path.open("rb") as file:
        file.seek(-1, SEEK_END)
        return file.read(1) != b"\n"
    return False
