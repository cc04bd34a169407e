"""A node asked in the plainest way: what is asked thousands of times should cost little."""

import threading
from http.client import HTTPConnection, HTTPException
from time import monotonic
from urllib.parse import urlsplit

_TIMEOUT_S = 60
# Hardhat's node closes a connection over which nobody asks anything for five seconds.
_IDLE_S = 2


class Wire:
    """Connections to a node, one for each thread."""

    def __init__(self, url: str) -> None:
        self._node = urlsplit(url)
        self._connections = threading.local()

    def post(self, body: bytes) -> tuple[int, bytes]:
        """Return the status and the body of the answer; OSError if there is none."""
        connection = self._connection()
        try:
            connection.request("POST", "/", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, HTTPException) as problem:
            connection.close()
            raise OSError(problem) from None

    def _connection(self) -> HTTPConnection:
        kept = getattr(self._connections, "kept", None)
        if kept is None:
            kept = HTTPConnection(self._node.hostname, self._node.port, timeout=_TIMEOUT_S)
            self._connections.kept = kept
        elif monotonic() - self._connections.asked_s > _IDLE_S:
            kept.close()
        self._connections.asked_s = monotonic()
        return kept
