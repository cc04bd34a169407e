"""What a node may say instead of the truth: rules for a `Proxy` that count how often they lied."""

from collections.abc import Callable
from typing import Any

from eth_abi import decode, encode
from eth_utils import function_abi_to_4byte_selector
from eth_utils.abi import collapse_if_tuple
from hexbytes import HexBytes

from market.artifact import load_artifact
from tests.faults.proxy import Answer, Call, Forward, result

_VIEWS = {
    part["name"]: part
    for part in load_artifact()["abi"]
    if part["type"] == "function" and part["stateMutability"] in ("view", "pure")
}

Twist = Callable[[Call, Any], Any]
"""Returns what is said instead of the true result."""


class Lie:
    """Says something else wherever `applies` holds; `told` is how often."""

    def __init__(
        self, twist: Twist, applies: Callable[[Call], bool], *, instead_of_errors: bool = False
    ) -> None:
        self._twist, self.applies = twist, applies
        self._instead_of_errors = instead_of_errors
        self.told = 0

    def __call__(self, call: Call, forward: Forward) -> Answer:
        answer = forward()
        true = answer.content().get("result")
        if not self.applies(call) or (true is None and not self._instead_of_errors):
            return answer
        self.told += 1
        twisted = self._twist(call, true)
        return twisted if isinstance(twisted, Answer) else result(call, twisted)


def always(value: object, *methods: str) -> Lie:
    """Say this to these methods, or to all."""
    return Lie(
        lambda _call, _true: value,
        lambda call: not methods or call.method in methods,
        instead_of_errors=True,
    )


def changed(method: str, **changes: Callable[[Any], Any]) -> Lie:
    """Change fields of an object."""

    def twist(_call: Call, true: Any) -> Any:
        return {**true, **{name: change(true.get(name)) for name, change in changes.items()}}

    return Lie(twist, lambda call: call.method == method)


def number(value: int) -> Callable[[Any], str]:
    """Return a change to a number."""
    return lambda _true: f"-0x{-value:x}" if value < 0 else hex(value)


def view(name: str, change: Callable[[Call, list[Any]], list[Any]]) -> Lie:
    """Change what a view of the contract returns."""
    part = _VIEWS[name]
    selector = function_abi_to_4byte_selector(part)
    types = [collapse_if_tuple(output) for output in part["outputs"]]

    def twist(call: Call, true: Any) -> Any:
        values = change(call, [*decode(types, HexBytes(true))])
        return "0x" + encode(types, values).hex()

    def applies(call: Call) -> bool:
        if call.method != "eth_call":
            return False
        data = call.params[0].get("data") or call.params[0].get("input") or "0x"
        return HexBytes(data)[:4] == selector

    return Lie(twist, applies)


def term(name: str, value: int | Callable[[int], int]) -> Lie:
    """Change a term of every request."""
    names = [part["name"] for part in _VIEWS["get_request"]["outputs"][0]["components"]]

    def change(_call: Call, values: list[Any]) -> list[Any]:
        row = [*values[0]]
        place = names.index(name)
        row[place] = value(row[place]) if callable(value) else value
        return [tuple(row)]

    return view("get_request", change)
