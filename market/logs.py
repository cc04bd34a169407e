"""Reading the chain's events in ranges of blocks that the node is able to answer."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from eth_typing import BlockNumber, ChecksumAddress
from hexbytes import HexBytes
from requests.exceptions import HTTPError, ReadTimeout
from web3 import Web3
from web3.exceptions import Web3RPCError
from web3.types import LogReceipt

from market.node import node_errors

# Free plans of public nodes refuse more blocks than that in one question.
_WIDEST_RANGE = 1_000

Read = Callable[[int, int], list[LogReceipt]]


def log_reader(
    web3: Web3, address: ChecksumAddress, topics: Sequence[list[HexBytes] | HexBytes | None]
) -> Read:
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


def logs_in_ranges(web3: Web3, read: Read, first: int, last: int) -> Iterator[list[LogReceipt]]:
    """Yield the logs from block `first` to `last`, range after range.

    A range that is refused is halved, down to a single block: nodes limit the blocks, the logs or
    the time of a question, and each says so in other words. NodeUnavailableError if a single block
    is refused too, or the node is away.
    """
    width, start = _WIDEST_RANGE, first
    while start <= last:
        end = min(start + width - 1, last)
        with node_errors(web3):
            try:
                found = read(start, end)
            except (Web3RPCError, HTTPError, ReadTimeout):
                if end == start:
                    raise
                width = (end - start + 1) // 2
                continue
        yield found
        start, width = end + 1, min(2 * width, _WIDEST_RANGE)
