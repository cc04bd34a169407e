"""Servers that scripts meet: one that is no node at all, and an explorer."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

SUBMIT, LOOK_UP = "verifysourcecode", "checkverifystatus"
_METHODS = {SUBMIT: "POST", LOOK_UP: "GET"}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self._answer({})

    def do_POST(self):
        written = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._answer(dict(parse_qsl(written)))

    def _answer(self, form):
        status, body = self.server.answer(self.command, self.path, form)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


@contextmanager
def serving(answer) -> Iterator[str]:
    """Serve what `answer(method, path, form)` returns, a status and a body, and yield the URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.answer = answer
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


class Explorer:
    """Answers as Etherscan's API does, version 2: each action by its method, in its turn."""

    def __init__(self, *, submit: list[tuple[str, str]], look_up: list[tuple[str, str]]) -> None:
        """The answers to the first, second ... call, a status and a result; the last one stays."""
        self._answers = {SUBMIT: submit, LOOK_UP: look_up}
        self.calls: dict[str, list[dict[str, str]]] = {SUBMIT: [], LOOK_UP: []}
        self.paths: list[str] = []

    def answer(self, method: str, path: str, form: dict[str, str]) -> tuple[int, str]:
        asked = {**dict(parse_qsl(urlsplit(path).query)), **form}
        action = asked.get("action")
        self.paths.append(path)
        if _METHODS.get(action) != method:
            return 200, _said("0", "Missing Or invalid Action name")
        self.calls[action].append(asked)
        answers = self._answers[action]
        return 200, _said(*answers[min(len(self.calls[action]), len(answers)) - 1])


def _said(status: str, result: str) -> str:
    return json.dumps({"status": status, "message": "OK", "result": result})
