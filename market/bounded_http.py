"""HTTP with a node that may be hostile: an answer has a largest size and a latest time."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from socket import SHUT_RDWR
from time import monotonic
from typing import Any

from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter
from requests.exceptions import ReadTimeout, RequestException, TooManyRedirects
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

CONNECT_TIMEOUT_S, ANSWER_TIMEOUT_S = 5, 15
LARGEST_ANSWER_BYTES = 8 * 2**20
"""What thousands of bids or logs take; read as JSON it is some 200 MB of memory at worst."""

_PIECE_BYTES = 2**14


class AnswerTooLargeError(RequestException):
    """An answer is larger than any that a question of ours calls for."""


class _Watch(threading.local):
    """The sockets that this thread's question uses."""

    used: list[Callable[[], Any]] | None = None


_watch = _Watch()


class _Watched(HTTPConnection):
    """Shows its socket while it connects and greets, and keeps it shown when it lets go of it."""

    def connect(self) -> None:
        _note(lambda: self.sock)
        super().connect()

    def request(self, *arguments: Any, **options: Any) -> None:
        super().request(*arguments, **options)
        sock = self.sock
        _note(lambda: sock)


class _WatchedSecure(_Watched, HTTPSConnection):
    """The same over TLS."""


class _WatchedPool(HTTPConnectionPool):
    ConnectionCls = _Watched


class _WatchedSecurePool(HTTPSConnectionPool):
    ConnectionCls = _WatchedSecure


class _WatchedAdapter(HTTPAdapter):
    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = {
            "http": _WatchedPool,
            "https": _WatchedSecurePool,
        }


class BoundedSession(Session):
    """Asks as requests does, follows nobody elsewhere, and breaks off what grows or drips."""

    def __init__(
        self,
        largest_bytes: int = LARGEST_ANSWER_BYTES,
        latest_s: float = CONNECT_TIMEOUT_S + ANSWER_TIMEOUT_S,
    ) -> None:
        super().__init__()
        self._largest_bytes, self._latest_s = largest_bytes, latest_s
        for scheme in ("http://", "https://"):
            self.mount(scheme, _WatchedAdapter())

    def send(self, request: PreparedRequest, **options: Any) -> Response:
        """Return the whole answer.

        ReadTimeout if it is not there in time, a byte now and then notwithstanding;
        AnswerTooLargeError, TooManyRedirects.
        """
        with _breaking_off_after(self._latest_s, request):
            response = super().send(
                request, **{**options, "stream": True, "allow_redirects": False}
            )
            with response:
                if response.is_redirect:
                    raise TooManyRedirects("redirected", request=request, response=response)
                self._read(response)
        return response

    def _read(self, response: Response) -> None:
        body = bytearray()
        for piece in response.iter_content(_PIECE_BYTES):
            body += piece
            if len(body) > self._largest_bytes:
                raise AnswerTooLargeError(f"more than {self._largest_bytes} bytes")
        # What requests itself keeps once it has read an answer.
        response._content = bytes(body)


def _note(sock: Callable[[], Any]) -> None:
    if _watch.used is not None:
        _watch.used.append(sock)


@contextmanager
def _breaking_off_after(latest_s: float, request: PreparedRequest) -> Iterator[None]:
    """Cut this thread's connections after a while: a time-out of each read lets bytes drip."""
    used = _watch.used = []
    timer = threading.Timer(latest_s, _cut, [used])
    timer.daemon = True
    deadline_s = monotonic() + latest_s
    timer.start()
    try:
        yield
    except RequestException:
        if monotonic() >= deadline_s:
            raise ReadTimeout("the answer is overdue", request=request) from None
        raise
    finally:
        timer.cancel()
        _watch.used = None
    if monotonic() >= deadline_s:
        # An answer without a length ends where the connection does.
        raise ReadTimeout("the answer is overdue", request=request)


def _cut(used: list[Callable[[], Any]]) -> None:
    for sock in used:
        with suppress(OSError, AttributeError):
            sock().shutdown(SHUT_RDWR)
