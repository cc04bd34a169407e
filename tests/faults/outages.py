"""The ways in which a node fails, by their names, and what is told of it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import sleep

from tests.faults import rules
from tests.faults.people import Household
from tests.faults.proxy import Proxy, Rule

PORT_CLOSED = "port closed"
_RULES = {
    "slow": rules.slow(0.3),
    "429": rules.too_many_requests(),
    "429, come back in a second": rules.too_many_requests(1),
    "500": rules.http_error(500),
    "502 with a page": rules.http_error(502, "<html><body>Bad gateway</body></html>"),
    "broken JSON": rules.broken_json,
    "limit exceeded": rules.refused(),
    "header not found": rules.refused(-32000, "header not found"),
    "internal error": rules.refused(-32603, "Internal error"),
    "reset": rules.reset,
    "answers lost": rules.answer_lost,
}
OUTAGES = (*_RULES, "hanging", PORT_CLOSED)
OUTAGE_S = 1.5


def outage_rule(name: str, ended: threading.Event) -> Rule:
    """Return the rule of an outage other than that of the closed port; hanging lasts until then."""
    return _RULES.get(name) or rules.hanging(ended)


@contextmanager
def outage(proxy: Proxy, kind: str, seconds: float = OUTAGE_S) -> Iterator[None]:
    """Have a node fail for a while."""
    ended = threading.Event()
    rule = outage_rule(kind, ended)
    with proxy.refusing() if kind == PORT_CLOSED else proxy.following(rule):
        yield
        sleep(seconds)
        ended.set()


def assert_says_it_seldom(home: Household) -> None:
    """Fail if an outage was told with every call that failed."""
    lines = [line.split(maxsplit=1)[-1] for line in home.told.splitlines()]
    complaints = [line for line in lines if "http://127.0.0.1" in line]
    assert len(complaints) <= 6, home.told
