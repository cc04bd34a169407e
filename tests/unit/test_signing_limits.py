import pytest
from eth_account import Account
from eth_utils.abi import function_abi_to_4byte_selector
from web3 import Web3

from market.artifact import load_artifact
from market.signer import KeySigner
from market.signing_limits import CONSUMER_CALLS, MAX_GAS, ConsumerSigner, UnsafeTransactionError

WALLET = Account.from_key("0x" + "1" * 64)
CONTRACT = "0x" + "2" * 40
CHAIN_ID = 7
GWEI = 10**9
CONTRACT_CODE = Web3().eth.contract(abi=load_artifact()["abi"])
ARGUMENTS = {
    "submit_bids": (1, [(1000, 10)]),
    "withdraw_bids": (1, [3]),
    "register": (),
    "withdraw": (),
}


def calldata(function):
    return CONTRACT_CODE.encode_abi(function, ARGUMENTS[function])


def transaction(**changes):
    usual = {
        "from": WALLET.address,
        "to": CONTRACT,
        "value": 0,
        "data": calldata("submit_bids"),
        "gas": MAX_GAS,
        "nonce": 0,
        "chainId": CHAIN_ID,
        "maxFeePerGas": 30 * GWEI,
        "maxPriorityFeePerGas": GWEI,
    }
    return {**usual, **changes}


def signer(ceiling_wei=30 * GWEI):
    return ConsumerSigner(KeySigner(WALLET), CONTRACT, lambda: CHAIN_ID, ceiling_wei)


@pytest.mark.parametrize("function", CONSUMER_CALLS)
def test_sign__call_of_a_consumer__is_signed(function):
    signed = signer().sign(transaction(data=calldata(function)))
    assert Account.recover_transaction(signed.raw_transaction) == signer().address


def test_sign__no_ceiling__takes_any_fee():
    assert signer(None).sign(transaction(maxFeePerGas=10**20))


@pytest.mark.parametrize("tip_wei", [0, 30 * GWEI])
def test_sign__tip_within_bounds__is_signed(tip_wei):
    assert signer().sign(transaction(maxPriorityFeePerGas=tip_wei))


def test_sign__sender_and_value_left_out__is_signed():
    fields = transaction()
    del fields["from"], fields["value"]
    assert signer().sign(fields)


@pytest.mark.parametrize("gas", [1, MAX_GAS])
def test_sign__gas_within_bounds__is_signed(gas):
    assert signer().sign(transaction(gas=gas))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"to": "0x" + "3" * 40}, "it is to another address"),
        ({"to": None}, "it is to another address"),
        ({"value": 1}, "it sends Ether"),
        ({"chainId": CHAIN_ID + 1}, "it is for another chain"),
        ({"gas": MAX_GAS + 1}, "its gas is out of bounds"),
        ({"gas": 0}, "its gas is out of bounds"),
        ({"maxFeePerGas": 30 * GWEI + 1}, "its fee is out of bounds"),
        ({"maxPriorityFeePerGas": 30 * GWEI + 1}, "its fee is out of bounds"),
        ({"maxPriorityFeePerGas": -1}, "its fee is out of bounds"),
        ({"from": CONTRACT}, "it is of another account"),
        ({"accessList": []}, "it has more than it should"),
        ({"authorizationList": []}, "it has more than it should"),
        ({"data": "0x"}, "it calls what no consumer calls"),
        ({"data": "0xa9059cbb" + "0" * 128}, "it calls what no consumer calls"),
    ],
)
def test_sign__anything_else__is_refused(changes, reason):
    with pytest.raises(UnsafeTransactionError, match=f"^A transaction .* because {reason}: look"):
        signer().sign(transaction(**changes))


def test_sign__deployment__is_refused():
    deployment = transaction(data=load_artifact()["bytecode"])
    del deployment["to"]
    with pytest.raises(UnsafeTransactionError, match="it is to another address"):
        signer().sign(deployment)


def test_sign__every_other_function_of_the_contract__is_refused():
    others = [
        part
        for part in load_artifact()["abi"]
        if part["type"] == "function" and part["name"] not in CONSUMER_CALLS
    ]
    assert {"select_winners", "request_reduction"} < {part["name"] for part in others}
    for part in others:
        data = "0x" + function_abi_to_4byte_selector(part).hex() + "0" * 640
        with pytest.raises(UnsafeTransactionError, match="it calls what no consumer calls"):
            signer().sign(transaction(data=data))
