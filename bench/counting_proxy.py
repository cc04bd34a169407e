"""A node's address of its own, behind which every request is counted and may be slowed down."""

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlsplit

_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that came in: when, by the machine's monotonic clock, and what it asked."""

    time_s: float
    method: str


@dataclass(slots=True)
class CountingProxy:
    """The requests so far in `asked`; each is answered only after `delay_s`."""

    url: str = ""
    delay_s: float = 0.0
    asked: list[Asked] = field(default_factory=list)

    def note(self, method: str) -> None:
        """Count a request that has just come in."""
        self.asked.append(Asked(monotonic(), method))


@contextmanager
def counting_proxy(node_url: str) -> Iterator[CountingProxy]:
    """Stand before the node while the block lasts."""
    proxy = CountingProxy()
    server = _server(proxy, urlsplit(node_url).netloc)
    proxy.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    # A consumer keeps its connection open for as long as it lives.
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a consumer that was ended."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def _server(proxy: CountingProxy, node: str) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Headers and body in one packet: in two, the second would wait for the first one's receipt.
        wbufsize = -1

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = self.rfile.read(length)
            if len(body) < length:
                # Whoever asked was ended in the middle of it.
                self.close_connection = True
                return
            proxy.note(json.loads(body)["method"])
            sleep(proxy.delay_s)
            status, answer = _answer(node, body)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return _Server(("127.0.0.1", 0), Handler)


def _answer(node: str, body: bytes) -> tuple[int, bytes]:
    connection = HTTPConnection(node, timeout=_TIMEOUT_S)
    try:
        connection.request("POST", "/", body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()
