"""What the short commands do, each from its arguments to its last line."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from eth_typing import ChecksumAddress

from market.clearing import Access
from market.contract import DemandReduction
from market.deployment import deploy, seen_through
from market.errors import MarketError
from market.explorer import publish_source, standard_input
from market.journals import remembered
from market.keystore import new_account
from market.landing import Sent
from market.launching import BusyError, DroppedError, DryRunError, RefusedError
from market.model import Standing
from market.operating import utility_of
from market.reverts import RevertError
from market.session import Session
from market.settings import checked_address, remember_contract
from market.transactions import Sender
from market.units import format_eth

ROOT = Path(__file__).parent.parent
T = TypeVar("T")
_DRY_RUN = "(a dry run: nothing is sent)"


def deploy_contract(session: Session) -> None:
    """Deploy the contract and write its address into .env."""
    publishes = session.remote and bool(session.settings.etherscan_token)
    if publishes:
        # What it takes is looked for before anything is spent.
        standard_input()
    sender = remembered(session, session.utility_sender(), contract="")
    access = session.settings.access
    deployment = _patiently(sender, partial(deploy, sender, access))
    address, sent = deployment.address, deployment.sent
    earlier = " by an earlier run" if deployment.is_of_earlier_run else ""
    session.out.print(f"Contract deployed at {address}{earlier}", style="green")
    session.out.print(f"  utility {sender.signer.address}, access {access.name}")
    session.out.print(
        f"  {sent.gas_used:,} gas = {format_eth(sent.fee_wei)} ETH, transaction {sent.hash}"
    )
    before = remember_contract(session.settings.env_file, ROOT / ".env.template", address)
    was = f" (was {before})" if before and before != address else ""
    session.out.print(f"CONTRACT_ADDRESS is written into {session.settings.env_file.name}{was}")
    if session.settings.contract_is_overridden():
        session.out.print(
            "  but the CONTRACT_ADDRESS in the environment wins: unset it", style="red"
        )
    if publishes:
        session.out.print("Publishing the source; this takes a minute ...")
        publish_source(session.settings, sender.patience(session.chain_id), address, access)
        session.out.print("The source is published")
    seen_through(sender)


def make_account(session: Session, words: Sequence[str]) -> None:
    """Make an account in the keystore, for a device that has no Brownie."""
    if len(words) != 1:
        raise MarketError("An account is made like this: python -m market account NAME")
    address = new_account(session.settings.keystore_folder, words[0])
    session.out.print(f"Account {words[0]} is {address}", style="green")
    session.out.print(
        f"  kept in {session.settings.keystore_folder}: copy that file and its password to a safe "
        "place, and send Ether for fees to the account",
        soft_wrap=True,
    )


def register_consumer(session: Session) -> None:
    """Register the consumer where the contract wants that, and say so where it does not."""
    sender = remembered(session, session.consumer_sender())
    market, consumer = sender.patience(session.market), sender.signer.address
    if sender.patience(market.access) == Access.OPEN:
        session.out.print(f"Anybody may bid in this contract: {consumer} need not register")
        return
    standing = sender.patience(partial(market.standing, consumer))
    if standing in (Standing.UNKNOWN, Standing.REVOKED):
        try:
            _register(session, market, sender)
        except DryRunError:
            session.out.print(f"Would register {consumer} {_DRY_RUN}")
            return
    else:
        session.out.print(f"{consumer} is {standing.name.lower()} already")
    if not sender.patience(partial(market.is_allowed, consumer)):
        raise MarketError(f"{consumer} cannot bid yet: the utility must approve it first")


def _register(session: Session, market: DemandReduction, sender: Sender) -> None:
    consumer = sender.signer.address
    try:
        sent = _patiently(sender, partial(market.register, sender))
    except RevertError as refusal:
        if refusal.name != "AlreadyRegistered":
            raise
        session.out.print(f"{consumer} is registered by a run that was broken off")
    else:
        session.out.print(f"{consumer} is registered ({sent.gas_used:,} gas)", style="green")


def approve_consumers(session: Session, consumers: Sequence[str]) -> None:
    """Approve consumers by their addresses."""
    _have_stand(session, consumers, Standing.APPROVED, DemandReduction.approve)


def revoke_consumers(session: Session, consumers: Sequence[str]) -> None:
    """Take registration and approval from consumers, by their addresses."""
    _have_stand(session, consumers, Standing.REVOKED, DemandReduction.revoke)


def _have_stand(
    session: Session,
    written: Sequence[str],
    standing: Standing,
    change: Callable[[DemandReduction, Sender, Sequence[ChecksumAddress]], Sent],
) -> None:
    """Give consumers a standing, those that do not have it yet."""
    utility, consumers = utility_of(session), _addresses(written)
    market, sender = utility.market, utility.sender
    # A run that was broken off may have sent it already.
    sender.patience(sender.end_earlier)
    others = [c for c in consumers if sender.patience(partial(market.standing, c)) != standing]
    if len(others) < len(consumers):
        session.out.print(f"{len(consumers) - len(others)} {standing.name.lower()} already")
    if others:
        sent = _patiently(sender, partial(change, market, sender, others))
        done = f"{len(others)} {standing.name.lower()} ({sent.gas_used:,} gas)"
        session.out.print(done, style="green")


def withdraw_deferred(session: Session, sender: Sender) -> None:
    """Take out what could not be pushed to an account."""
    payee = remembered(session, sender).signer.address
    market = sender.patience(session.market)
    amount_wei = sender.patience(partial(market.deferred_wei, payee))
    if not amount_wei:
        session.out.print(f"Nothing waits to be withdrawn by {payee}")
        return
    amount = format_eth(amount_wei)
    try:
        _patiently(sender, partial(market.withdraw, sender))
    except DryRunError:
        session.out.print(f"Would withdraw {amount} ETH for {payee} {_DRY_RUN}")
        return
    except RevertError as refusal:
        if refusal.name != "NothingDeferred":
            raise
        # What that one had sent was waited for.
        session.out.print(f"Withdrawn already by a run that was broken off, by {payee}")
        return
    session.out.print(f"{amount} ETH withdrawn by {payee}", style="green")


def _patiently(sender: Sender, act: Callable[[], T]) -> T:
    """Do something, however long a node is away, or others use the account."""
    return sender.patience(act, BusyError, DroppedError, RefusedError)


def _addresses(written: Sequence[str]) -> list[ChecksumAddress]:
    if not written:
        raise MarketError("No consumer is named: write one or more addresses")
    return [checked_address(address, "consumer") for address in written]
