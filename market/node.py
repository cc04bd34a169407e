"""The connection to a node: its errors in words, and the chain's own time."""

from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from json import JSONDecodeError
from time import time
from urllib.parse import urlsplit

from hexbytes import HexBytes
from requests.exceptions import RequestException
from web3 import Web3
from web3.exceptions import BadResponseFormat, BlockNotFound, Web3RPCError
from web3.types import BlockIdentifier

from market.errors import MarketError

LOCAL_CHAIN_IDS = (1337, 31337)
"""What Anvil, Hardhat and Ganache call themselves."""

# A network's newest block is younger than that, also by a clock that is an hour off.
_FAR_BEHIND_S = 2 * 3600
# Beyond what any chain has, and what a file of SQLite or a calendar can hold.
_NO_BLOCK, _NO_TIME_S = 2**48, 2**37

NO_ANSWER = (
    RequestException,
    JSONDecodeError,
    UnicodeDecodeError,
    BadResponseFormat,
    BlockNotFound,
)


class NodeUnavailableError(MarketError):
    """The node does not answer, or not sensibly; the same call may go through later."""


@contextmanager
def node_errors(web3: Web3) -> Iterator[None]:
    """Turn whatever a node does instead of answering into a NodeUnavailableError."""
    try:
        yield
    except NO_ANSWER as problem:
        raise NodeUnavailableError(
            f"The node at {node_name(web3)} does not answer ({_reason(problem)}): "
            "check that it is running and that its address is right"
        ) from None
    except Web3RPCError as problem:
        raise NodeUnavailableError(
            f"The node at {node_name(web3)} refused the call: {rpc_message(problem)}"
        ) from None


def node_name(web3: Web3) -> str:
    """Return the address of the node asked last, without what may be a key."""
    return address_name(str(getattr(web3.provider, "endpoint_uri", "")))


def address_name(url: str) -> str:
    """Return an address without its path, query or password, which may hold a key."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}"


@dataclass(frozen=True, slots=True)
class Block:
    """A block of the chain; its time is in Unix seconds."""

    number: int
    hash: str
    time_s: int


def latest_block(web3: Web3) -> Block:
    """Return the newest block."""
    return _block(web3, "latest")


def chain_name(web3: Web3) -> str:
    """Return what tells a chain from any other, also from a local one that was started anew."""
    with node_errors(web3):
        return f"{web3.eth.chain_id}:{_block(web3, 0).hash}"


def is_on_chain(web3: Web3, number: int, block_hash: str) -> bool | None:
    """Return whether the block of this number is the one of this hash; None if it is not there yet.

    A node that is behind, or was asked of a block that a reorganisation has not replaced yet,
    knows no block of the number.
    """
    with node_errors(web3):
        try:
            return web3.eth.get_block(number)["hash"].to_0x_hex() == block_hash
        except BlockNotFound:
            return None


def is_catching_up(web3: Web3) -> bool:
    """Return whether a node does not have its network's newest blocks yet, as far as it shows."""
    with node_errors(web3):
        if web3.eth.chain_id in LOCAL_CHAIN_IDS:
            return False
        # Some nodes do not answer this; the age of the newest block then has to tell.
        with suppress(Web3RPCError):
            if web3.eth.syncing:
                return True
    return latest_block(web3).time_s < time() - _FAR_BEHIND_S


def next_block(web3: Web3) -> BlockIdentifier:
    """Return the block whose time a transaction sent now should reckon with.

    A local chain that mines only when there is something to mine shows the time that its next
    block would have in the pending block: the clock of its newest block stands still.
    """
    with node_errors(web3):
        return "pending" if web3.eth.chain_id in LOCAL_CHAIN_IDS else "latest"


def chain_time_s(web3: Web3) -> int:
    """Return the time that the next block will not be earlier than, in Unix seconds."""
    return _block(web3, next_block(web3)).time_s


def time_after_s(web3: Web3, head: Block) -> int:
    """Return the chain's time when `head` is its newest block, in Unix seconds."""
    return chain_time_s(web3) if next_block(web3) == "pending" else head.time_s


def first_block_at(web3: Web3, time_s: int, head: int, earliest: int = 0) -> int:
    """Return the number of the first block with this time or a later one; head + 1 if none is.

    `earliest` is a block that is thought to be older; it saves questions if it is.
    """
    time_of = partial(time_of_block_s, web3)
    low = earliest if earliest <= head and time_of(earliest) < time_s else 0
    return bisect_left(range(head + 1), time_s, low, key=time_of)


def time_of_block_s(web3: Web3, number: int) -> int:
    """Return the time of the block of this number, in Unix seconds."""
    return _block(web3, number).time_s


def rpc_message(problem: Web3RPCError) -> str:
    """Return the node's own words without the request, which may hold an address with a key."""
    response = problem.rpc_response
    error = response.get("error") if response else None
    message = error.get("message") if isinstance(error, dict) else None
    return str(message or problem.message or "no reason given")


def _reason(problem: Exception) -> str:
    """Return why there was no answer; an exception's own text would show the whole address."""
    response = getattr(problem, "response", None)
    return type(problem).__name__ if response is None else f"HTTP {response.status_code}"


def _block(web3: Web3, which: BlockIdentifier) -> Block:
    cannot_be = NodeUnavailableError(
        f"The node at {node_name(web3)} tells of a block that cannot be: trying again"
    )
    with node_errors(web3):
        try:
            found = web3.eth.get_block(which)
            # A pending block has no hash yet.
            block_hash = HexBytes(found["hash"] or b"").to_0x_hex()
            block = Block(int(found["number"]), block_hash, int(found["timestamp"]))
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as problem:
            if isinstance(problem, NO_ANSWER):
                raise
            raise cannot_be from None
    if not (0 <= block.number < _NO_BLOCK and 0 <= block.time_s < _NO_TIME_S):
        raise cannot_be
    return block
