"""What a session's account remembers, in the session's database folder."""

from collections.abc import Callable, Iterable
from functools import partial

from eth_typing import ChecksumAddress

from market.contract import REQUEST_PURPOSE
from market.deployment import PURPOSE as DEPLOY_PURPOSE
from market.desk import PURPOSE as BIDS_PURPOSE
from market.errors import MarketError
from market.finality import newest_final
from market.flight import Flight
from market.memory import MEMORY_FILE, Memory
from market.node import chain_name, latest_block, node_errors
from market.progress import State
from market.session import Session
from market.transactions import Sender
from market.units import format_gwei

_UNFINISHED = (State.SENT, State.PLACED, State.PASSED, State.DECIDED)
# Needed until somebody has seen them through.
_LASTING = (REQUEST_PURPOSE, DEPLOY_PURPOSE)


def open_memory(session: Session, sender: Sender, tell: Callable[[MarketError], None]) -> Memory:
    """Return what is remembered of an account in the session's contract, and have it kept up.

    Transactions that nobody needs any more are forgotten.
    """
    memory = _opened(session, sender, session.settings.require_contract(), tell)
    sender.journal = memory
    forget_old_flights(memory, sender, session.settings.final_after(remote=session.remote))
    return memory


def remembered(session: Session, sender: Sender, *, contract: str | None = None) -> Sender:
    """Return the sender of a command, whose transactions other programs of the account know of.

    A node that is away is waited for. The contract is the session's if none is given. MarketError
    if there is no folder to remember anything in.
    """
    session.settings.require_database_folder()

    def open_it() -> Memory:
        where = session.settings.require_contract() if contract is None else contract
        return _opened(session, sender, where, session.tell)

    sender.patience.tell = session.tell
    memory = sender.patience(open_it)
    confirmations = session.settings.final_after(remote=session.remote)
    sender.patience(partial(forget_old_flights, memory, sender, confirmations))
    sender.journal = _Commands(memory)
    sender.on_replaced = lambda _hash, fee_wei: session.tell(
        f"The transaction waits for a block: sent again for at most {format_gwei(fee_wei)} gwei "
        "a unit of gas"
    )
    return sender


def forget_old_flights(memory: Memory, sender: Sender, confirmations: int) -> None:
    """Forget the transactions in whose place something is so deep in the chain that it stays.

    Those with bids are needed until the outcome is final, and a request or a contract until it has
    been seen through.
    """
    account = sender.signer.address
    unneeded = [f for f in memory.flights(account) if f.purpose not in _LASTING]
    if not unneeded:
        return
    bid_in = {known.request_id for known in memory.rounds(*_UNFINISHED)}
    deep = max(0, newest_final(latest_block(sender.web3), confirmations))
    with node_errors(sender.web3):
        passed = sender.web3.eth.get_transaction_count(account, deep)
    memory.forget_flights(
        flight
        for flight in unneeded
        if flight.nonce < passed
        and not (flight.purpose == BIDS_PURPOSE and flight.subject in bid_in)
    )


class _Commands:
    """The memory without the bids: they are the consumer's, which urges them on with more care."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def flights(self, account: ChecksumAddress) -> list[Flight]:
        """Return an account's flights, by their nonces."""
        return [f for f in self._memory.flights(account) if f.purpose != BIDS_PURPOSE]

    def save_flight(self, flight: Flight) -> None:
        """Remember a flight as it is now."""
        self._memory.save_flight(flight)

    def forget_flights(self, flights: Iterable[Flight]) -> None:
        """Remember flights no longer."""
        self._memory.forget_flights(flights)


def _opened(
    session: Session, sender: Sender, contract: str, tell: Callable[[MarketError], None]
) -> Memory:
    memory = Memory(
        session.settings.database_folder / MEMORY_FILE,
        chain_name(session.web3),
        contract,
        sender.signer.address,
    )
    if memory.problem:
        tell(memory.problem)
    memory.on_problem = tell
    return memory
