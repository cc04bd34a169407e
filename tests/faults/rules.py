"""What can go wrong with a node: rules for a `Proxy`.

A rule made here applies to every call as long as the proxy follows it; `only` and `first` narrow
one down.
"""

import os
import signal
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from time import sleep

from eth_utils import keccak

from tests.faults.proxy import Answer, Call, Cut, Forward, Rule, error, result

SEND = "eth_sendRawTransaction"


def only(rule: Rule, *methods: str) -> Rule:
    """Apply a rule to these methods."""
    return lambda call, forward: rule(call, forward) if call.method in methods else forward()


def first(times: int, rule: Rule, *methods: str) -> Rule:
    """Apply a rule to the first calls that come, of these methods or of all."""
    lock, left = threading.Lock(), times

    def apply(call: Call, forward: Forward) -> Answer:
        nonlocal left
        with lock:
            applies = left > 0 and (not methods or call.method in methods)
            left -= applies
        return rule(call, forward) if applies else forward()

    return apply


# Answers that are none


def hanging(ended: threading.Event) -> Rule:
    """Take calls and say nothing until the event, then break off."""

    def apply(call: Call, forward: Forward) -> Answer:
        ended.wait(300)
        raise Cut

    return apply


def slow(seconds: float) -> Rule:
    """Answer late."""

    def apply(call: Call, forward: Forward) -> Answer:
        sleep(seconds)
        return forward()

    return apply


def http_error(status: int, body: str = "<html><h1>Error</h1></html>", **headers: str) -> Rule:
    """Answer with an error of HTTP; a header's name is written with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    page = {"Content-Type": "text/html", **named}
    return lambda call, forward: Answer(body.encode(), status, page)


def too_many_requests(retry_after_s: int | None = None) -> Rule:
    """Answer 429."""
    headers = {} if retry_after_s is None else {"Retry_After": str(retry_after_s)}
    return http_error(429, "Too Many Requests", **headers)


def broken_json(call: Call, forward: Forward) -> Answer:
    """Answer with half of what the node says."""
    body = forward().body
    return Answer(body[: len(body) // 2])


def refused(code: int = -32005, message: str = "limit exceeded") -> Rule:
    """Answer with an error of JSON-RPC."""
    return lambda call, forward: error(call, code, message)


def reset(call: Call, forward: Forward) -> Answer:
    """Break the connection before anything is done."""
    raise Cut


def answer_lost(call: Call, forward: Forward) -> Answer:
    """Do what is asked, and break the connection instead of answering."""
    forward()
    raise Cut


# Answers that are wrong


def narrow_logs(blocks: int, message: str = "block range is too wide", code: int = -32005) -> Rule:
    """Refuse eth_getLogs for more blocks than that."""

    def apply(call: Call, forward: Forward) -> Answer:
        wanted = call.params[0] if call.method == "eth_getLogs" else {}
        if "blockHash" in wanted or call.method != "eth_getLogs":
            return forward()
        span = int(wanted["toBlock"], 16) - int(wanted["fromBlock"], 16) + 1
        return error(call, code, message) if span > blocks else forward()

    return apply


def other_chain(chain_id: int) -> Rule:
    """Claim to be on another chain."""
    names = {"eth_chainId": hex(chain_id), "net_version": str(chain_id)}
    return lambda call, forward: (
        result(call, names[call.method]) if call.method in names else forward()
    )


def swallow(call: Call, forward: Forward) -> Answer:
    """Answer a transaction with its hash, and do not pass it on."""
    if call.method != SEND:
        return forward()
    return result(call, "0x" + keccak(hexstr=call.params[0]).hex())


# Kills


class Killing:
    """Kill a process when its call number `at` from now on arrives, of all or of one method.

    `after` it is carried out, but not yet answered, or before it is passed on.
    """

    def __init__(
        self, process_id: Callable[[], int], at: int, *, method: str = "", after: bool = False
    ) -> None:
        self._process_id, self._after = process_id, after
        self._method, self._at = method, at
        self._lock, self.seen = threading.Lock(), Counter[str]()
        """How often each method was called."""
        self.victim: Call | None = None
        """The call that it was killed at."""

    def __call__(self, call: Call, forward: Forward) -> Answer:
        with self._lock:
            self.seen[call.method] += 1
            mine = self._method in ("", call.method) and self._is_due()
        if not mine:
            return forward()
        if self._after:
            forward()
        with suppress(ProcessLookupError):
            os.kill(self._process_id(), signal.SIGKILL)
        self.victim = call
        raise Cut

    def _is_due(self) -> bool:
        return self._at == (self.seen[self._method] if self._method else self.seen.total())
