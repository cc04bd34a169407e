"""A node that does not have the newest blocks yet: a rule for a `Proxy`."""

from collections.abc import Callable

from tests.faults.proxy import Answer, Call, Forward, error, result

_BLOCK_PARAM = {
    "eth_call": 1,
    "eth_estimateGas": 1,
    "eth_getBalance": 1,
    "eth_getBlockByNumber": 0,
    "eth_getCode": 1,
    "eth_getStorageAt": 2,
    "eth_getTransactionCount": 1,
}
_NAMES = ("latest", "pending", "safe", "finalized")


class Lagging:
    """A node that does not have the newest blocks yet: it is that many behind."""

    def __init__(self, head: Callable[[], int], behind: int) -> None:
        """`head` is the number of the chain's newest block."""
        self._head, self.behind = head, behind

    def __call__(self, call: Call, forward: Forward) -> Answer:
        newest = max(0, self._head() - self.behind)
        if call.method == "eth_blockNumber":
            return result(call, hex(newest))
        if call.method in _BLOCK_PARAM:
            return self._read(call, forward, newest)
        if call.method == "eth_getLogs":
            return self._logs(call, forward, newest)
        answer = forward()
        return _hidden(call, answer, newest)

    @staticmethod
    def _logs(call: Call, forward: Forward, newest: int) -> Answer:
        wanted = dict(call.params[0])
        if "blockHash" in wanted:
            return forward()
        for name in ("fromBlock", "toBlock"):
            if wanted.get(name, "latest") in _NAMES:
                wanted[name] = hex(newest)
        if int(wanted["fromBlock"], 16) > newest:
            return result(call, [])
        wanted["toBlock"] = hex(min(int(wanted["toBlock"], 16), newest))
        return forward(call.changed([wanted]))

    @staticmethod
    def _read(call: Call, forward: Forward, newest: int) -> Answer:
        place, params = _BLOCK_PARAM[call.method], [*call.params]
        while len(params) <= place:
            params.append("latest")
        # Its own pool is as full as anybody's.
        if call.method == "eth_getTransactionCount" and params[place] == "pending":
            return forward()
        asked = params[place]
        if asked in _NAMES:
            params[place] = hex(newest)
        elif isinstance(asked, str) and int(asked, 16) > newest:
            block = call.method == "eth_getBlockByNumber"
            return result(call, None) if block else error(call, -32000, "header not found")
        return forward(call.changed(params))


def _hidden(call: Call, answer: Answer, newest: int) -> Answer:
    """Return the answer of a node that does not have the newest blocks."""
    found = answer.content().get("result") if answer.status == 200 else None
    if not isinstance(found, dict):
        return answer
    number = found.get("blockNumber") or (call.method == "eth_getBlockByHash" and found["number"])
    if not number or int(number, 16) <= newest:
        return answer
    if call.method == "eth_getTransactionByHash":
        place = dict.fromkeys(("blockHash", "blockNumber", "transactionIndex"))
        return result(call, {**found, **place})
    return result(call, None)
