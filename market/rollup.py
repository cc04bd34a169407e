"""What a rollup charges for a transaction's place on Ethereum, beside the gas that it uses."""

from typing import Any

import rlp
from eth_abi.abi import encode
from eth_typing import ChecksumAddress
from eth_utils.abi import function_signature_to_4byte_selector
from eth_utils.address import to_checksum_address
from hexbytes import HexBytes
from web3 import Web3
from web3.exceptions import ContractLogicError

from market.node import NodeUnavailableError, node_errors

OP_STACK = to_checksum_address("0x420000000000000000000000000000000000000F")
"""Where every chain of the OP stack has its contract that tells the fee."""
SCROLL = to_checksum_address("0x5300000000000000000000000000000000000002")

_TELL_FEE = function_signature_to_4byte_selector("getL1Fee(bytes)")
_DYNAMIC_FEE = b"\x02"


class EthereumShare:
    """Reckons the charge beforehand; it is nothing where the chain has none of the oracles."""

    def __init__(self, web3: Web3, oracles: tuple[ChecksumAddress, ...] = ()) -> None:
        """`oracles` are the contracts, one of which may be there."""
        self._web3 = web3
        self._oracles = oracles
        self._looked = not oracles

    def fee_wei(self, transaction: dict[str, Any]) -> int:
        """Return the charge for a transaction, at present."""
        if not self._looked:
            with node_errors(self._web3):
                self._oracles = tuple(o for o in self._oracles if self._web3.eth.get_code(o))[:1]
            self._looked = True
        return sum(self._told(oracle, _unsigned(transaction)) for oracle in self._oracles)

    def _told(self, oracle: ChecksumAddress, unsigned: bytes) -> int:
        asked = HexBytes(_TELL_FEE + encode(["bytes"], [unsigned]))
        with node_errors(self._web3):
            try:
                told = self._web3.eth.call({"to": oracle, "data": asked})
            except ContractLogicError:
                raise NodeUnavailableError(
                    f"The rollup's contract {oracle} does not tell what a place on Ethereum costs"
                ) from None
        return int.from_bytes(told[:32], "big")


def _unsigned(transaction: dict[str, Any]) -> bytes:
    """Return a transaction as the oracle wants it: as it is written down before it is signed."""
    return _DYNAMIC_FEE + bytes(
        rlp.encode(
            [
                transaction["chainId"],
                transaction["nonce"],
                transaction["maxPriorityFeePerGas"],
                transaction["maxFeePerGas"],
                transaction["gas"],
                HexBytes(transaction.get("to") or b""),
                transaction["value"],
                HexBytes(transaction["data"]),
                [],
            ]
        )
    )
