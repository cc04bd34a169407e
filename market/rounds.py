"""The account of a finished request: what it brought, and what it cost this run."""

from dataclasses import dataclass
from functools import partial
from itertools import count

from market.clearing import Bid
from market.contract import DemandReduction
from market.contract_events import NotShownYetError
from market.endings import UNFINISHED, UndoneError
from market.errors import MarketError
from market.landing import Sent
from market.logs import LogsRefusedError
from market.model import Payment, Request
from market.patience import Patience
from market.reverts import RevertError

_LOOKS_FOR_EVENTS = 5


@dataclass(slots=True)
class Spending:
    """What the transactions of this run cost."""

    gas: int = 0
    fees_wei: int = 0

    def add(self, sent: Sent) -> None:
        """Count a transaction in."""
        self.gas += sent.gas_used
        self.fees_wei += sent.fee_wei


@dataclass(frozen=True, slots=True)
class Round:
    """A finished request: everybody who bid, and what was bought of whom, as far as it is told."""

    request: Request
    bids: list[Bid]
    payments: list[Payment]
    spending: Spending


class _UntoldError(MarketError):
    """Who bid, or who was paid, cannot be learned any more."""


def account_of(
    market: DemandReduction, request_id: int, spending: Spending, patiently: Patience
) -> Round:
    """Return the account of a finished request; UndoneError if it is that no longer.

    It is without bids and payments where they can be learned no more, which is told.
    """
    request = patiently(partial(_finished, market, request_id))
    looks = count(1)

    def told() -> tuple[list[Bid], list[Payment]]:
        try:
            bids = market.bids(request_id)
            return bids, market.payments(_finished(market, request_id))
        except LogsRefusedError as problem:
            if next(looks) < _LOOKS_FOR_EVENTS:
                raise
            raise _UntoldError(f"no node tells the events ({problem})") from None
        except RevertError as refusal:
            if refusal.name != "BookReused":
                raise
            raise _UntoldError(str(refusal)) from None

    try:
        bids, payments = patiently(told, NotShownYetError)
    except _UntoldError as why:
        patiently.tell(
            MarketError(f"The bids and payments of request {request_id} cannot be shown: {why}")
        )
        bids, payments = [], []
    return Round(request, bids, payments, spending)


def _finished(market: DemandReduction, request_id: int) -> Request:
    request = market.request(request_id)
    if request.status in UNFINISHED:
        raise UndoneError(request_id)
    return request
