"""A transaction on its way into a block, with the replacements that were sent for it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from eth_typing import ChecksumAddress

from market.fees import Fees

# What the contract refuses where it has been done already, or pays out only once.
_HARMLESS = ("select_winners", "pay_winners", "cancel_request", "register", "withdraw")

FlightKey = tuple[str, int, str, int]


@dataclass(slots=True)
class Flight:
    """All versions of one transaction: they share a nonce, so at most one is ever carried out.

    `purpose` and `subject` are the sender's own note of what it is for. A version's hash is None
    while only the node that signs it knows. `seen_block` is the newest block that was there when it
    was sent, or that it was in: a node without that one cannot tell what became of it. `is_new`
    tells that no node was ever given it, and `refusal` what the last node that was given it had
    against it.
    """

    account: ChecksumAddress
    nonce: int
    purpose: str
    subject: int
    versions: list[dict[str, Any]]
    hashes: list[str | None]
    seen_block: int = 0
    # Not remembered: after a restart it is handed over again at once, and a node may have it.
    is_new: bool = field(default=False, compare=False)
    refusal: str = field(default="", compare=False)
    handed_over_s: float | None = field(default=None, compare=False)
    passed_s: float | None = field(default=None, compare=False)
    looks_since_passed: int = field(default=0, compare=False)
    looks_cut_off: int = field(default=0, compare=False)

    @property
    def key(self) -> FlightKey:
        """Return what no other flight has."""
        return self.account, self.nonce, self.purpose, self.subject

    @property
    def is_harmless(self) -> bool:
        """Return whether it may happen late, or once more: at worst the contract refuses it."""
        return self.purpose in _HARMLESS

    @property
    def newest(self) -> dict[str, Any]:
        """Return the version with the highest fees."""
        return self.versions[-1]

    @property
    def fees(self) -> Fees:
        """Return the newest version's fees."""
        maximum_wei = int(self.newest["maxFeePerGas"])
        return Fees(maximum_wei, int(self.newest["maxPriorityFeePerGas"]), maximum_wei)


class Journal(Protocol):
    """Remembers flights over a restart."""

    def flights(self, account: ChecksumAddress) -> list[Flight]:
        """Return an account's flights, by their nonces."""

    def save_flight(self, flight: Flight) -> None:
        """Remember a flight as it is now."""

    def forget_flights(self, flights: Iterable[Flight]) -> None:
        """Remember flights no longer."""


class ShortJournal:
    """Remembers flights as long as this process lives."""

    def __init__(self) -> None:
        self._flights: dict[FlightKey, Flight] = {}

    def flights(self, account: ChecksumAddress) -> list[Flight]:
        """Return an account's flights, by their nonces."""
        mine = [flight for flight in self._flights.values() if flight.account == account]
        return sorted(mine, key=lambda flight: flight.nonce)

    def save_flight(self, flight: Flight) -> None:
        """Remember a flight as it is now."""
        self._flights[flight.key] = flight

    def forget_flights(self, flights: Iterable[Flight]) -> None:
        """Remember flights no longer."""
        for flight in flights:
            self._flights.pop(flight.key, None)
