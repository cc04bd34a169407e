"""What the scripts do, each command from its arguments to its last line."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from time import sleep

from eth_typing import ChecksumAddress
from rich.prompt import Confirm, Prompt

from market import report
from market.clearing import Access
from market.consumer import Consumer
from market.contract import Standing, Status, Terms, deploy
from market.errors import MarketError
from market.explorer import publish_source
from market.node import NodeUnavailableError, chain_time_s
from market.session import Session
from market.settings import Settings, checked_address, remember_contract
from market.transactions import Sender, UnconfirmedError
from market.units import (
    bidding_seconds,
    format_eth,
    parse_decimal,
    price_step_wei_floor,
    price_wei_per_wh,
    reduction_wh,
)
from market.utility import Utility

ROOT = Path(__file__).parent.parent
_DEFAULT_BIDDING_SECONDS = "60"
_UNATTENDED = "brownie run scripts/utility.py request 5 0.004 60"


def deploy_contract(session: Session) -> None:
    """Deploy the contract and write its address into .env."""
    sender = session.utility_sender()
    access = session.settings.access
    address, sent = deploy(sender, access)
    session.out.print(f"Contract deployed at {address}", style="green")
    session.out.print(f"  utility {sender.signer.address}, access {access.name}")
    session.out.print(
        f"  {sent.gas_used:,} gas = {format_eth(sent.fee_wei)} ETH, transaction {sent.hash}"
    )
    remember_contract(session.settings.env_file, ROOT / ".env.template", address)
    session.out.print(f"CONTRACT_ADDRESS is written into {session.settings.env_file.name}")
    if session.settings.contract_is_overridden():
        session.out.print(
            "  but the CONTRACT_ADDRESS in the environment wins: unset it", style="red"
        )
    if session.remote and session.settings.etherscan_token:
        session.out.print("Publishing the source; this takes a minute ...")
        publish_source(session.settings, session.web3.eth.chain_id, address, access)
        session.out.print("The source is published")


def register_consumer(session: Session) -> None:
    """Register the consumer where the contract wants that, and say so where it does not."""
    market, sender = session.market(), session.consumer_sender()
    consumer = sender.signer.address
    if market.access() == Access.OPEN:
        session.out.print(f"Anybody may bid in this contract: {consumer} need not register")
        return
    standing = market.standing(consumer)
    if standing in (Standing.UNKNOWN, Standing.REVOKED):
        sent = market.register(sender)
        session.out.print(f"{consumer} is registered ({sent.gas_used:,} gas)", style="green")
    else:
        session.out.print(f"{consumer} is {standing.name.lower()} already")
    if not market.is_allowed(consumer):
        raise MarketError(f"{consumer} cannot bid yet: the utility must approve it first")


def consume(session: Session) -> None:
    """Answer every request with the bids of bids.json, until stopped."""
    market, sender = session.market(), session.consumer_sender()
    reporter = report.ConsumerReporter(session.out)
    folder = session.settings.database_folder
    consumer = Consumer(market, sender, folder / "bids.json", folder / "results.json", reporter)
    consumer.load_bids()
    balance = format_eth(sender.balance_wei())
    reporter.note(f"Consumer {sender.signer.address} ({balance} ETH) at contract {market.address}")
    if not market.is_allowed(sender.signer.address):
        raise MarketError(
            f"{sender.signer.address} may not bid in this contract: "
            "run `brownie run scripts/register.py`, or ask the utility for approval"
        )
    reporter.note("Waiting for requests; stop with Ctrl-C")
    _repeat(consumer, reporter, session.settings.poll_seconds)


def request_interactively(session: Session) -> None:
    """Ask for a request's terms, then carry it through."""
    utility = _utility(session)
    session.out.print(f"Utility {utility.sender.signer.address}")
    terms = _terms(
        session.settings,
        partial(_ask, "Reduction (kWh)"),
        partial(_ask, "Highest price (ETH/kWh)"),
        partial(_ask, "Bidding time (s)", _DEFAULT_BIDDING_SECONDS),
    )
    report.print_terms(session.out, terms)
    if not _confirmed("Send the request?"):
        session.out.print("Nothing was sent")
        return
    _carry_through(session, utility, terms)


def request_unattended(session: Session, written: Sequence[str]) -> None:
    """Carry a request through without questions: kWh, ETH/kWh and, if not 60, seconds as text."""
    if len(written) not in (2, 3):
        raise MarketError(f"A request is written like this: {_UNATTENDED} [remote]")
    reduction, price, seconds = [*written, _DEFAULT_BIDDING_SECONDS][:3]
    terms = _terms(session.settings, lambda: reduction, lambda: price, lambda: seconds)
    utility = _utility(session)
    report.print_terms(session.out, terms)
    _carry_through(session, utility, terms)


def finish_requests(session: Session) -> None:
    """Select and pay the winners of every request whose gate has closed; anybody may do that."""
    market, sender = session.market(), session.utility_sender()
    now_s = chain_time_s(session.web3)
    due = [r for r in market.unfinished() if r.status == Status.CLEARED or r.gate_closure <= now_s]
    for request in due:
        session.out.print(f"Request {request.request_id}", style="bold")
        utility = Utility(market, sender, session.settings.poll_seconds)
        _settle(session, utility, request.request_id)
    if not due:
        session.out.print("No request waits to be finished")


def cancel_request(session: Session, request_id: str) -> None:
    """Cancel a request before its gate closure."""
    utility = _utility(session)
    if not request_id.isdecimal():
        raise MarketError(f'"{request_id}" is not the number of a request: write one such as 1')
    sent = utility.market.cancel_request(utility.sender, int(request_id))
    session.out.print(f"Request {request_id} is cancelled ({sent.gas_used:,} gas)", style="green")


def approve_consumers(session: Session, consumers: Sequence[str]) -> None:
    """Approve consumers by their addresses."""
    utility = _utility(session)
    sent = utility.market.approve(utility.sender, _addresses(consumers))
    session.out.print(f"{len(consumers)} approved ({sent.gas_used:,} gas)", style="green")


def revoke_consumers(session: Session, consumers: Sequence[str]) -> None:
    """Take registration and approval from consumers, by their addresses."""
    utility = _utility(session)
    sent = utility.market.revoke(utility.sender, _addresses(consumers))
    session.out.print(f"{len(consumers)} revoked ({sent.gas_used:,} gas)", style="green")


def withdraw_deferred(session: Session, sender: Sender) -> None:
    """Take out what could not be pushed to an account."""
    market, payee = session.market(), sender.signer.address
    amount_wei = market.deferred_wei(payee)
    if not amount_wei:
        session.out.print(f"Nothing waits to be withdrawn by {payee}")
        return
    market.withdraw(sender)
    session.out.print(f"{format_eth(amount_wei)} ETH withdrawn by {payee}", style="green")


def _addresses(written: Sequence[str]) -> list[ChecksumAddress]:
    if not written:
        raise MarketError("No consumer is named: write one or more addresses")
    return [checked_address(address, "consumer") for address in written]


def _carry_through(session: Session, utility: Utility, terms: Terms) -> None:
    try:
        request = utility.request(terms)
    except (KeyboardInterrupt, UnconfirmedError):
        _say_how_to_finish(session, "The request may have been sent, and then goes on")
        raise
    session.out.print(f"Request {request.request_id} is open", style="bold")
    try:
        report.watch(session.out, utility.until_gate_closure(request.request_id))
        _settle(session, utility, request.request_id)
    except (KeyboardInterrupt, MarketError):
        _say_how_to_finish(session, f"Request {request.request_id} goes on")
        raise


def _say_how_to_finish(session: Session, what: str) -> None:
    session.out.print(
        f"{what} without this program. After gate closure, finish it with: "
        "brownie run scripts/utility.py finish",
        style="yellow",
    )


def _settle(session: Session, utility: Utility, request_id: int) -> None:
    for request in utility.finish(request_id):
        report.print_progress(session.out, request)
    report.print_round(session.out, utility.round(request_id))


def _repeat(consumer: Consumer, reporter: report.ConsumerReporter, poll_seconds: float) -> None:
    """Step for ever; say once when the node goes away, and once when it is back."""
    away = False
    while True:
        try:
            consumer.step()
            if away:
                reporter.note("The node answers again")
            away = False
        except NodeUnavailableError as problem:
            if not away:
                reporter.problem(problem)
            away = True
        sleep(poll_seconds)


def _utility(session: Session) -> Utility:
    """Return the utility, if the account is the contract's."""
    market, sender = session.market(), session.utility_sender()
    owner = market.owner()
    if sender.signer.address != owner:
        raise MarketError(
            f"{sender.signer.address} is not the utility of this contract, {owner} is: "
            "mend UTILITY_ACCOUNT in .env, or deploy a contract of your own"
        )
    return Utility(market, sender, session.settings.poll_seconds)


def _terms(
    settings: Settings,
    reduction_kwh: Callable[[], str],
    price_eth_per_kwh: Callable[[], str],
    seconds: Callable[[], str],
) -> Terms:
    """Return the terms that somebody writes; each is checked before the next is asked for."""
    return Terms(
        reduction_wh=reduction_wh(parse_decimal(reduction_kwh())),
        price_step_wei=price_step_wei_floor(price_wei_per_wh(parse_decimal(price_eth_per_kwh()))),
        bidding_seconds=bidding_seconds(parse_decimal(seconds())),
        minimum_bid_wh=settings.minimum_bid_wh,
        pricing=settings.pricing,
    )


def _ask(question: str, default: str | None = None) -> str:
    try:
        answer = Prompt.ask(question, default=default)
    except EOFError:
        raise _nobody_answers() from None
    return answer or ""


def _confirmed(question: str) -> bool:
    try:
        return Confirm.ask(question, default=False)
    except EOFError:
        raise _nobody_answers() from None


def _nobody_answers() -> MarketError:
    return MarketError(f"Nobody answers the questions: use `{_UNATTENDED}`")
