"""Keeps secrets, and signs that command a terminal, out of whatever is printed or written."""

import json
import logging
import re
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import TracebackType
from typing import TypeAlias
from urllib.parse import SplitResult, quote, unquote, urlsplit

JSON: TypeAlias = "str | int | float | list[JSON] | tuple[JSON, ...] | Mapping[str, JSON] | None"

LONGEST_TEXT = 1_000
"""Nobody reads more of what a broken node has to say."""

_MASK = "***"
# To mask "5" wherever it stands would spoil every line, and tell everybody that it is the password.
_SHORTEST_SECRET = 4
# A part of a URL's path, or a value in its query, that is as long as this may be a key.
_SHORTEST_KEY = 12
_KEY_IN_HOST = re.compile(r"[0-9a-zA-Z]{20,}")
# How a text may be spelled within a URL, an exception's text or a line of JSON.
_ESCAPES: tuple[Callable[[str], str], ...] = (
    quote,
    lambda text: quote(text, safe=""),
    lambda text: repr(text)[1:-1],
    lambda text: ascii(text)[1:-1],
    lambda text: json.dumps(text)[1:-1],
)


def printable(text: str) -> str:
    """Return the text on one line: a line break or a control character becomes a blank."""
    return "".join(char if char.isprintable() else " " for char in text)


class Mask:
    """Makes texts safe to show: printable, and asterisks instead of the secrets it is given.

    Of a URL only what may hold a key or a password is a secret: its user, its path and its query.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        parts = {part for secret in secrets for part in _secret_parts(secret)}
        forms = {form for part in parts for form in _forms(part) if len(form) >= _SHORTEST_SECRET}
        # The longest first: a shorter one may be a part of it.
        listed = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
        self._pattern = re.compile(listed, re.IGNORECASE) if listed else None

    def __call__(self, text: str) -> str:
        """Return the text on one line, without secrets, and cut if it is very long."""
        shown = printable(text)
        masked = self._pattern.sub(_MASK, shown) if self._pattern else shown
        # Not before: half a secret would not be known as one.
        return masked if len(masked) <= LONGEST_TEXT else masked[: LONGEST_TEXT - 1] + "…"

    def json(self, value: object) -> JSON:
        """Return the value as JSON has it, every text in it safe; the keys are our own."""
        if value is None or isinstance(value, int | float):
            return value
        if isinstance(value, Mapping):
            return {str(key): self.json(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.json(inner) for inner in value]
        return self(str(value))


def guard_error_output(mask: Callable[[str], str]) -> None:
    """Mask what Python itself prints from now on: tracebacks, and the libraries' own warnings."""
    former = sys.excepthook

    def show(
        kind: type[BaseException], problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(problem, KeyboardInterrupt):
            # It holds no text, and whoever was here before may have a line for it.
            former(kind, problem, trace)
            return
        for lines in traceback.format_exception(kind, problem, trace):
            for line in lines.splitlines():
                print(mask(line), file=sys.stderr)

    sys.excepthook = show
    threading.excepthook = lambda end: (
        None if end.exc_type is SystemExit else show(end.exc_type, end.exc_value, end.exc_traceback)
    )
    if logging.lastResort:
        logging.lastResort.setFormatter(_MaskedLines(mask))


class _MaskedLines(logging.Formatter):
    def __init__(self, mask: Callable[[str], str]) -> None:
        super().__init__()
        self._mask = mask

    def format(self, record: logging.LogRecord) -> str:
        return self._mask(super().format(record))


def _secret_parts(secret: str) -> Iterator[str]:
    """Yield what must not be seen of a secret."""
    try:
        url = urlsplit(secret)
    except ValueError:
        url = SplitResult("", "", "", "", "")
    if url.scheme in ("http", "https", "ws", "wss"):
        yield from _url_parts(url)
    else:
        yield secret


def _url_parts(url: SplitResult) -> Iterator[str]:
    user, _, host = url.netloc.rpartition("@")
    yield from (user, *user.split(":"), *_KEY_IN_HOST.findall(host))
    path = url._replace(scheme="", netloc="").geturl()
    if path.strip("/"):
        # A short one is masked behind its host only: alone, it may be a word such as "rpc".
        yield from (path.lstrip("/") if len(path) > _SHORTEST_KEY else host + path, f"url: {path}")
    yield from (part for part in re.split("[/?&=#]", path) if len(part) >= _SHORTEST_KEY)


def _forms(part: str) -> set[str]:
    """Return a secret in every way that it may be spelled in a text."""
    plain = {part, unquote(part)}
    escaped = {escape(form) for form in plain for escape in _ESCAPES}
    return {printable(form) for form in plain | escaped}
