"""The way to the chain: several addresses of one network, tried in turn."""

import random
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from json import JSONDecodeError
from time import monotonic, sleep
from typing import Any

from requests.exceptions import HTTPError, RequestException
from web3 import HTTPProvider, Web3
from web3.exceptions import BadResponseFormat
from web3.middleware import ExtraDataToPOAMiddleware
from web3.providers.base import JSONBaseProvider
from web3.types import RPCEndpoint, RPCResponse

from market.bounded_http import ANSWER_TIMEOUT_S, CONNECT_TIMEOUT_S, BoundedSession
from market.node import LOCAL_CHAIN_IDS, NodeUnavailableError, address_name, node_errors

_FAILURES = (RequestException, JSONDecodeError, BadResponseFormat, UnicodeDecodeError)
_TOO_MANY_REQUESTS = 429
# With these some nodes say in JSON what is wrong with a request, which another one would say too.
_REFUSED = (400, 404, 413)
_FIRST_REST_S, _LONGEST_REST_S = 1.0, 60.0
# Asked again of another node, these could have an unlocked account sign twice.
_ONCE_ONLY = ("eth_sendTransaction",)
# What nodes say of a block that they do not have yet.
_NO_SUCH_BLOCK = re.compile(
    r"(header|block) not found|unknown block|missing trie node|block.?out.?of.?range", re.IGNORECASE
)
_MORE_TRIES, _MOMENT_S = 4, 0.25
# Every live network has several blocks in that time; measured without the device's clock.
_STANDSTILL_S = 120
_OVERLOAD_CODES = (429, -32005, -32016, -32097)
_OVERLOAD_WORDS = ("rate limit", "too many requests", "request limit", "over quota")


class WrongChainError(NodeUnavailableError):
    """A node is on another chain than the others, or than the network's."""


class StandstillError(NodeUnavailableError):
    """A node answers, but has had no new block for long: it knows of nothing that happens."""


@dataclass(slots=True)
class _Node:
    """One address. It rests after a failure; one that asked for a pause is left alone."""

    url: str
    provider: HTTPProvider
    checked: bool = False
    failures: int = 0
    rests_until_s: float = 0.0
    pauses_until_s: float = 0.0
    newest_hash: object = None
    newest_since_s: float = 0.0

    def ask(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Return the answer; whoever has too much to do is left alone from then on."""
        try:
            answer = self.provider.make_request(method, params)
        except HTTPError as failure:
            if failure.response.status_code == _TOO_MANY_REQUESTS:
                self.pause(_pause_s(failure.response.headers.get("Retry-After")))
            answer = _refusal_in(failure)
        except JSONDecodeError:
            raise
        except (RecursionError, ValueError):
            # JSON nested too deeply, or with a number of too many digits.
            raise BadResponseFormat("not to be read") from None
        if not isinstance(answer, dict):
            raise BadResponseFormat("not an object")
        if method != "eth_getLogs" and _is_overload(answer):
            self.pause(_FIRST_REST_S)
            raise RequestException("overloaded")
        return answer

    def require_progress(self, answer: RPCResponse) -> None:
        """Note the newest block; StandstillError if it has been that for too long."""
        block, now_s = answer.get("result"), monotonic()
        newest_hash = block.get("hash") if isinstance(block, dict) else None
        if newest_hash != self.newest_hash:
            self.newest_hash, self.newest_since_s = newest_hash, now_s
        elif now_s - self.newest_since_s > _STANDSTILL_S:
            raise StandstillError(
                f"The node at {address_name(self.url)} has shown no new block for "
                f"{_STANDSTILL_S // 60} minutes or more: waiting for one"
            )

    def succeeded(self) -> None:
        self.failures, self.rests_until_s = 0, 0.0

    def failed(self) -> None:
        """Rest, longer each time, and not in step with everybody else's."""
        self.failures += 1
        self.checked = False
        longest_s = min(_FIRST_REST_S * 2**self.failures, _LONGEST_REST_S)
        self.rests_until_s = monotonic() + random.uniform(longest_s / 2, longest_s)

    def pause(self, seconds: float) -> None:
        self.pauses_until_s = monotonic() + seconds


class NodePool(JSONBaseProvider):
    """Asks the node that answered last; if it fails, or stands still, the next one.

    Every node is asked for its chain first, and again after each failure: one on another chain is
    refused by name.
    """

    def __init__(self, urls: Sequence[str], chain_id: int | None) -> None:
        """`chain_id` is the network's, or None for that of the node that answers first."""
        super().__init__()
        self.chain_id = chain_id
        self.on_answer: Callable[[], None] = lambda: None
        self._nodes = [_Node(url, _http(url)) for url in urls]
        self._current = self._nodes[0]

    @property
    def endpoint_uri(self) -> str:
        """The address that was asked last."""
        return self._current.url

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Return the first answer; the last node's failure if there is none.

        Behind one address there may be several nodes, some of them a block or two behind: whoever
        does not know a block yet is asked again in a moment.
        """
        if method == "eth_chainId" and self.chain_id is not None and self._current.checked:
            return {"jsonrpc": "2.0", "id": 0, "result": hex(self.chain_id)}
        answer = self._first_answer(method, params)
        for _ in range(_MORE_TRIES):
            if not _knows_no_such_block(answer):
                break
            sleep(_MOMENT_S)
            answer = self._first_answer(method, params)
        return answer

    def _first_answer(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        problem: Exception | None = None
        for node in self._in_turn():
            self._current = node
            try:
                return self._asked(node, method, params)
            except (*_FAILURES, StandstillError, WrongChainError) as failure:
                node.failed()
                problem = failure
                if method in _ONCE_ONLY:
                    break
        raise problem or NodeUnavailableError(
            f"The node at {address_name(self._current.url)} allows no more requests at present"
        )

    def try_another(self) -> bool:
        """Have another node asked from now on, if one is well; return whether there is one."""
        former, now_s = self._current, monotonic()
        former.failed()
        well = [n for n in self._nodes if max(n.rests_until_s, n.pauses_until_s) <= now_s]
        self._current = well[0] if well else former
        return bool(well)

    def check_chains(self) -> None:
        """Refuse addresses on different chains now; those that do not answer are left for later."""
        for node in self._nodes:
            self._current = node
            try:
                self._check(node)
            except _FAILURES:
                node.failed()
        self._current = self._nodes[0]

    def _in_turn(self) -> list[_Node]:
        """Return whom to ask: who is well first, who rests last, who asked for a pause not."""
        now_s = monotonic()
        start = self._nodes.index(self._current)
        turn = [*self._nodes[start:], *self._nodes[:start]]
        return sorted(
            (node for node in turn if node.pauses_until_s <= now_s),
            key=lambda node: node.rests_until_s if node.rests_until_s > now_s else 0.0,
        )

    def _asked(self, node: _Node, method: RPCEndpoint, params: Any) -> RPCResponse:
        if not node.checked:
            self._check(node)
        answer = node.ask(method, params)
        # A local chain may have a block only when somebody sends something.
        if _asks_for_head(method, params) and self.chain_id not in LOCAL_CHAIN_IDS:
            node.require_progress(answer)
        node.succeeded()
        self.on_answer()
        return answer

    def _check(self, node: _Node) -> None:
        """Ask a node for its chain; WrongChainError if it is not ours."""
        answer = node.ask(RPCEndpoint("eth_chainId"), [])
        try:
            chain_id = int(answer["result"], 16)
        except (KeyError, TypeError, ValueError):
            raise BadResponseFormat("no chain id") from None
        if self.chain_id is None:
            self.chain_id = chain_id
        if chain_id != self.chain_id:
            raise WrongChainError(
                f"The node at {address_name(node.url)} is on chain {chain_id}, and the network is "
                f"chain {self.chain_id}: mend REMOTE_NETWORK or RPC_URLS in .env"
            )
        node.checked = True


def connect_pool(urls: Sequence[str], chain_id: int | None = None, *, now: bool = True) -> Web3:
    """Return a connection to a network by several addresses.

    WrongChainError if they are not on one chain, that of `chain_id` if it is given. Whoever does
    not answer is asked again later: that nobody does is noticed at the first call. Without `now`
    nobody is asked before that.
    """
    pool = NodePool(urls, chain_id)
    if now:
        pool.check_chains()
    web3 = Web3(pool)
    # Some networks' blocks hold more extra data than Ethereum's, which web3 refuses otherwise.
    web3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
    return web3


def connect(url: str) -> Web3:
    """Return a connection to the node at `url`; NodeUnavailableError if nobody answers there."""
    web3 = connect_pool([url])
    with node_errors(web3):
        # Asked once here: an unreachable node is otherwise noticed somewhere in mid-work.
        _ = web3.eth.chain_id
    return web3


def _http(url: str) -> HTTPProvider:
    timeouts = {"timeout": (CONNECT_TIMEOUT_S, ANSWER_TIMEOUT_S)}
    return HTTPProvider(url, timeouts, BoundedSession(), exception_retry_configuration=None)


def _refusal_in(failure: HTTPError) -> RPCResponse:
    """Return the error that a node tells in JSON; the failure itself if it tells none."""
    if failure.response.status_code in _REFUSED:
        with suppress(RequestException, RecursionError, ValueError):
            told: RPCResponse = failure.response.json()
            if isinstance(told, dict) and isinstance(told.get("error"), dict):
                return told
    raise failure


def _asks_for_head(method: RPCEndpoint, params: Any) -> bool:
    return method == "eth_getBlockByNumber" and params[0] == "latest"


def _knows_no_such_block(answer: RPCResponse) -> bool:
    error = answer.get("error")
    return isinstance(error, dict) and bool(_NO_SUCH_BLOCK.search(str(error.get("message", ""))))


def _is_overload(answer: RPCResponse) -> bool:
    """Return whether a node that answers says in it that it has too much to do."""
    error = answer.get("error")
    if not isinstance(error, dict):
        return False
    said = str(error.get("message", "")).lower()
    return error.get("code") in _OVERLOAD_CODES or any(word in said for word in _OVERLOAD_WORDS)


def _pause_s(asked: str | None) -> float:
    """Return how long a node wants to be left alone, a few seconds if it does not say."""
    wanted_s = float(asked) if asked and asked.isdecimal() else 2 * _FIRST_REST_S
    return min(wanted_s, _LONGEST_REST_S) * random.uniform(1, 1.2)
