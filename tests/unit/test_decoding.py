"""Long lists from the chain, read as web3 reads them."""

from typing import Any

import pytest
from eth_abi.abi import encode
from hexbytes import HexBytes
from web3 import Web3
from web3.exceptions import BadFunctionCallOutput

from market.artifact import load_artifact
from market.decoding import event_in, rows_in

CONSUMER = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
ROW = (7, CONSUMER, 3_000, 501)
CONTRACT = Web3().eth.contract(abi=load_artifact()["abi"])
VIEW = CONTRACT.functions.get_bids(1, 0, 1).abi
ANSWER = encode(["(uint256,address,uint32,uint16)[]"], [[ROW, ROW]])


def log(name: str, topics: list[bytes], data: bytes) -> Any:
    """Return an event's log as a node gives it."""
    place = {"transactionHash": HexBytes(b"\1" * 32), "blockHash": HexBytes(b"\2" * 32)}
    place |= {"logIndex": 0, "transactionIndex": 0, "blockNumber": 1, "address": CONSUMER}
    signature = HexBytes(CONTRACT.events[name]().topic)
    return {**place, "topics": [signature, *map(HexBytes, topics)], "data": HexBytes(data)}


def paid() -> Any:
    topics = [encode(["uint256"], [1]), encode(["address"], [CONSUMER])]
    return log(
        "WinnerPaid", topics, encode(["uint256", "uint40", "uint256"], [7, 3_000, 12 * 10**9])
    )


def bids_submitted() -> Any:
    topics = [encode(["uint256"], [1]), encode(["address"], [CONSUMER])]
    return log(
        "BidsSubmitted", topics, encode(["uint256", "(uint32,uint16)[]"], [7, [(3_000, 501)]])
    )


def test_rows_in__two_bids__have_checksummed_addresses() -> None:
    assert rows_in(ANSWER, VIEW) == [ROW, ROW]


def test_rows_in__no_bids__is_empty() -> None:
    assert rows_in(encode(["(uint256,address,uint32,uint16)[]"], [[]]), VIEW) == []


@pytest.mark.parametrize("answer", [b"", ANSWER[:-32], b"\xff" * 64], ids=["none", "cut", "junk"])
def test_rows_in__answer_of_something_else__is_refused(answer: bytes) -> None:
    with pytest.raises(BadFunctionCallOutput):
        rows_in(answer, VIEW)


@pytest.mark.parametrize(
    ("name", "found"), [("WinnerPaid", paid()), ("BidsSubmitted", bids_submitted())]
)
def test_event_in__each_event__is_what_web3_reads(name: str, found: Any) -> None:
    event = CONTRACT.events[name]

    read = dict(event().process_log(found)["args"])
    read["bids"] = [tuple(bid.values()) for bid in read.pop("bids", [])]
    mine = event_in(found, event.abi)
    mine["bids"] = [*mine.pop("bids", [])]

    assert mine == read


@pytest.mark.parametrize("change", [{"data": HexBytes(b"\1")}, {"topics": paid()["topics"][:2]}])
def test_event_in__log_that_is_broken__is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BadFunctionCallOutput):
        event_in({**paid(), **change}, CONTRACT.events["WinnerPaid"].abi)
