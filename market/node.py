"""The connection to a node: its errors in words, and the chain's own time."""

from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from json import JSONDecodeError
from urllib.parse import urlsplit

from eth_typing import BlockNumber
from requests.exceptions import RequestException
from web3 import HTTPProvider, Web3
from web3.exceptions import BadResponseFormat, BlockNotFound, Web3RPCError
from web3.types import BlockIdentifier

from market.errors import MarketError

LOCAL_CHAIN_IDS = (1337, 31337)
"""What Anvil, Hardhat and Ganache call themselves."""

_TIMEOUT_S = 15


class NodeUnavailableError(MarketError):
    """The node does not answer, or not sensibly; the same call may go through later."""


def connect(url: str) -> Web3:
    """Return a connection to the node at `url`; NodeUnavailableError if nobody answers there."""
    provider = HTTPProvider(
        url, request_kwargs={"timeout": _TIMEOUT_S}, exception_retry_configuration=None
    )
    web3 = Web3(provider)
    with node_errors(web3):
        # Asked once here: an unreachable node is otherwise noticed somewhere in mid-work.
        _ = web3.eth.chain_id
    return web3


@contextmanager
def node_errors(web3: Web3) -> Iterator[None]:
    """Turn whatever a node does instead of answering into a NodeUnavailableError."""
    try:
        yield
    except (RequestException, JSONDecodeError, BadResponseFormat, BlockNotFound) as problem:
        reason = type(problem).__name__
        raise NodeUnavailableError(
            f"The node at {node_name(web3)} does not answer ({reason}): "
            "check that it is running and that its address is right"
        ) from None
    except Web3RPCError as problem:
        raise NodeUnavailableError(
            f"The node at {node_name(web3)} refused the call: {rpc_message(problem)}"
        ) from None


def node_name(web3: Web3) -> str:
    """Return the node's address without its path, query or password, which may hold a key."""
    parts = urlsplit(str(getattr(web3.provider, "endpoint_uri", "")))
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}"


def next_block(web3: Web3) -> BlockIdentifier:
    """Return the block whose time a transaction sent now should reckon with.

    A local chain that mines only when there is something to mine shows the time that its next
    block would have in the pending block: the clock of its newest block stands still.
    """
    with node_errors(web3):
        return "pending" if web3.eth.chain_id in LOCAL_CHAIN_IDS else "latest"


def chain_time_s(web3: Web3) -> int:
    """Return the time that the next block will not be earlier than, in Unix seconds."""
    block = next_block(web3)
    with node_errors(web3):
        return int(web3.eth.get_block(block)["timestamp"])


def first_block_at(web3: Web3, time_s: int, head: int) -> int:
    """Return the number of the first block with this time or a later one; head + 1 if none is."""

    def time_of(number: int) -> int:
        return int(web3.eth.get_block(BlockNumber(number))["timestamp"])

    with node_errors(web3):
        return bisect_left(range(head + 1), time_s, key=time_of)


def rpc_message(problem: Web3RPCError) -> str:
    """Return the node's own words without the request, which may hold an address with a key."""
    response = problem.rpc_response
    error = response.get("error") if response else None
    message = error.get("message") if isinstance(error, dict) else None
    return str(message or problem.message or "no reason given")[:200]
