"""A contract's calls and events, as the chain writes them.

web3's contract objects do the same and check more, which takes a run a minute longer.
"""

from collections.abc import Sequence
from typing import Any

from eth_abi.abi import decode, encode
from eth_utils.abi import (
    collapse_if_tuple,
    event_abi_to_log_topic,
    function_abi_to_4byte_selector,
    get_abi_input_types,
    get_abi_output_types,
)

Event = dict[str, Any]
"""The arguments of an event by name; addresses are in lower case."""
Log = dict[str, Any]
"""An event as it stands in a receipt."""


class Codec:
    """Encodes calls of the contract with this ABI, and decodes its answers and events."""

    def __init__(self, abi: Sequence[Any]) -> None:
        self._functions = {entry["name"]: entry for entry in abi if entry["type"] == "function"}
        self._events = {entry["name"]: entry for entry in abi if entry["type"] == "event"}
        self._topics = {
            name: "0x" + event_abi_to_log_topic(entry).hex() for name, entry in self._events.items()
        }

    def call(self, name: str, arguments: Sequence[Any]) -> str:
        """Return the data of a transaction that calls the function."""
        function = self._functions[name]
        encoded = encode(get_abi_input_types(function), arguments)
        return "0x" + (function_abi_to_4byte_selector(function) + encoded).hex()

    def answer(self, name: str, data: str) -> tuple[Any, ...]:
        """Return what a view has answered."""
        return decode(get_abi_output_types(self._functions[name]), _bytes(data))

    def events(self, name: str, logs: Sequence[Log]) -> list[Event]:
        """Return the events of this name among the logs."""
        inputs = self._events[name]["inputs"]
        indexed = [argument for argument in inputs if argument["indexed"]]
        others = [argument for argument in inputs if not argument["indexed"]]
        return [
            _decode(indexed, "".join(topic[2:] for topic in log["topics"][1:]))
            | _decode(others, log["data"])
            for log in logs
            if self.is_event(name, log)
        ]

    def is_event(self, name: str, log: Log) -> bool:
        """Return whether a log is an event of this name."""
        return bool(log["topics"][0] == self._topics[name])


def _decode(arguments: Sequence[Any], data: str) -> Event:
    values = decode([collapse_if_tuple(argument) for argument in arguments], _bytes(data))
    return dict(zip((argument["name"] for argument in arguments), values, strict=True))


def _bytes(data: str) -> bytes:
    return bytes.fromhex(data.removeprefix("0x"))
