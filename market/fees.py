"""What a unit of gas may cost: EIP-1559 fees below a ceiling, and higher ones for a replacement."""

import re
from dataclasses import dataclass
from typing import Any

from web3 import Web3
from web3.exceptions import MethodUnavailable, Web3RPCError
from web3.types import RPCEndpoint, Wei

from market.errors import MarketError
from market.node import node_errors, rpc_message
from market.units import format_gwei

# Nodes take a replacement only if it pays at least a tenth more, in both fees.
_RAISE_NUMERATOR, _RAISE_DENOMINATOR = 9, 8
_USUAL_TIP_WEI = 10**9
_NO_SUCH_METHOD = re.compile(
    r"method.{0,60}(not |n't |un)(be )?(found|exist|supported|available|allowed|enabled)|"
    r"(unsupported|unknown|no such) (rpc )?method",
    re.IGNORECASE,
)


class FeeCeilingError(MarketError):
    """Gas costs more at present than the user wants to pay for it."""


@dataclass(frozen=True, slots=True)
class Fees:
    """Fees in wei per gas: the most there is to pay, the tip in it, and what it likely costs."""

    maximum_wei: int
    tip_wei: int
    expected_wei: int

    def fields(self) -> dict[str, Any]:
        """Return the transaction's fields."""
        return {"maxFeePerGas": Wei(self.maximum_wei), "maxPriorityFeePerGas": Wei(self.tip_wei)}


def current_fees(web3: Web3, ceiling_wei: int | None) -> Fees:
    """Return fees with which a transaction gets into one of the next blocks.

    FeeCeilingError if they are above the ceiling.
    """
    with node_errors(web3):
        base_wei = int(web3.eth.get_block("latest").get("baseFeePerGas", 0))
        tip_wei = _tip_wei(web3)
    if ceiling_wei is None:
        # Enough for six full blocks in a row, each of which raises the base fee by an eighth.
        return Fees(2 * base_wei + tip_wei, tip_wei, base_wei + tip_wei)
    if base_wei >= ceiling_wei:
        raise FeeCeilingError(
            f"Gas costs {format_gwei(base_wei)} gwei at present, and MAX_FEE_GWEI is "
            f"{format_gwei(ceiling_wei)}: raise it, or wait until gas is cheaper"
        )
    tip_wei = min(tip_wei, ceiling_wei - base_wei)
    maximum_wei = min(2 * base_wei + tip_wei, ceiling_wei)
    return Fees(maximum_wei, tip_wei, base_wei + tip_wei)


def raised_fees(old: Fees, current: Fees, ceiling_wei: int | None) -> Fees | None:
    """Return the fees of a replacement; None if it would be above the ceiling."""
    maximum_wei = max(current.maximum_wei, _raised(old.maximum_wei))
    tip_wei = max(current.tip_wei, _raised(old.tip_wei))
    if ceiling_wei is not None and maximum_wei > ceiling_wei:
        return None
    return Fees(maximum_wei, min(tip_wei, maximum_wei), current.expected_wei)


def _raised(wei: int) -> int:
    return max(wei + 1, -(-wei * _RAISE_NUMERATOR // _RAISE_DENOMINATOR))


def _tip_wei(web3: Web3) -> int:
    """Return the tip that the node suggests, or the usual one if it knows no such question."""
    try:
        # Not by web3.eth, which takes every refusal for an answer and reckons with old blocks.
        told = web3.manager.request_blocking(RPCEndpoint("eth_maxPriorityFeePerGas"), [])
    except Web3RPCError as problem:
        if isinstance(problem, MethodUnavailable) or _NO_SUCH_METHOD.search(rpc_message(problem)):
            return _USUAL_TIP_WEI
        raise
    return int(told, 16) if isinstance(told, str) else int(told)
