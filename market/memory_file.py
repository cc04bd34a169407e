"""The SQLite file of what a device remembers: its tables, and how it is opened."""

import sqlite3
from contextlib import closing
from pathlib import Path

_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS rounds (
    chain TEXT NOT NULL, contract TEXT NOT NULL, account TEXT NOT NULL,
    request_id INTEGER NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL,
    terms TEXT NOT NULL, answered_s INTEGER, block_number INTEGER, block_hash TEXT,
    transaction_hash TEXT, gas_used INTEGER NOT NULL, fee_wei TEXT NOT NULL, results TEXT,
    PRIMARY KEY (chain, contract, account, request_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS bids (
    chain TEXT NOT NULL, contract TEXT NOT NULL, account TEXT NOT NULL,
    request_id INTEGER NOT NULL, position INTEGER NOT NULL, bid_id INTEGER,
    energy_wh INTEGER NOT NULL, price_level INTEGER NOT NULL, device TEXT,
    PRIMARY KEY (chain, contract, account, request_id, position)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS flights (
    chain TEXT NOT NULL, account TEXT NOT NULL, nonce INTEGER NOT NULL,
    purpose TEXT NOT NULL, subject INTEGER NOT NULL, versions TEXT NOT NULL, hashes TEXT NOT NULL,
    seen_block INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (chain, account, nonce, purpose, subject)
) WITHOUT ROWID;
"""


def open_tables(name: str) -> sqlite3.Connection:
    """Return a database with the tables; one of another version of this program starts anew."""
    db = sqlite3.connect(name, timeout=5, check_same_thread=False)
    db.row_factory = sqlite3.Row
    try:
        db.execute("PRAGMA journal_mode = WAL")
        # Whatever is sent is noted before: a power cut must not take the note and leave the rest.
        db.execute("PRAGMA synchronous = FULL")
        _migrate(db)
        # It may only be for reading: that shows when something is written.
        db.execute("BEGIN IMMEDIATE")
        db.execute("ROLLBACK")
    except sqlite3.Error:
        db.close()
        raise
    return db


def open_to_read(path: Path) -> sqlite3.Connection:
    """Return a memory's database, which nothing is written to; sqlite3.Error if it is none.

    One that nobody writes to at present is opened so that no file comes into being beside it.
    """
    at_rest = "" if path.with_name(f"{path.name}-wal").exists() else "&immutable=1"
    db = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode=ro{at_rest}", uri=True, timeout=5, check_same_thread=False
    )
    db.row_factory = sqlite3.Row
    try:
        with closing(db.execute("PRAGMA user_version")) as answer:
            version = int(answer.fetchone()[0])
        if version != _VERSION:
            raise sqlite3.DatabaseError("it is not of this version of the program")
    except sqlite3.Error:
        db.close()
        raise
    return db


def _migrate(db: sqlite3.Connection) -> None:
    with closing(db.execute("PRAGMA user_version")) as answer:
        version = int(answer.fetchone()[0])
    if version == _VERSION:
        # To say so again would write to the file, which others look into every second.
        _add_missing_column(db)
        return
    if version:
        for table in ("rounds", "bids", "flights"):
            db.execute(f"DROP TABLE IF EXISTS {table}")
    db.executescript(_SCHEMA)
    db.execute(f"PRAGMA user_version = {_VERSION}")


def _add_missing_column(db: sqlite3.Connection) -> None:
    """Have the flights of a file that is older than this column know no block."""
    columns = [row["name"] for row in db.execute("PRAGMA table_info(flights)").fetchall()]
    if "seen_block" not in columns:
        db.execute("ALTER TABLE flights ADD COLUMN seen_block INTEGER NOT NULL DEFAULT 0")
