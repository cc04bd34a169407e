"""What a consumer has signed, decoded from what came out of its process, and what it may be."""

from dataclasses import dataclass
from typing import Any

from eth_account import Account
from eth_account.typed_transactions import TypedTransaction
from hexbytes import HexBytes
from web3 import Web3

from market.artifact import load_artifact
from market.bids import Offer
from tests.faults.people import Household
from tests.faults.proxy import Proxy
from tests.faults.rules import SEND
from tests.faults.world import CHAIN_ID

MAX_GAS = 2**24
CEILING_WEI = 500 * 10**9
_CONTRACT = Web3().eth.contract(abi=load_artifact()["abi"])


@dataclass(frozen=True)
class Signed:
    """A signed transaction with bids."""

    fields: dict[str, Any]
    request_id: int
    bids: list[tuple[int, int]]


def signed_by(home: Household, *more: Proxy) -> list[Signed]:
    """Return what a household has signed; the test fails if any of it is not its bids.

    To its contract, on its chain, without Ether, and with gas and fee within bounds.
    """
    calls = [call for proxy in (home.proxy, *more) for call in [*proxy.calls]]
    return [_checked(home, call.params[0]) for call in calls if call.method == SEND]


def check_bids_within(signed: list[Signed], offers: tuple[Offer, ...], step_wei: int) -> None:
    """Fail unless every bid sells no more than an offer of its own, for no less than it asks."""
    for one in signed:
        left = [*offers]
        for energy_wh, level in one.bids:
            fitting = [
                offer
                for offer in left
                if energy_wh <= offer.energy_wh and level * step_wei >= offer.price_wei_per_wh
            ]
            assert fitting, f"{energy_wh} Wh at level {level} of {step_wei} wei: {offers}"
            left.remove(fitting[0])


def _checked(home: Household, raw: str) -> Signed:
    fields = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
    market = home.market
    assert Account.recover_transaction(raw) == home.address
    assert fields["chainId"] == CHAIN_ID
    assert HexBytes(fields["to"]) == HexBytes(market.address)
    assert fields["value"] == 0
    assert not fields.get("accessList")
    assert 0 < fields["gas"] <= MAX_GAS
    assert 0 <= fields["maxPriorityFeePerGas"] <= fields["maxFeePerGas"] <= CEILING_WEI
    function, arguments = _CONTRACT.decode_function_input(HexBytes(fields["data"]))
    assert function.fn_name == "submit_bids"
    bids = [(bid["energy_wh"], bid["price_level"]) for bid in arguments["bids"]]
    return Signed(fields, arguments["request_id"], bids)
