"""The ways in which a node fails, by their names."""

import threading

from tests.faults import rules
from tests.faults.proxy import Rule

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


def outage_rule(name: str, ended: threading.Event) -> Rule:
    """Return the rule of an outage other than that of the closed port; hanging lasts until then."""
    return _RULES.get(name) or rules.hanging(ended)
