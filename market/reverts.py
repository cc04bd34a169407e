"""The contract's errors in words for people."""

from collections.abc import Callable
from datetime import datetime, timezone
from functools import cache
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils.abi import function_abi_to_4byte_selector
from web3.exceptions import ContractCustomError, ContractLogicError

from market.artifact import load_artifact
from market.errors import MarketError
from market.invocation import command
from market.units import format_eth, format_kwh

_STATUS_WORDS = ("does not exist", "is open", "is cleared", "is settled", "was cancelled")


class RevertError(MarketError):
    """The contract refused; `name` and `arguments` are its error's, empty where it gave none."""

    def __init__(self, name: str, message: str, arguments: tuple[Any, ...] = ()) -> None:
        super().__init__(message)
        self.name = name
        self.arguments = arguments


def explained(error: ContractLogicError) -> RevertError:
    """Return what the contract said when it refused a call, in one line."""
    name, arguments = _decoded(error)
    words = _WORDS.get(name)
    if words:
        return RevertError(name, words(*arguments), arguments)
    said = f"{name}{arguments}" if name else error.message or "it gave no reason"
    return RevertError(name, f"The contract refused: {said}", arguments)


def _decoded(error: ContractLogicError) -> tuple[str, tuple[Any, ...]]:
    """Return the error's name and arguments; an empty name if it is not one of the contract's."""
    if not isinstance(error, ContractCustomError) or not isinstance(error.data, str):
        return "", ()
    data = bytes.fromhex(error.data.removeprefix("0x"))
    name, types = _errors().get(data[:4], ("", ()))
    try:
        return name, tuple(decode(types, data[4:]))
    except DecodingError:
        return "", ()


@cache
def _errors() -> dict[bytes, tuple[str, tuple[str, ...]]]:
    """Return the name and the argument types of every error of the contract, by selector."""
    return {
        function_abi_to_4byte_selector(entry): (
            entry["name"],
            tuple(argument["type"] for argument in entry["inputs"]),
        )
        for entry in load_artifact()["abi"]
        if entry["type"] == "error"
    }


def _time(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%d %H:%M:%S} UTC"


_WORDS: dict[str, Callable[..., str]] = {
    "ReductionOutOfRange": lambda wh, most: (
        f"A reduction of {format_kwh(wh)} kWh cannot be requested: "
        f"ask for more than 0 and at most {format_kwh(most)} kWh"
    ),
    "BiddingTimeOutOfRange": lambda seconds, most: (
        f"A bidding time of {seconds} s is not possible: write 1 to {most} s"
    ),
    "MinimumBidTooLarge": lambda least, most: (
        f"The smallest bid ({format_kwh(least)} kWh) is more than any bid can be sold for "
        f"({format_kwh(most)} kWh): lower MINIMUM_BID_KWH"
    ),
    "WrongEscrow": lambda sent, needed: (
        f"The escrow must be {format_eth(needed)} ETH, and {format_eth(sent)} ETH were sent"
    ),
    "BookBusy": lambda request: (
        f"Too many requests are unfinished; finish request {request} first: "
        f"`{command('utility', 'finish')}`"
    ),
    "RequestsExhausted": lambda most: (
        f"This contract has served all its {most} requests: deploy a new one"
    ),
    "WrongStatus": lambda request, status: (
        f"Request {request} {_STATUS_WORDS[status]}, so this cannot be done with it"
    ),
    "GateClosed": lambda closure, now: (
        f"Bidding ended at {_time(closure)}, and on chain it is {_time(now)}: "
        "wait for the next request"
    ),
    "GateOpen": lambda closure, now: (
        f"Bidding lasts until {_time(closure)}, and on chain it is {_time(now)}: wait until then"
    ),
    "NotAllowed": lambda consumer: (
        f"{consumer} may not bid in this contract: run `{command('register')}`, "
        "or ask the utility for approval"
    ),
    "BidTooSmall": lambda wh, least: (
        f"A bid of {format_kwh(wh)} kWh is too small: the smallest is {format_kwh(least)} kWh"
    ),
    "LevelFull": lambda level: f"No more energy fits at price level {level}: ask another price",
    "BookFull": lambda most: f"The request has {most} bids already, and takes no more",
    "BookReused": lambda request: (
        f"Request {request} is too long ago: its bids are in the chain's events only"
    ),
    "NotEnoughGas": lambda left, needed: (
        f"The transaction had too little gas ({left:,} left, {needed:,} needed): try again"
    ),
    "AlreadyRegistered": lambda consumer: f"{consumer} is registered already",
    "Revoked": lambda consumer: (
        f"The utility has revoked {consumer}: ask it for approval, you cannot register again"
    ),
    "NothingDeferred": lambda payee: f"Nothing waits to be withdrawn by {payee}",
    "OwnableUnauthorizedAccount": lambda account: (
        f"{account} is not this contract's utility: use the account that deployed it "
        "(UTILITY_ACCOUNT), or deploy a contract of your own"
    ),
}
