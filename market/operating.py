"""A round as the operator sees it: asked for, watched, settled, and finished after a break."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from market import report
from market.endings import UndoneError
from market.errors import MarketError
from market.invocation import command
from market.journals import remembered
from market.model import Request, Status, Terms
from market.prompts import ask, confirmed, unattended
from market.requested import LostError
from market.reverts import RevertError
from market.rounds import Spending
from market.runs import Run
from market.session import Session
from market.settings import Settings
from market.units import (
    bidding_seconds,
    format_kwh,
    parse_decimal,
    price_step_wei_floor,
    price_wei_per_wh,
    reduction_wh,
)
from market.utility import Utility

_DEFAULT_BIDDING_SECONDS = "60"
# A countdown should count every second.
_COUNTDOWN_S = 1.0
_MOST_DIGITS = 9


def utility_of(session: Session) -> Utility:
    """Return the utility, if the account is the contract's; a node that is away is waited for."""
    utility = _any_utility(session)
    owner = utility.owner()
    if utility.sender.signer.address != owner:
        raise MarketError(
            f"{utility.sender.signer.address} is not the utility of this contract, {owner} is: "
            "mend UTILITY_ACCOUNT in .env, or deploy a contract of your own"
        )
    return utility


def request_interactively(session: Session) -> None:
    """Ask for a request's terms, then carry it through."""
    utility = utility_of(session)
    session.out.print(f"Utility {utility.sender.signer.address}")
    _offer_to_finish(session, utility)
    terms = _terms(
        session.settings,
        partial(ask, "Reduction (kWh)"),
        partial(ask, "Highest price (ETH/kWh)"),
        partial(ask, "Bidding time (s)", _DEFAULT_BIDDING_SECONDS),
    )
    report.print_terms(session.out, terms)
    if confirmed("Send the request?"):
        _carry_through(session, utility, terms)
    else:
        session.out.print("Nothing was sent")
    _stay_until_final(session, utility)


def request_unattended(session: Session, written: Sequence[str]) -> None:
    """Carry a request through without questions: kWh, ETH/kWh and, if not 60, seconds as text.

    One that an earlier run has made is gone on with, and no other one is made.
    """
    if len(written) not in (2, 3):
        raise MarketError(f"A request is written like this: {unattended()}")
    reduction, price, seconds = [*written, _DEFAULT_BIDDING_SECONDS][:3]
    terms = _terms(session.settings, lambda: reduction, lambda: price, lambda: seconds)
    utility = utility_of(session)
    if broken_off := _resumed(session, utility):
        _go_on(session, utility, broken_off, _broken_off_line(broken_off))
    elif alike := utility.unnoted(terms):
        _go_on(session, utility, alike, _alike_line(alike))
    else:
        for request in utility.waiting():
            line = f"{_waiting_line(utility, request)}: {_finish_it()}"
            session.out.print(line, style="yellow")
        report.print_terms(session.out, terms)
        _carry_through(session, utility, terms, beside=0)
    _stay_until_final(session, utility)


def finish_requests(session: Session) -> None:
    """Select and pay the winners of every request whose gate has closed; anybody may do that."""
    utility = _any_utility(session)
    utility.take_up_ended()
    due = [request for request in utility.unfinished() if _is_due(utility, request)]
    try:
        for request in due:
            session.out.print(f"Request {request.request_id}", style="bold")
            utility.spending = Spending()
            _settle(session, utility, request.request_id)
    except KeyboardInterrupt:
        _say_how_to_finish(session, "What is not finished stays as it is")
        raise
    if not due:
        session.out.print("No request waits to be finished")
    _stay_until_final(session, utility)


def cancel_request(session: Session, words: Sequence[str]) -> None:
    """Cancel a request before its gate closure, and stay until that is final."""
    utility, written = utility_of(session), " ".join(words)
    if not written.isdecimal() or len(written) > _MOST_DIGITS:
        raise MarketError(f'"{written}" is not the number of a request: write one such as 1')
    try:
        _cancel(session, utility, int(written))
    except RevertError as refusal:
        if refusal.name != "GateClosed":
            raise
        raise MarketError(f"{refusal}: {_finish_it()}") from None
    _stay_until_final(session, utility, _cancel_again, ("cancel", written))


def _any_utility(session: Session) -> Utility:
    """Return somebody who can finish requests, which is anybody."""
    sender = remembered(session, session.utility_sender())
    tell = sender.patience.tell
    market = sender.patience(session.market)
    poll_seconds = min(session.settings.poll_seconds, _COUNTDOWN_S)
    run = Run(session.settings.database_folder, tell)
    confirmations = session.settings.final_after(remote=session.remote)
    return Utility(market, sender, poll_seconds, tell=tell, run=run, confirmations=confirmations)


def _offer_to_finish(session: Session, utility: Utility) -> None:
    """Ask whether to go on with what an earlier run has left, before anything new.

    What somebody was asked of no longer counts as broken off: it waits like any other request.
    """
    asked: set[int] = set()
    while broken_off := _resumed(session, utility):
        session.out.print(_broken_off_line(broken_off))
        if broken_off.status in (Status.BIDDING, Status.CLEARED):
            _offer(session, utility, broken_off)
        else:
            _settle(session, utility, broken_off.request_id)
        utility.seen_through(broken_off.request_id)
        asked.add(broken_off.request_id)
    for request in utility.waiting():
        if request.request_id not in asked:
            _offer(session, utility, request)


def _resumed(session: Session, utility: Utility) -> Request | None:
    """Return what a run that was broken off has left, once it is on the chain."""
    try:
        return utility.resume()
    except KeyboardInterrupt:
        _say_how_to_finish(session, "What an earlier run has sent goes on")
        raise


def _offer(session: Session, utility: Utility, request: Request) -> None:
    if confirmed(f"{_waiting_line(utility, request)}: go on with it now?", default=True):
        _see_through(session, utility, request.request_id)


def _go_on(session: Session, utility: Utility, request: Request, line: str) -> None:
    line = f"{line}: going on with it, nothing new is requested"
    _see_through(session, utility, request.request_id, line, style="yellow")


def _alike_line(request: Request) -> str:
    return (
        f"Request {request.request_id} has these terms and is not finished "
        f"(for another one beside it: {command('utility')})"
    )


def _broken_off_line(request: Request) -> str:
    return f"Request {request.request_id} was sent by a run that was broken off"


def _finish_it() -> str:
    return f"finish it with: {command('utility', 'finish')}"


def _waiting_line(utility: Utility, request: Request) -> str:
    which = f"Request {request.request_id} of {format_kwh(request.reduction_wh)} kWh"
    if _is_due(utility, request):
        return f"{which} waits for its winners to be selected and paid"
    return f"{which} takes bids for {request.gate_closure - utility.now_s()} s more"


def _is_due(utility: Utility, request: Request) -> bool:
    closed = request.gate_closure <= utility.now_s()
    return request.status == Status.CLEARED or closed


def _carry_through(
    session: Session, utility: Utility, terms: Terms, beside: int | None = None
) -> None:
    """Make a request and see it through, or the one that turns out to be the same."""
    try:
        request = utility.request(terms, beside)
        is_new = utility.has_made(request)
    except KeyboardInterrupt:
        _say_how_to_finish(session, "The request may have been sent, and then goes on")
        raise
    if is_new:
        line = f"Request {request.request_id} is open"
        _see_through(session, utility, request.request_id, line, style="bold")
    else:
        _go_on(session, utility, request, _alike_line(request))


def _see_through(
    session: Session, utility: Utility, request_id: int, line: str = "", style: str = ""
) -> None:
    """Say so, watch an open request, and settle it when its gate has closed."""
    try:
        if line:
            session.out.print(line, style=style)
        report.watch(session.out, utility.until_gate_closure(request_id))
        _settle(session, utility, request_id)
    except LostError:
        raise
    except (KeyboardInterrupt, MarketError):
        _say_how_to_finish(session, f"Request {request_id} goes on")
        raise


def _cancel(session: Session, utility: Utility, request_id: int) -> None:
    try:
        sent = utility.cancel(request_id)
    except KeyboardInterrupt:
        make_sure = command("utility", "cancel", str(request_id))
        line = f"It may be cancelled all the same; to make sure: {make_sure}"
        session.out.print(line, style="yellow")
        raise
    how = f"({sent.gas_used:,} gas)" if sent else "already"
    session.out.print(f"Request {request_id} is cancelled {how}", style="green")


def _cancel_again(session: Session, utility: Utility, request_id: int) -> None:
    """Cancel a request that a reorganisation has opened again, or finish it if that is too late."""
    try:
        _cancel(session, utility, request_id)
    except RevertError as refusal:
        if refusal.name != "GateClosed":
            raise
        session.tell(f"{refusal}: finishing it")
        _see_through(session, utility, request_id)


def _stay_until_final(
    session: Session,
    utility: Utility,
    end_again: Callable[[Session, Utility, int], None] = _see_through,
    words: Sequence[str] = ("finish",),
) -> None:
    """Stay until no reorganisation undoes the end of a request; one that it undoes ends again."""
    try:
        while undone_id := _watch_final(session, utility, command("utility", *words)):
            end_again(session, utility, undone_id)
    except KeyboardInterrupt:
        utility.leave()
        raise


def _watch_final(session: Session, utility: Utility, later: str) -> int | None:
    """Return the request whose end was undone, None once all is final."""
    try:
        report.watch_final(session.out, utility.until_final(), later)
    except UndoneError as undone:
        session.tell(undone)
        return undone.request_id
    return None


def _say_how_to_finish(session: Session, what: str) -> None:
    session.out.print(
        f"{what} without this program. After gate closure, {_finish_it()}",
        style="yellow",
    )


def _settle(session: Session, utility: Utility, request_id: int) -> None:
    """Finish a request, and print what it brought."""
    with suppress(UndoneError):
        for request in utility.finish(request_id):
            report.print_progress(session.out, request)
        report.print_round(session.out, utility.round(request_id))
        return
    _settle(session, utility, request_id)


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
