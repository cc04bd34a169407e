"""The requests that ended long ago: looked up a few at a time, and kept over a restart.

The chain is the truth, and all that is kept may be lost at any time. It belongs to one contract on
one chain, and holds as long as the block that it was last read at is on that chain.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import astuple, dataclass
from itertools import islice
from pathlib import Path
from time import monotonic

from web3 import Web3

from market.contract import DemandReduction
from market.model import Request, Status
from market.node import Block, NodeUnavailableError, is_on_chain

PAST_FILE = "past.sqlite3"

# Little enough for a node that allows few questions, and not to keep anybody waiting.
_AT_A_TIME, _LONGEST_S = 10, 0.3
_VERSION = 1
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS anchors (
    chain TEXT NOT NULL, contract TEXT NOT NULL, number INTEGER NOT NULL, hash TEXT NOT NULL,
    PRIMARY KEY (chain, contract)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS requests (
    chain TEXT NOT NULL, contract TEXT NOT NULL, request_id INTEGER NOT NULL,
    cancelled INTEGER NOT NULL, gate_closure_s INTEGER NOT NULL, reduction_wh INTEGER NOT NULL,
    clearing_price_wei_per_wh TEXT NOT NULL,
    PRIMARY KEY (chain, contract, request_id)
) WITHOUT ROWID;
PRAGMA user_version = {_VERSION};
"""


@dataclass(frozen=True, slots=True)
class Ended:
    """What is kept of a request; its clearing price is 0 where nothing was bought."""

    request_id: int
    cancelled: bool
    gate_closure_s: int
    reduction_wh: int
    clearing_price_wei_per_wh: int


def ended(request: Request) -> Ended:
    """Return what is kept of a request."""
    return Ended(
        request.request_id,
        request.status == Status.CANCELLED,
        request.gate_closure,
        request.reduction_wh,
        request.clearing_price_wei_per_wh,
    )


class PastRequests:
    """The past requests of a contract, the newest of them looked up first."""

    def __init__(self, path: Path | None, chain: str, contract: str) -> None:
        """Begin with what the file holds; without one, or where it is no use, with nothing."""
        self.chain = chain
        self._key = (chain, contract)
        self._known: dict[int, Ended] = {}
        self._anchor: tuple[int, str] | None = None
        self._doubted = True
        self._db: sqlite3.Connection | None = None
        if path:
            with suppress(sqlite3.Error):
                self._db = _opened(path)
                self._load(self._db)

    @property
    def known(self) -> Mapping[int, Ended]:
        """The requests that were looked up."""
        return self._known

    def unknown_before(self, first_recent: int) -> int:
        """Return the newest of the requests that were not looked up yet; 0 if all were."""
        return next(self._unknown(first_recent), 0)

    def doubt(self) -> None:
        """Look whether what is known still holds before anything is added to it."""
        self._doubted = True

    def look_up(self, market: DemandReduction, head: Block, first_recent: int) -> None:
        """Look a few more requests up, as they are at a block; for a fraction of a second."""
        with suppress(NodeUnavailableError):
            self._check(market.web3)
        if self._doubted:
            return
        found: list[Ended] = []
        until_s = monotonic() + _LONGEST_S
        with suppress(NodeUnavailableError):
            for request_id in islice(self._unknown(first_recent), _AT_A_TIME):
                found.append(ended(market.request(request_id, head.number)))
                if monotonic() > until_s:
                    break
        if found:
            self._keep(found, head)

    def close(self) -> None:
        """Let go of the file."""
        if self._db:
            self._db.close()
            self._db = None

    def _unknown(self, first_recent: int) -> Iterator[int]:
        return (i for i in range(first_recent - 1, 0, -1) if i not in self._known)

    def _check(self, web3: Web3) -> None:
        """Forget all that was read on a chain which is no longer the one there is."""
        if not self._doubted:
            return
        holds = is_on_chain(web3, *self._anchor) if self._anchor else True
        if holds is False:
            self._forget()
        # A node that is behind cannot tell yet.
        self._doubted = holds is None

    def _load(self, db: sqlite3.Connection) -> None:
        where = "WHERE (chain, contract) = (?, ?)"
        self._anchor = db.execute(f"SELECT number, hash FROM anchors {where}", self._key).fetchone()
        rows = db.execute(
            "SELECT request_id, cancelled, gate_closure_s, reduction_wh, clearing_price_wei_per_wh "
            f"FROM requests {where}",
            self._key,
        )
        for request_id, cancelled, closure_s, reduction_wh, price in rows if self._anchor else ():
            self._known[request_id] = Ended(
                request_id, bool(cancelled), closure_s, reduction_wh, int(price)
            )

    def _keep(self, found: list[Ended], head: Block) -> None:
        self._known.update({one.request_id: one for one in found})
        self._anchor = (head.number, head.hash)
        rows = [(*self._key, *astuple(one)[:-1], str(astuple(one)[-1])) for one in found]
        with suppress(sqlite3.Error, OverflowError):
            if self._db:
                with self._db:
                    self._db.executemany(
                        "INSERT OR REPLACE INTO requests VALUES (?, ?, ?, ?, ?, ?, ?)", rows
                    )
                    self._db.execute(
                        "INSERT OR REPLACE INTO anchors VALUES (?, ?, ?, ?)",
                        (*self._key, *self._anchor),
                    )

    def _forget(self) -> None:
        self._known.clear()
        self._anchor = None
        with suppress(sqlite3.Error):
            if self._db:
                with self._db:
                    for table in ("requests", "anchors"):
                        self._db.execute(
                            f"DELETE FROM {table} WHERE (chain, contract) = (?, ?)", self._key
                        )


def _opened(path: Path) -> sqlite3.Connection:
    """Return the database with its tables; one of another version starts anew."""
    # Whoever looks next may be another thread than this one, but never two at a time.
    db = sqlite3.connect(path, timeout=1, check_same_thread=False)
    try:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version not in (0, _VERSION):
            db.executescript("DROP TABLE IF EXISTS anchors; DROP TABLE IF EXISTS requests;")
        if version != _VERSION:
            db.executescript(_SCHEMA)
    except sqlite3.Error:
        db.close()
        raise
    return db
