"""Ways in which a transaction that was sent gets into no block: rules for a `Proxy`."""

from collections.abc import Callable

from eth_utils import function_abi_to_4byte_selector

from market.artifact import load_artifact
from tests.faults import rules
from tests.faults.live_chain import LiveChain
from tests.faults.proxy import Answer, Call, Forward, Rule

GWEI = 10**9
# Above what is paid while gas is cheap, and below what makes the bids of these tests not worth it.
_DEAR_WEI = 10 * GWEI


def _swallowed(_chain: LiveChain) -> Rule:
    return rules.swallow


def _dropped(chain: LiveChain) -> Rule:
    """Take a transaction, and forget it before a block comes."""

    def apply(call: Call, forward: Forward) -> Answer:
        with chain.still():
            answer = forward()
            assert not chain.is_pool_empty()
            chain.empty_pool()
        return answer

    return apply


def _outbid(chain: LiveChain) -> Rule:
    """Take a transaction, and have gas become dearer than it pays for before a block comes."""

    def apply(call: Call, forward: Forward) -> Answer:
        with chain.still():
            answer = forward()
            chain.hold_base_fee(_DEAR_WEI)
        return answer

    return apply


STUCK: dict[str, Callable[[LiveChain], Rule]] = {
    "swallowed": _swallowed,
    "dropped from the pool": _dropped,
    "gas becomes dear": _outbid,
}


def calling(function: str, rule: Rule) -> Rule:
    """Apply a rule to transactions that call a function of the contract."""
    (called,) = [part for part in load_artifact()["abi"] if part.get("name") == function]
    selector = function_abi_to_4byte_selector(called).hex()

    def apply(call: Call, forward: Forward) -> Answer:
        applies = call.method == rules.SEND and selector in call.params[0]
        return rule(call, forward) if applies else forward()

    return apply
