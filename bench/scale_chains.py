"""The chains that a market may run on, and what gas costs there: stated, not measured."""

from dataclasses import dataclass
from decimal import Decimal

from bench.scale_node import BLOCK_GAS

DOLLARS_PER_ETH = 3_000
"""A round figure to reckon with."""
_GWEI_PER_ETH = Decimal(10**9)


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain's blocks, its prices of gas (gwei), and how many times its aim a block may hold."""

    name: str
    block_gas: int
    block_s: int
    elasticity: int
    gwei: tuple[Decimal, ...]

    @property
    def gas_per_s(self) -> int:
        """How much gas there is in a second."""
        return self.block_gas // self.block_s

    @property
    def blocks_per_minute(self) -> int:
        """How many blocks come in a minute."""
        return 60 // self.block_s


ETHEREUM = Chain("Ethereum", BLOCK_GAS, 12, 2, (Decimal(1), Decimal(10)))
BASE = Chain("Base", 400_000_000, 2, 6, (Decimal("0.005"),))
"""As https://docs.base.org/base-chain/network-information/throughput-and-limits has it."""


def eth(gas: int, gwei: Decimal) -> Decimal:
    """Return what gas costs (Ether)."""
    return gas * gwei / _GWEI_PER_ETH


def shown_eth(amount: Decimal) -> str:
    """Return an amount of Ether with three digits that count."""
    return f"{_rounded(amount, 3):,f} ETH"


def shown_dollars(amount_eth: Decimal) -> str:
    """Return what an amount of Ether is worth, to the cent, or with two digits that count."""
    dollars = amount_eth * DOLLARS_PER_ETH
    return f"${dollars:,.2f}" if dollars >= 1 else f"${_rounded(dollars, 2):f}"


def _rounded(amount: Decimal, digits: int) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(min(0, amount.adjusted() - digits + 1)))
