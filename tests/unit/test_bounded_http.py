import gzip
import socket
import threading
from contextlib import contextmanager, suppress

import pytest
from requests.exceptions import ReadTimeout, TooManyRedirects

from market.bounded_http import AnswerTooLargeError, BoundedSession
from market.node import NodeUnavailableError, latest_block
from market.provider import connect_pool
from tests.unit.rpc import running_node, says

# What is tested here would last for ever otherwise.
pytestmark = pytest.mark.timeout(30)

LARGEST = 1000
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def forever(piece, ended):
    while not ended.is_set():
        yield piece


def dripping(piece, ended):
    while not ended.wait(0.05):
        yield piece


class Talker:
    """Accepts connections, and says the pieces of an answer until there are no more."""

    def __init__(self, pieces):
        self._pieces, self.ended, self.sent = pieces, threading.Event(), 0
        self._door = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._door.getsockname()[1]}/"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with suppress(OSError):
            while True:
                guest, _ = self._door.accept()
                threading.Thread(target=self._talk, args=(guest,), daemon=True).start()

    def _talk(self, guest):
        with suppress(OSError), guest:
            guest.recv(65536)
            for piece in self._pieces(self.ended):
                guest.sendall(piece)
                self.sent += len(piece)

    def close(self):
        self.ended.set()
        self._door.close()


@contextmanager
def talker(pieces):
    talking = Talker(pieces)
    try:
        yield talking
    finally:
        talking.close()


def head_then(make, head=HEAD + b"\r\n"):
    def pieces(ended):
        yield head
        yield from make(ended)

    return pieces


DRIPS = {
    "the status": lambda ended: dripping(b"H", ended),
    "headers": head_then(lambda ended: dripping(b"X: y\r\n", ended), HEAD),
    "one header": head_then(lambda ended: dripping(b"x", ended), HEAD + b"X: "),
    "a body": head_then(lambda ended: dripping(b" ", ended), HEAD + b"Content-Length: 99\r\n\r\n"),
    "a body without an end": head_then(lambda ended: dripping(b" ", ended)),
    "chunks": head_then(lambda ended: dripping(b"1\r\n \r\n", ended), CHUNKED),
}
FLOODS = {
    "announced": head_then(
        lambda ended: forever(b" " * 4096, ended), HEAD + b"Content-Length: 900000000\r\n\r\n"
    ),
    "without an end": head_then(lambda ended: forever(b" " * 4096, ended)),
    "chunks": head_then(lambda ended: forever(b"1000\r\n" + b" " * 4096 + b"\r\n", ended), CHUNKED),
}


@pytest.mark.parametrize("drip", DRIPS.values(), ids=DRIPS)
def test_send__bytes_that_drip__is_overdue_as_a_whole(drip):
    with talker(drip) as node, pytest.raises(ReadTimeout, match="overdue"):
        BoundedSession(LARGEST, 0.5).post(node.url, b"{}", timeout=5)


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_send__more_than_the_largest_answer__is_broken_off(flood):
    with talker(flood) as node, pytest.raises(AnswerTooLargeError, match="1000 bytes"):
        BoundedSession(LARGEST).post(node.url, b"{}", timeout=5)


def test_send__largest_answer__is_read_whole():
    body = b"x" * LARGEST
    length = b"Content-Length: 1000\r\n\r\n"
    with talker(lambda _: [HEAD + length, body]) as node, BoundedSession(LARGEST) as session:
        assert session.post(node.url, b"{}", timeout=5).content == body


def test_send__small_one_that_unpacks_to_more__is_broken_off():
    packed = gzip.compress(b" " * 10**7)
    head = HEAD + f"Content-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    with talker(lambda _: [head, packed]) as node, pytest.raises(AnswerTooLargeError):
        BoundedSession(10**6).post(node.url, b"{}", timeout=5)


def test_send__redirection__is_not_followed():
    with running_node() as other, running_node() as node, BoundedSession() as session:
        node.fault = says("", 307, Location=other.url)
        with pytest.raises(TooManyRedirects):
            session.post(node.url, b'{"method": "x"}', timeout=5)
        assert other.asked == []


def test_send__after_an_overdue_answer__the_next_one_is_read():
    body = b"Content-Length: 2\r\n\r\n{}"
    overdue = [True]

    def first_drips(ended):
        yield HEAD
        if overdue.pop() if overdue else False:
            yield from dripping(b"X: y\r\n", ended)
        yield body

    # Enough for a good answer on a busy machine.
    with talker(first_drips) as node, BoundedSession(LARGEST, 2) as session:
        with pytest.raises(ReadTimeout):
            session.post(node.url, b"{}", timeout=5)
        assert session.post(node.url, b"{}", timeout=5).content == b"{}"


@pytest.mark.parametrize(
    "body",
    [
        "[" * 200_000,
        '{"result": ' + "[" * 200_000,
        '{"jsonrpc": "2.0", "id": 0, "result": ' + "9" * 10_000 + "}",
    ],
    ids=["nested", "nested result", "number of many digits"],
)
def test_latest_block__json_that_python_refuses__is_a_node_that_is_away(body):
    with running_node() as node:
        web3 = connect_pool([node.url], 7)
        node.fault = says(body)
        with pytest.raises(NodeUnavailableError, match="does not answer"):
            latest_block(web3)
