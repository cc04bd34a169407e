"""What a session's account remembers, in the session's database folder."""

from collections.abc import Callable

from market.errors import MarketError
from market.memory import MEMORY_FILE, Memory
from market.node import chain_name
from market.session import Session
from market.transactions import Sender


def open_memory(session: Session, sender: Sender, tell: Callable[[MarketError], None]) -> Memory:
    """Return what is remembered of an account in the session's contract, and have it kept up."""
    memory = Memory(
        session.settings.database_folder / MEMORY_FILE,
        chain_name(session.web3),
        session.settings.require_contract(),
        sender.signer.address,
    )
    if memory.problem:
        tell(memory.problem)
    memory.on_problem = tell
    sender.journal = memory
    return memory
