"""The measured contract on its chain."""

from typing import Any

from bench.artifact import Artifact
from bench.chain import Chain, Receipt
from bench.codec import Codec, Event

OPEN = 0
"""The access that lets anybody bid."""
REGISTERED = 1
"""The access that lets those bid who registered."""


class Market:
    """A contract of its own; `deploy_gas` is what deploying it took."""

    def __init__(self, chain: Chain, artifact: Artifact) -> None:
        self.chain = chain
        self._codec = Codec(artifact.abi)
        # The constructor's one argument, in a word of its own.
        receipt = chain.send(chain.utility, None, f"0x{artifact.bytecode}{OPEN:064x}")
        self.deploy_gas = receipt.gas
        self.address = str(receipt.contract)

    def transact(
        self, name: str, *arguments: Any, sender: str | None = None, value_wei: int = 0
    ) -> Receipt:
        """Call a function in a transaction, which is the utility's by default."""
        data = self._codec.call(name, arguments)
        return self.chain.send(sender or self.chain.utility, self.address, data, value_wei)

    def read(self, name: str, *arguments: Any) -> Any:
        """Return the one value that a view answers."""
        data = self.chain.ask(self.address, self._codec.call(name, arguments))
        (value,) = self._codec.answer(name, data)
        return value

    def events(self, name: str, receipt: Receipt) -> list[Event]:
        """Return the events of this name in a transaction."""
        return self._codec.events(name, receipt.logs)
