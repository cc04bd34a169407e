"""A node behind an address that a test controls: what comes in is counted, and may go wrong.

A rule is a function `(call, forward) -> Answer`: it may answer itself, call `forward()` for what
the rules before it, and in the end the node, answer, or raise `Cut` to break the connection. The
newest rule is asked first. The rules themselves are in `rules.py`.
"""

import json
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic
from typing import Any

from tests.faults.wire import Wire
from tests.scripts.ports import reserve_port


@dataclass(frozen=True, slots=True)
class Call:
    """One JSON-RPC request; the first that arrives is number 1."""

    number: int
    time_s: float
    id: object
    method: str
    params: list[Any]

    def changed(self, params: list[Any]) -> "Call":
        return replace(self, params=params)


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back over HTTP; `forwarded` as the node itself answered."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    def content(self) -> dict[str, Any]:
        return json.loads(self.body)


class Cut(Exception):
    """The connection is reset instead of an answer."""


Forward = Callable[..., Answer]
Rule = Callable[[Call, Forward], Answer]


def result(call: Call, value: object) -> Answer:
    """Return the answer of a node to which `value` is the result."""
    return _spoken(call, "result", value)


def error(call: Call, code: int, message: str) -> Answer:
    """Return the answer of a node that refuses."""
    return _spoken(call, "error", {"code": code, "message": message})


def _spoken(call: Call, key: str, value: object) -> Answer:
    return Answer(json.dumps({"jsonrpc": "2.0", "id": call.id, key: value}).encode())


class Proxy:
    """Passes calls on to a node, as its rules allow."""

    def __init__(self, node_url: str) -> None:
        self._wire = Wire(node_url)
        self._lock = threading.Lock()
        self._rules: list[Rule] = []
        self.calls: list[Call] = []
        self._server: _Server | None = None
        self._reserved = reserve_port()
        self._address = self._reserved.getsockname()
        self.url = "http://{}:{}".format(*self._address)
        self._open()

    # What a test looks at and changes

    def count(self, *methods: str) -> int:
        """Return how many calls arrived, of these methods or of all."""
        return sum(1 for call in [*self.calls] if not methods or call.method in methods)

    def methods(self) -> Counter[str]:
        return Counter(call.method for call in [*self.calls])

    @contextmanager
    def following(self, *rules: Rule) -> Iterator["Proxy"]:
        """Apply rules for a while."""
        for rule in rules:
            self.add(rule)
        try:
            yield self
        finally:
            for rule in rules:
                self.remove(rule)

    def add(self, rule: Rule) -> None:
        self._rules = [*self._rules, rule]

    def remove(self, rule: Rule) -> None:
        self._rules = [other for other in self._rules if other is not rule]

    def follows(self, rule: Rule) -> bool:
        """Return whether a rule is applied."""
        return rule in self._rules

    def clear(self) -> None:
        """Forget all rules."""
        self._rules = []

    @contextmanager
    def refusing(self) -> Iterator["Proxy"]:
        """Close the port for a while, and every connection to it."""
        self._shut()
        try:
            yield self
        finally:
            self._open()

    def close(self) -> None:
        """Close the port, and every connection to it."""
        self._shut()
        self._reserved.close()

    # How it works

    def _open(self) -> None:
        self._server = _Server(self._address, partial(_Handler, self))
        serve = partial(self._server.serve_forever, poll_interval=0.02)
        threading.Thread(target=serve, daemon=True).start()

    def _shut(self) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server.cut_all()
            self._server = None

    def answer(self, written: bytes) -> Answer:
        """Return what is answered to the body of a POST: one call, or a list of calls."""
        asked = json.loads(written)
        if isinstance(asked, dict):
            return self._one(asked)
        answers = [self._one(one) for one in asked]
        spoilt = [answer for answer in answers if answer.status != 200]
        joined = b"[" + b",".join(answer.body for answer in answers) + b"]"
        return spoilt[0] if spoilt else Answer(joined)

    def _one(self, asked: dict[str, Any]) -> Answer:
        with self._lock:
            number = len(self.calls) + 1
            params = asked.get("params") or []
            call = Call(number, monotonic(), asked.get("id"), asked["method"], params)
            self.calls.append(call)
        return self._through(self._rules, call)

    def _through(self, rules: list[Rule], call: Call) -> Answer:
        if not rules:
            return self._forwarded(call)
        *inner, outermost = rules

        def forward(changed: Call = call) -> Answer:
            return self._through(inner, changed)

        return outermost(call, forward)

    def _forwarded(self, call: Call) -> Answer:
        asked = {"jsonrpc": "2.0", "id": call.id, "method": call.method, "params": call.params}
        try:
            status, body = self._wire.post(json.dumps(asked).encode())
        except OSError:
            raise Cut from None
        return Answer(body, status)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, *arguments: Any) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def cut_all(self) -> None:
        for connection in [*self._open]:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is what is being tested."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def __init__(self, proxy: Proxy, *arguments: Any) -> None:
        self._proxy = proxy
        super().__init__(*arguments)

    def do_POST(self) -> None:
        written = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            answer = self._proxy.answer(written)
        except Cut:
            self.close_connection = True
            # With nothing to linger for, closing resets the connection.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            return
        self.send_response(answer.status)
        headers = {"Content-Type": "application/json", **answer.headers}
        for name, value in {**headers, "Content-Length": str(len(answer.body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def proxied(node_url: str) -> Iterator[Proxy]:
    """Run a proxy before a node."""
    proxy = Proxy(node_url)
    try:
        yield proxy
    finally:
        proxy.close()
