"""Sending transactions one after the other, and waiting until each is in a block."""

from contextlib import suppress
from functools import partial
from time import monotonic, sleep

from web3.contract.contract import ContractConstructor, ContractFunction
from web3.types import BlockIdentifier

from market.errors import MarketError
from market.flight import Flight
from market.landing import FailedError, Sent
from market.launching import Check, DroppedError, Launcher
from market.node import NodeUnavailableError, latest_block, node_name
from market.reverts import RevertError
from market.units import format_eth

_TIMEOUT_S = 180
_POLL_S = 0.25
# Whoever sends just now has noted it a moment before, and behind one address may be several nodes.
_LOOKS_UNTIL_UNKNOWN = 5
# What a reorganisation takes off the chain, most nodes soon have again.
_LOOKS_UNTIL_CUT_OFF = 4


class UnconfirmedError(MarketError):
    """The transaction was sent and may still be carried out: to send it again could do it twice."""


class CutOffError(DroppedError):
    """What this one has to come after is gone; it may come late, once another is in that place."""


class Sender(Launcher):
    """Sends transactions from one account, and waits for them with patience.

    One that `gives_up` raises an UnconfirmedError if a transaction is not in a block after three
    minutes; another says so once, and waits on.
    """

    gives_up = True

    def send(
        self,
        call: ContractFunction | ContractConstructor,
        purpose: str,
        subject: int = 0,
        *,
        value_wei: int = 0,
        spare_gas: int = 0,
        block: BlockIdentifier = "latest",
        check: Check | None = None,
        keep: bool = False,
    ) -> Sent:
        """Carry out `call` and return once it is in a block; a node that is away is waited for.

        Flights of this account that a former run has left are waited for first. `spare_gas` is
        what the call may need beyond the usual margin. With `keep` it stays in the journal, for
        its sender to forget. RevertError if the contract refuses, which costs nothing if it is
        seen beforehand; MarketError if there is too little Ether; BusyError if something else of
        this account is under way, or was carried out after `block`; NodeUnavailableError if
        nothing was sent; UnconfirmedError if it gives up.
        """
        self.end_earlier()
        prepared = self.prepare(call, value_wei=value_wei, spare_gas=spare_gas)
        flight = self.launch(prepared, purpose, subject, block=block, check=check)
        try:
            sent = self.wait(flight)
        except (RevertError, FailedError):
            self.journal.forget_flights([flight])
            raise
        if not keep:
            self.journal.forget_flights([flight])
        return sent

    def wait(self, flight: Flight) -> Sent:
        """Return once a flight is in a block; how long the node is away does not count.

        CutOffError if it is harmless and waits for what is gone; it stays in the journal.
        """
        began_s, told = monotonic() - self.patience.away_s, False
        while not (sent := self.patience(partial(self._attend, flight))):
            if not told and monotonic() - self.patience.away_s - began_s >= _TIMEOUT_S:
                self._tell_late(flight)
                told = True
            sleep(_POLL_S)
        return sent

    def _tell_late(self, flight: Flight) -> None:
        """Say that a flight is not in a block; UnconfirmedError if it is waited for no longer."""
        said = f" (the node says: {flight.refusal})" if flight.refusal else ""
        late = (
            f"Transaction {flight.hashes[-1] or '(without an answer)'} is not in a block after "
            f"{_TIMEOUT_S} s{said}"
        )
        if self.gives_up:
            raise UnconfirmedError(
                f"{late}, and may still be carried out: start the same command again to wait on"
            )
        self.patience.tell(
            MarketError(
                f"{late}: waiting on, and sending it again. If gas costs more than MAX_FEE_GWEI, "
                "stop this, raise it and start again, or wait until gas is cheaper"
            )
        )

    def _attend(self, flight: Flight) -> Sent | None:
        """Look after a flight once."""
        sent = self.look(flight)
        if sent is None and self.is_due(flight):
            if self._is_cut_off(flight):
                raise CutOffError(
                    "A reorganisation has taken what a transaction of this account has to come "
                    "after: doing it in that place"
                )
            self.urge(flight)
        return sent

    def _is_cut_off(self, flight: Flight) -> bool:
        """Return whether nothing has led up to a harmless flight for some looks in a row."""
        count = self._count("latest")
        led_up_to = (
            not flight.is_harmless
            or flight.nonce <= count
            or any(f.nonce == count for f in self.journal.flights(flight.account))
            or self._count("pending") > count
        )
        flight.looks_cut_off = 0 if led_up_to else flight.looks_cut_off + 1
        return flight.looks_cut_off >= _LOOKS_UNTIL_CUT_OFF

    def end_earlier(self) -> None:
        """Wait for what a former run has left; it stays in the journal, as it may be needed.

        What would take Ether out of the account, and the node knows nothing of, is dropped instead.
        What waits for something that is gone is left alone.
        """
        for earlier in self.unfinished():
            if self.drop_unsent(earlier):
                continue
            with suppress(RevertError, FailedError, DroppedError):
                self.wait(earlier)

    def drop_unsent(self, flight: Flight) -> bool:
        """Forget a payment that a former run was about to send, and the node knows nothing of.

        Whoever wanted it then was there, and may no longer want it; the next transaction takes its
        number, so that it cannot happen beside that. Return whether it was one.
        """
        value_wei = int(flight.newest["value"])
        if not value_wei or not self._is_unknown(flight):
            return False
        self.journal.forget_flights([flight])
        self.patience.tell(
            MarketError(
                "The node knows nothing of a transaction of an earlier run, with "
                f"{format_eth(value_wei)} ETH: it is not sent any more"
            )
        )
        return True

    def _is_unknown(self, flight: Flight) -> bool:
        """Return whether a flight of a former run is neither on chain nor on its way there.

        NodeUnavailableError if the node is so far behind that it cannot know.
        """
        if flight.handed_over_s is not None:
            return False
        for _ in range(_LOOKS_UNTIL_UNKNOWN):
            if self.is_known(flight) or flight not in self.unfinished():
                return False
            self._require_block(flight.seen_block)
            sleep(_POLL_S)
        return True

    def _require_block(self, number: int) -> None:
        if (head := latest_block(self.web3).number) < number:
            raise NodeUnavailableError(
                f"The node at {node_name(self.web3)} is behind, at block {head}, and an earlier "
                f"run has seen block {number}: waiting for it"
            )
