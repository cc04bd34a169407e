"""What a device remembers between two runs, in SQLite: it saves work, and may be lost at any time.

The chain is the truth. Everything here belongs to one contract on one chain and one account.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from eth_typing import ChecksumAddress, HexAddress, HexStr

from market.errors import MarketError
from market.flight import Flight, FlightKey
from market.memory_file import open_tables, open_to_read
from market.progress import PlacedBid, Round, State
from market.store import Results

MEMORY_FILE = "market.sqlite3"

P = ParamSpec("P")
R = TypeVar("R")


def _surviving(
    method: "Callable[Concatenate[Memory, P], R]",
) -> "Callable[Concatenate[Memory, P], R]":
    """Have a method go on in the process's own memory where the file fails it."""

    @wraps(method)
    def surviving(self: "Memory", /, *arguments: P.args, **options: P.kwargs) -> R:
        for rescue in (True, False):
            try:
                return method(self, *arguments, **options)
            except (sqlite3.Error, ValueError) as problem:
                self.retreat(problem, rescue=rescue)
        return method(self, *arguments, **options)

    return surviving


class Memory:
    """The rounds and the flights of one account in one contract."""

    def __init__(
        self, path: Path | None, chain: str, contract: str, account: ChecksumAddress
    ) -> None:
        """Remember in a file, which is made if there is none; None is for this process only."""
        self.on_problem: Callable[[MarketError], None] = lambda _: None
        self.problem: MarketError | None = None
        """Why the file is not used at present, None if it is."""
        self._may_return = False
        self._changed: set[int] = set()
        self._changed_flights: set[FlightKey] = set()
        self._path = path
        self._key = (chain, contract, account)
        self._flights: dict[FlightKey, Flight] = {}
        try:
            self._db = open_tables(str(path) if path else ":memory:")
        except sqlite3.Error as problem:
            self._db = open_tables(":memory:")
            self._fail(problem)

    @classmethod
    def to_read(cls, path: Path, chain: str, contract: str, account: str) -> "Memory":
        """Look into another program's file: nothing in it is made, migrated or written.

        sqlite3.Error if it cannot be opened, and later MarketError if it cannot be read.
        """
        memory = cls(None, chain, contract, ChecksumAddress(HexAddress(HexStr(account))))
        memory._db.close()
        memory._db, memory._path = open_to_read(path), path
        memory.on_problem = _raise
        return memory

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def retreat(self, problem: Exception, *, rescue: bool) -> None:
        """Go on without the file: first with what it holds, with nothing if that is no use."""
        rescued = open_tables(":memory:")
        if rescue:
            try:
                self._db.rollback()
                self._db.backup(rescued)
            except sqlite3.Error:
                rescued = open_tables(":memory:")
            self.on_problem(self._fail(problem))
        self._db.close()
        self._db = rescued

    def _return(self) -> None:
        """Go back to the file once it can be written, with what was remembered meanwhile.

        Otherwise the next start would take up what was going on when it failed, months ago.
        """
        # Nothing else: other programs of the account have gone on with theirs in the file.
        memory, changed, keys = self._db, self._changed, self._changed_flights
        rounds = [done for done in self.rounds() if done.request_id in changed]
        flights = [flight for flight in self.flights(self._key[2]) if flight.key in keys]
        try:
            self._db = open_tables(str(self._path))
            with self._db:
                for request_id in changed:
                    self._delete(request_id)
                for done in rounds:
                    self._insert_round(done)
                for key in keys:
                    self._delete_flight(key)
                for flight in flights:
                    self._insert_flight(flight)
        except sqlite3.Error:
            if self._db is not memory:
                self._db.close()
            self._db = memory
        else:
            memory.close()
            self.problem, self._may_return = None, False
            changed.clear()
            keys.clear()

    # Rounds

    @_surviving
    def rounds(self, *states: State) -> list[Round]:
        """Return the rounds in these states, or all, the oldest first."""
        marks = ",".join("?" * len(states))
        which = f"AND state IN ({marks})" if states else ""
        rows = self._db.execute(
            f"SELECT * FROM rounds WHERE (chain, contract, account) = (?, ?, ?) {which} "
            "ORDER BY request_id",
            [*self._key, *(state.value for state in states)],
        ).fetchall()
        return [self._round(row) for row in rows]

    @_surviving
    def is_empty(self) -> bool:
        """Return whether there is no round at all."""
        found = self._db.execute(
            "SELECT 1 FROM rounds WHERE (chain, contract, account) = (?, ?, ?) LIMIT 1", self._key
        ).fetchone()
        return found is None

    @_surviving
    def final_ids(self, oldest: int) -> set[int]:
        """Return the requests from this one on whose outcome is final."""
        rows = self._db.execute(
            "SELECT request_id FROM rounds WHERE (chain, contract, account) = (?, ?, ?) "
            "AND request_id >= ? AND state = ?",
            [*self._key, oldest, State.FINAL.value],
        ).fetchall()
        return {int(row[0]) for row in rows}

    @_surviving
    def answered_since(self, time_s: int) -> int:
        """Return how many requests were answered at this chain time or later."""
        row = self._db.execute(
            "SELECT COUNT(*) FROM rounds WHERE (chain, contract, account) = (?, ?, ?) "
            "AND answered_s >= ?",
            [*self._key, time_s],
        ).fetchone()
        return int(row[0])

    @_surviving
    def save(self, *rounds: Round) -> None:
        """Remember rounds as they are now, all of them or none."""
        if self._may_return:
            self._changed.update(done.request_id for done in rounds)
            self._return()
        with self._db:
            for done in rounds:
                self._delete(done.request_id)
                self._insert_round(done)

    @_surviving
    def forget(self, request_id: int) -> None:
        """Remember a round no longer."""
        if self._may_return:
            self._changed.add(request_id)
        with self._db:
            self._delete(request_id)

    # Flights

    @_surviving
    def flights(self, account: ChecksumAddress) -> list[Flight]:
        """Return an account's flights, by their nonces."""
        rows = self._db.execute(
            "SELECT * FROM flights WHERE (chain, account) = (?, ?) ORDER BY nonce",
            [self._key[0], account],
        ).fetchall()
        return [self._flight(row) for row in rows]

    @_surviving
    def save_flight(self, flight: Flight) -> None:
        """Remember a flight as it is now."""
        self._flights[flight.key] = flight
        if self._may_return:
            self._changed_flights.add(flight.key)
        with self._db:
            self._insert_flight(flight)

    @_surviving
    def forget_flights(self, flights: Iterable[Flight]) -> None:
        """Remember flights no longer."""
        with self._db:
            for flight in flights:
                self._flights.pop(flight.key, None)
                if self._may_return:
                    self._changed_flights.add(flight.key)
                self._delete_flight(flight.key)

    # Internal

    def _delete_flight(self, key: FlightKey) -> None:
        self._db.execute(
            "DELETE FROM flights WHERE (chain, account, nonce, purpose, subject) = (?, ?, ?, ?, ?)",
            [self._key[0], *key],
        )

    def _insert_flight(self, flight: Flight) -> None:
        self._insert(
            "flights",
            *(self._key[0], flight.account, flight.nonce, flight.purpose, flight.subject),
            *(json.dumps(flight.versions, default=_json), json.dumps(flight.hashes)),
            flight.seen_block,
        )

    def _insert_round(self, done: Round) -> None:
        self._insert(
            "rounds",
            *(*self._key, done.request_id, done.state.value, done.reason),
            *(json.dumps(done.terms), done.answered_s, done.block_number, done.block_hash),
            *(done.transaction, done.gas_used, str(done.fee_wei)),
            done.results.model_dump_json(by_alias=True) if done.results else None,
        )
        for position, bid in enumerate(done.bids):
            self._insert(
                "bids",
                *(*self._key, done.request_id, position),
                *(bid.bid_id, bid.energy_wh, bid.price_level, bid.device),
            )

    def _insert(self, table: str, *values: object) -> None:
        marks = ",".join("?" * len(values))
        self._db.execute(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", values)

    def _delete(self, request_id: int) -> None:
        for table in ("rounds", "bids"):
            self._db.execute(
                f"DELETE FROM {table} WHERE (chain, contract, account, request_id) = (?, ?, ?, ?)",
                [*self._key, request_id],
            )

    def _round(self, row: sqlite3.Row) -> Round:
        return Round(
            request_id=row["request_id"],
            state=State(row["state"]),
            terms=json.loads(row["terms"]),
            bids=[*self._bids(row["request_id"])],
            reason=row["reason"],
            answered_s=row["answered_s"],
            block_number=row["block_number"],
            block_hash=row["block_hash"],
            transaction=row["transaction_hash"],
            gas_used=row["gas_used"],
            fee_wei=int(row["fee_wei"]),
            results=Results.model_validate_json(row["results"]) if row["results"] else None,
        )

    def _flight(self, row: sqlite3.Row) -> Flight:
        """Return a flight; while this process lives, always the same object.

        When it was handed over is not in the file.
        """
        read = Flight(
            account=row["account"],
            nonce=row["nonce"],
            purpose=row["purpose"],
            subject=row["subject"],
            versions=json.loads(row["versions"]),
            hashes=json.loads(row["hashes"]),
            seen_block=row["seen_block"],
        )
        known = self._flights.setdefault(read.key, read)
        # Another program of this account, such as one that withdraws, may have replaced it.
        known.versions, known.hashes, known.seen_block = read.versions, read.hashes, read.seen_block
        return known

    def _bids(self, request_id: int) -> Iterator[PlacedBid]:
        rows = self._db.execute(
            "SELECT bid_id, energy_wh, price_level, device FROM bids "
            "WHERE (chain, contract, account, request_id) = (?, ?, ?, ?) ORDER BY position",
            [*self._key, request_id],
        )
        return (PlacedBid(*row) for row in rows)

    def _fail(self, problem: Exception) -> MarketError:
        """Note, and return, why the file is not used; whether it may be later depends on that."""
        self._may_return = isinstance(problem, sqlite3.OperationalError)
        mend = "delete it"
        if self._may_return:
            mend = "check the free space, and that you may write it and in its folder"
        self.problem = MarketError(
            f"{self._path} cannot be used ({problem}), and this program goes on without it: {mend}"
        )
        return self.problem


def _raise(problem: MarketError) -> None:
    raise problem


def _json(value: Any) -> str:
    """Return what JSON has no form for: the bytes of a transaction's data."""
    return "0x" + bytes(value).hex()
