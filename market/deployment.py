"""Deploying the contract: once, also if a run was broken off before it had told of it."""

from contextlib import suppress
from dataclasses import dataclass

from eth_typing import ChecksumAddress
from hexbytes import HexBytes

from market.artifact import load_artifact
from market.clearing import Access
from market.errors import MarketError
from market.flight import Flight
from market.landing import FailedError, Sent
from market.launching import DroppedError
from market.reverts import RevertError
from market.transactions import Sender

PURPOSE = "deploy"


@dataclass(frozen=True, slots=True)
class Deployment:
    """A contract, and the transaction that created it; an earlier run may have sent that."""

    address: ChecksumAddress
    sent: Sent
    is_of_earlier_run: bool


def deploy(sender: Sender, access: Access) -> Deployment:
    """Deploy a contract whose utility is the sender.

    It is noted until it has been `seen_through`: what an earlier run of this account has sent for
    the same contract, and has not seen through, is waited for instead.
    """
    artifact = load_artifact()
    factory = sender.web3.eth.contract(abi=artifact["abi"], bytecode=artifact["bytecode"])
    call = factory.constructor(int(access))
    earlier = _of_earlier_run(sender, HexBytes(call.data_in_transaction))
    sent = earlier or sender.send(call, PURPOSE, keep=True)
    address = sent.receipt["contractAddress"]
    if address is None:
        raise MarketError(f"Transaction {sent.hash} created no contract: is the node in order?")
    return Deployment(address, sent, is_of_earlier_run=earlier is not None)


def seen_through(sender: Sender) -> None:
    """Note the account's deployments no longer: the next one is another."""
    sender.journal.forget_flights(_noted(sender))


def _of_earlier_run(sender: Sender, data: HexBytes) -> Sent | None:
    # Of another kind of contract, what is still under way is waited for before anything is sent.
    for flight in _noted(sender):
        if HexBytes(flight.newest["data"]) == data:
            with suppress(RevertError, FailedError, DroppedError):
                return sender.wait(flight)
            sender.journal.forget_flights([flight])
    return None


def _noted(sender: Sender) -> list[Flight]:
    flights = sender.journal.flights(sender.signer.address)
    return [flight for flight in flights if flight.purpose == PURPOSE]
