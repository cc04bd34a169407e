"""A node of HTTP that answers, or fails, as a test tells it to."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "0123456789abcdef0123456789abcdef"
CHAIN_ID = 7


@dataclass
class Reply:
    """What goes back over HTTP."""

    body: str
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Fault = Callable[[str], Reply | None]
"""Returns what to answer to a method; None breaks the connection."""


@dataclass
class Node:
    """Counts what it is asked; without a fault it answers each method with its own block number."""

    chain_id: int = CHAIN_ID
    block: int = 1
    url: str = ""
    fault: Fault | None = None
    asked: list[str] = field(default_factory=list)

    def reply(self, method: str) -> Reply | None:
        self.asked.append(method)
        if self.fault:
            return self.fault(method)
        return result(self.chain_id if method == "eth_chainId" else self.block)

    def work(self) -> list[str]:
        """Return what it was asked besides its chain."""
        return [method for method in self.asked if method != "eth_chainId"]


def result(number: int) -> Reply:
    return Reply(json.dumps({"jsonrpc": "2.0", "id": 0, "result": hex(number)}))


def tells_of_block(block_hash: str, chain_id: int = CHAIN_ID) -> Fault:
    """Answer with a block of this hash, whatever is asked but the chain."""
    block = Reply(json.dumps({"jsonrpc": "2.0", "id": 0, "result": {"hash": block_hash}}))
    return lambda method: result(chain_id) if method == "eth_chainId" else block


def error(message: str, code: int = -32000, status: int = 200) -> Fault:
    """Fail with what a node says in JSON."""
    body = {"jsonrpc": "2.0", "id": 0, "error": {"code": code, "message": message}}
    return lambda _: Reply(json.dumps(body), status)


def says(body: str, status: int = 200, **headers: str) -> Fault:
    """Fail with this instead of an answer."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: Reply(body, status, named)


def hang_up(_method: str) -> None:
    """Fail by breaking the connection."""


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        asked: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        reply = self.server.node.reply(asked["method"])
        if reply is None:
            self.close_connection = True
            return
        body = reply.body.encode()
        self.send_response(reply.status)
        for name, value in {**reply.headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextmanager
def running_node(**attributes: Any) -> Iterator[Node]:
    """Run a node whose address holds a key."""
    node = Node(**attributes)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.node = node
        node.url = f"http://127.0.0.1:{server.server_port}/v3/{KEY}"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield node
        finally:
            server.shutdown()
