"""What the tests of the contract share: its enums and limits, the usual request, its errors.

What the library states too is taken from there, and so held to the contract.
"""

import brownie

from market.clearing import Access as Access
from market.model import BOOKS as BOOKS
from market.model import MOST_BIDS_IN_REQUEST
from market.model import Standing as Standing
from market.model import Status as Status
from market.units import MAX_BID_WH as MAX_BID_WH
from market.units import MAX_BIDDING_SECONDS
from market.units import MAX_REDUCTION_WH as MAX_REDUCTION_WH
from market.units import PRICE_LEVELS as PRICE_LEVELS

STEP_WEI = 10**9
REDUCTION_WH = 1_000
BIDDING_S = 600

MAX_SKIPS = 1_000
MAX_BIDDING_S = MAX_BIDDING_SECONDS
MAX_BID_ID = MOST_BIDS_IN_REQUEST
MAX_LEVEL_WH = 2**31 - 1
MAX_REQUESTS = 16 * 65_535 - 1
IMPOSSIBLE_IDS = [MAX_REQUESTS + 1, MAX_REQUESTS + 2, 2**254 + 1, 3 * 2**254 + 1, 2**256 - 1]
"""No request can have them. Times the four slots of a request, some come to where request 1 is."""

PUSH_GAS = 150_000
GAS_CAP = 2**24
"""The most that one transaction may use (EIP-7825); the tests' blocks hold no more."""

NOBODY = "0x" + "0" * 40

LEVELS_IN_A_WORD = 7
"""Neighbouring levels whose bids the contract keeps in one list."""


def reverts(error, *values):
    """Expect a custom error with exactly these values."""
    return brownie.reverts(f"{error}: {', '.join(str(value).lower() for value in values)}")


def reverts_for_gas():
    """Expect that too little gas was left to push a payment fairly."""
    return brownie.reverts(revert_pattern=rf"NotEnoughGas: \d+, {PUSH_GAS}")


def logs(tx):
    """Return the name and the fields of every event of a transaction, in order."""
    return [(event.name, dict(event)) for event in tx.events]


def calldata(function, *arguments):
    """Return what a contract sends to call this function."""
    return function.encode_input(*arguments)


def rpc(method, *params):
    """Ask the node for something that only a test chain grants."""
    answer = brownie.web3.provider.make_request(method, list(params))
    assert "error" not in answer, answer
    return answer["result"]


def rpc_batch(requests):
    """Ask the node for several things in one message; `requests` are (method, parameters)."""
    if not requests:
        return []
    answers = brownie.web3.provider.make_batch_request(requests)
    assert all("error" not in answer for answer in answers), answers
    return [answer["result"] for answer in answers]


def set_next_time(timestamp):
    """Give the next block this timestamp."""
    rpc("evm_setNextBlockTimestamp", timestamp)


def set_bits(contract, slot, offset, bits, value):
    """Overwrite part of a storage slot of a contract; `offset` counts from the lowest bit."""
    word = int.from_bytes(brownie.web3.eth.get_storage_at(contract.address, slot), "big")
    word &= ~(((1 << bits) - 1) << offset)
    word |= value << offset
    rpc("anvil_setStorageAt", contract.address, f"0x{slot:064x}", f"0x{word:064x}")


def send_as(address, contract, data):
    """Send a transaction from any address, which needs neither a key nor Ether for it."""
    rpc("anvil_impersonateAccount", address)
    call = {"from": address, "to": contract.address, "data": data, "gasPrice": "0x0"}
    rpc("eth_sendTransaction", call)
    rpc("anvil_stopImpersonatingAccount", address)


def simulate(contract, data, gas, sender):
    """Return what a call with this much gas would log, or the error data it would revert with.

    Nothing changes on the chain. Events are told by name; running out of gas reverts with "0x".
    """
    call = {"from": str(sender), "to": contract.address, "gas": hex(gas), "data": data}
    block = {"blockStateCalls": [{"calls": [call]}], "validation": False}
    (result,) = rpc("eth_simulateV1", block, "latest")[0]["calls"]
    if int(result["status"], 16) == 0:
        return result["returnData"]
    names = {topic: name for name, topic in contract.topics.items()}
    return [names[log["topics"][0]] for log in result["logs"]]


def selector(contract, error):
    """Return the first four bytes of an error without values, or with those of the ABI."""
    (entry,) = [entry for entry in contract.abi if entry.get("name") == error]
    types = ",".join(field["type"] for field in entry["inputs"])
    return "0x" + bytes(brownie.web3.keccak(text=f"{error}({types})")[:4]).hex()


def payment_order(bid_id, level):
    """Return the key of a winning bid's turn: word by word of levels, the newest bid first."""
    return (level - 1) // LEVELS_IN_A_WORD, -bid_id
