"""Reading the chain's events in ranges of blocks that the node is able to answer."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from eth_typing import BlockNumber, ChecksumAddress
from hexbytes import HexBytes
from web3 import Web3
from web3.exceptions import Web3RPCError
from web3.types import LogReceipt

from market.node import NodeUnavailableError, node_errors, node_name, rpc_message
from market.portions import REFUSALS, Portion
from market.provider import NodePool

# Free plans of public nodes refuse more blocks than that in one question.
_WIDEST_RANGE = 1_000
# What a search has found in younger blocks, a reorganisation may take back until it goes on.
_LASTING_DEPTH = 128

Read = Callable[[int, int], list[LogReceipt]]
Topics = Sequence[list[HexBytes] | HexBytes | None]


class LogsRefusedError(NodeUnavailableError):
    """A node refuses the events of a single block, as some do that keep none of long ago."""

    def __init__(self, block: int, web3: Web3, refusal: Web3RPCError) -> None:
        super().__init__(
            f"The node at {node_name(web3)} does not tell the events of block {block} "
            f"({rpc_message(refusal)}): another one in RPC_URLS may"
        )


class LogSearch:
    """Searches a contract's logs by one connection, and learns how much its node takes.

    `on_range` is told of each range: its last block, and the one at which the search will end.
    """

    def __init__(self, web3: Web3, address: ChecksumAddress) -> None:
        self.on_range: Callable[[int, int], None] = lambda _block, _last: None
        self._web3, self._address = web3, address
        self._width = Portion(_WIDEST_RANGE)
        self._broken_off: dict[str, tuple[int, list[LogReceipt]]] = {}

    def ranges(self, first: int, last: int, *asked: Topics) -> Iterator[list[LogReceipt]]:
        """Yield the logs with these topics from block `first` to `last`, range after range.

        Several sets of topics are asked for one after the other. A search that the node has broken
        off goes on from there when it is made again. NodeUnavailableError as with `logs_in_ranges`.
        """
        key = f"{asked} {first}"
        start, found = self._broken_off.pop(key, (first, []))
        if found:
            yield found
        readers = [log_reader(self._web3, self._address, topics) for topics in asked]
        kept = [*found]

        def read(from_block: int, to_block: int) -> list[LogReceipt]:
            return [log for ask in readers for log in ask(from_block, to_block)]

        try:
            for end, logs in logs_in_ranges(self._web3, read, start, last, self._width):
                if end <= last - _LASTING_DEPTH:
                    start = end + 1
                    kept.extend(logs)
                self.on_range(end, last)
                yield logs
        except NodeUnavailableError:
            self._broken_off[key] = start, kept
            raise


def log_reader(web3: Web3, address: ChecksumAddress, topics: Topics) -> Read:
    """Return a function that reads the logs with these topics from one block to another."""

    def read(from_block: int, to_block: int) -> list[LogReceipt]:
        asked: Any = {
            "address": address,
            "topics": topics,
            "fromBlock": BlockNumber(from_block),
            "toBlock": BlockNumber(to_block),
        }
        return list(web3.eth.get_logs(asked))

    return read


def logs_in_ranges(
    web3: Web3, read: Read, first: int, last: int, width: Portion | None = None
) -> Iterator[tuple[int, list[LogReceipt]]]:
    """Yield the last block of each range from block `first` to `last`, with the range's logs.

    A range that is refused is halved, down to a single block: nodes limit the blocks, the logs or
    the time of a question, and each says so in other words. A single block is asked of another
    node of the network, and LogsRefusedError raised if none tells it; NodeUnavailableError if the
    node is away. `width` remembers what was taken.
    """
    width, start = width or Portion(_WIDEST_RANGE), first
    while start <= last:
        end = min(start + width.size - 1, last)
        with node_errors(web3):
            try:
                found = read(start, end)
            except REFUSALS as refusal:
                width.refused(end - start + 1)
                if end > start or _try_another(web3):
                    continue
                if isinstance(refusal, Web3RPCError):
                    raise LogsRefusedError(start, web3, refusal) from None
                raise
        width.taken(end - start + 1)
        yield end, found
        start = end + 1


def _try_another(web3: Web3) -> bool:
    return isinstance(web3.provider, NodePool) and web3.provider.try_another()
