"""A quick way to the market for tests that make thousands of calls.

It speaks to the node directly, which takes a fraction of the time of Brownie's transactions.
"""

import time

import eth_event

from tests.contract.helpers import GAS_CAP, rpc, rpc_batch


class Driver:
    """Calls a market as whoever the test says; contracts act through their `forward`."""

    def __init__(self, market):
        self.market = market
        self._topics = eth_event.get_topic_map(market.abi)

    def transact(self, sender, name, *arguments, value_wei=0):
        """Return the events of a call that must succeed, as (name, fields), in order."""
        receipt = send(self._call(sender, name, arguments, value_wei))
        ours = [log for log in receipt["logs"] if log["address"] == self.market.address.lower()]
        events = eth_event.decode_logs(ours, self._topics)
        return [
            (event["name"], {field["name"]: field["value"] for field in event["data"]})
            for event in events
        ]

    def error_of(self, sender, name, *arguments, timestamp, value_wei=0):
        """Return the error data that a call would revert with then, or None if it would not."""
        call = self._call(sender, name, arguments, value_wei)
        block = {"blockOverrides": {"time": hex(timestamp)}, "calls": [call]}
        simulation = {"blockStateCalls": [block], "validation": False}
        (result,) = rpc("eth_simulateV1", simulation, "latest")[0]["calls"]
        return None if result["status"] == "0x1" else result["returnData"]

    def view(self, name, *arguments):
        """Return what a view returns; structs and several values as one tuple."""
        return self.views([(name, *arguments)])[0]

    def views(self, calls):
        """Return what several views, each (name, *arguments), return in the same block."""
        functions = [getattr(self.market, name) for name, *_ in calls]
        requests = [
            ("eth_call", [_view(self.market, function.encode_input(*arguments)), "latest"])
            for function, (_, *arguments) in zip(functions, calls, strict=True)
        ]
        return [
            function.decode_output(answer)
            for function, answer in zip(functions, rpc_batch(requests), strict=True)
        ]

    def _call(self, sender, name, arguments, value_wei):
        data = getattr(self.market, name).encode_input(*arguments)
        if hasattr(sender, "forward"):
            forwarded = sender.forward.encode_input(self.market, data)
            return transaction(sender.tx.sender, forwarded, sender, value_wei)
        return transaction(sender, data, self.market, value_wei)


def transaction(sender, data, target=None, value_wei=0):
    """Return the JSON of a transaction; without a target, `data` is the code of a contract."""
    call = {"from": str(sender), "data": data, "value": hex(value_wei)}
    call |= {"gas": hex(GAS_CAP), "gasPrice": "0x0"}
    return call if target is None else call | {"to": target.address}


def send(call):
    """Return the receipt of a transaction that must succeed."""
    transaction_hash = rpc("eth_sendTransaction", call)
    while (receipt := rpc("eth_getTransactionReceipt", transaction_hash)) is None:
        time.sleep(0.001)
    assert receipt["status"] == "0x1", f"{call} reverted"
    return receipt


def balances_wei(people):
    """Return what each of several accounts and contracts holds."""
    addresses = [str(getattr(person, "address", person)) for person in people]
    answers = rpc_batch([("eth_getBalance", [address, "latest"]) for address in addresses])
    return [int(answer, 16) for answer in answers]


def _view(market, data):
    return {"to": market.address, "data": data}
