"""How soon a consumer answers, and how often it asks while there is nothing to answer."""

import random
from collections import Counter
from dataclasses import dataclass
from statistics import median
from time import monotonic, sleep
from typing import Any

from web3 import HTTPProvider
from web3.types import RPCEndpoint

from bench.artifact import Artifact
from bench.chain import Chain
from bench.contract import Market
from bench.counting_proxy import CountingProxy
from bench.rounds import BID_WH, PRICE_STEP_WEI
from bench.waiting import until
from market.artifact import load_artifact
from market.clearing import Pricing
from market.units import escrow_wei

BLOCK_S = 12
"""The time between blocks while nothing happens; Ethereum's."""
FINAL_BLOCKS = 20
"""More than a result needs to be final."""
LOOKS = 3
"""How often a consumer looks at the chain, at most, until a request that is over is done with."""
_BIDDING_S = 600
_NO_BID = "the consumer did not bid"
SEND = "eth_sendRawTransaction"


@dataclass(frozen=True, slots=True)
class Reaction:
    """How long after a request's block each bid left the device, and after how many questions."""

    seconds: tuple[float, ...]
    requests: int

    @property
    def median_s(self) -> float:
        """The usual answer."""
        return median(self.seconds)

    @property
    def worst_s(self) -> float:
        """The latest answer."""
        return max(self.seconds)


class DeviceChain:
    """A contract whose requests a device answers, on a chain that takes no consumer for local."""

    def __init__(self, url: str) -> None:
        self._provider = HTTPProvider(url)
        shipped = load_artifact()
        artifact = Artifact(shipped["abi"], shipped["bytecode"], "")
        self._market = Market(Chain(url), artifact)
        self.contract = self._market.address

    def fund(self, account: str) -> None:
        """Give an account Ether for fees."""
        self._ask("anvil_setBalance", account, hex(10**18))

    def reaction(
        self, proxy: CountingProxy, answers: int, poll_s: float, draw: random.Random
    ) -> Reaction:
        """Have so many requests answered, each at another moment between two looks at the chain.

        Each comes when the one before is done with.
        """
        answered = []
        for _ in range(answers):
            sleep(LOOKS * poll_s + draw.uniform(0, poll_s))
            answered.append(self._answered(proxy))
        return Reaction(tuple(s for s, _ in answered), max(requests for _, requests in answered))

    def let_time_pass(self) -> None:
        """Have blocks come by the clock from now on."""
        self._ask("evm_setAutomine", False)
        self._ask("evm_setIntervalMining", BLOCK_S)

    def _answered(self, proxy: CountingProxy) -> tuple[float, int]:
        """Return the seconds until a request is answered, and the node's part in them.

        The seconds count from before the request is sent to the node, which has it in a block
        about two milliseconds later.
        """
        seen, begin_s = len(proxy.asked), monotonic()
        self._market.transact(
            "request_reduction",
            *(BID_WH, PRICE_STEP_WEI, _BIDDING_S, 0, 0, 0, Pricing.UNIFORM),
            value_wei=escrow_wei(BID_WH, PRICE_STEP_WEI),
        )
        request_id = self._market.read("request_count")
        sent_s = until(
            lambda: next((a.time_s for a in proxy.asked[seen:] if a.method == SEND), 0), _NO_BID
        )
        asked = [one for one in proxy.asked[seen:] if begin_s < one.time_s <= sent_s]
        until(lambda: self._market.read("get_bids", request_id, 0, 1), _NO_BID)
        self._market.transact("cancel_request", request_id)
        self._ask("anvil_mine", FINAL_BLOCKS)
        return sent_s - begin_s, len(asked)

    def _ask(self, method: str, *params: object) -> Any:
        return self._provider.make_request(RPCEndpoint(method), params)["result"]


def idle_requests(proxy: CountingProxy, seconds: float) -> Counter[str]:
    """Return how often the node was asked for what in this time."""
    seen = len(proxy.asked)
    sleep(seconds)
    return Counter(one.method for one in proxy.asked[seen:])
