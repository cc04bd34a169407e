"""What past requests brought: read from what the device remembers, and added up."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timezone
from itertools import groupby
from pathlib import Path

from market.errors import MarketError
from market.memory import Memory
from market.memory_file import open_to_read
from market.past_requests import Ended
from market.progress import PlacedBid, Round, State
from market.store import BidResult, Outcome

_MISSED = "no bids of this device: it was not at work"
_CANCELLED = "the utility cancelled it, and there were no bids of this device"
_UNDER_WAY = {
    State.SENT: "the bids are on their way",
    State.PLACED: "the bids are on chain, and the outcome is awaited",
    State.PASSED: "",
    State.DECIDED: "",
    State.FINAL: "",
}
_WITHOUT_RESULTS = {State.PASSED: "not bid in", State.FINAL: "reported"}


@dataclass(frozen=True, slots=True)
class PastBid:
    """A bid, and what it won if anything."""

    device: str | None
    energy_wh: int
    price_wei_per_wh: int
    accepted_wh: int = 0
    paid_wei_per_wh: int = 0
    payment_wei: int = 0
    transaction: str | None = None


@dataclass(frozen=True, slots=True)
class PastRound:
    """A request and what it brought; what is not known of it is None or empty."""

    request_id: int
    chain: str
    contract: str
    time: datetime | None
    outcome: str
    took_part: bool
    reason: str = ""
    reduction_wh: int | None = None
    clearing_price_wei_per_wh: int | None = None
    bids: tuple[PastBid, ...] = ()
    earned_wei: int = 0
    gas_used: int = 0
    fee_wei: int = 0
    final: bool = True
    transaction: str | None = None

    @property
    def sold_wh(self) -> int:
        """Return the energy that was accepted."""
        return sum(bid.accepted_wh for bid in self.bids)


@dataclass(frozen=True, slots=True)
class Total:
    """What the rounds of a month brought, or all of them."""

    name: str
    rounds: int = 0
    won: int = 0
    energy_wh: int = 0
    earned_wei: int = 0
    fee_wei: int = 0

    @property
    def net_wei(self) -> int:
        """Return what is left of the earnings after gas."""
        return self.earned_wei - self.fee_wei


@dataclass(frozen=True, slots=True)
class History:
    """Past rounds, the newest first; `problem` says why some may be missing."""

    rounds: tuple[PastRound, ...] = ()
    problem: str = ""
    months: tuple[Total, ...] = field(default=())
    total: Total = field(default_factory=lambda: Total("All"))


def load_history(
    memory_file: Path,
    market: tuple[str, str] = ("", ""),
    ended: Mapping[int, Ended] | None = None,
) -> History:
    """Return what is remembered, and of the ended requests of a market those that were missed.

    A market is the name of its chain and its contract's address.
    """
    rounds: list[PastRound] = []
    problem = ""
    try:
        for key in _markets(memory_file):
            rounds += _remembered(memory_file, key)
    except (sqlite3.Error, MarketError) as trouble:
        problem = f"{memory_file.name} cannot be read ({trouble})"
    known = {past.request_id for past in rounds if (past.chain, past.contract) == market}
    rounds += [_missed(r, *market) for i, r in (ended or {}).items() if i not in known]
    rounds.sort(key=_age, reverse=True)
    return History(tuple(rounds), problem, tuple(_months(rounds)), _added_up("All", rounds))


def utc(time_s: int) -> datetime | None:
    """Return a chain's time; None for one that no calendar has."""
    try:
        return datetime.fromtimestamp(time_s, timezone.utc)
    except (ValueError, OverflowError, OSError):
        return None


def _markets(memory_file: Path) -> list[tuple[str, str, str]]:
    """Return the chain, the contract and the account of all that is remembered."""
    if not memory_file.exists():
        return []
    with closing(open_to_read(memory_file)) as db:
        rows = db.execute("SELECT DISTINCT chain, contract, account FROM rounds").fetchall()
    return [(str(chain), str(contract), str(account)) for chain, contract, account in rows]


def _remembered(memory_file: Path, key: tuple[str, str, str]) -> Iterator[PastRound]:
    chain, contract, account = key
    memory = Memory.to_read(memory_file, chain, contract, account)
    try:
        for known in memory.rounds():
            yield _past(known, chain, contract)
    finally:
        memory.close()


def _past(known: Round, chain: str, contract: str) -> PastRound:
    results = known.results
    closure = known.terms.get("gate_closure")
    step_wei = known.terms.get("price_step_wei", 0)
    return PastRound(
        request_id=known.request_id,
        chain=chain,
        contract=contract,
        time=utc(closure) if closure else results.time if results else None,
        outcome=_outcome(known),
        took_part=known.took_part,
        reason=known.reason or _UNDER_WAY[known.state],
        reduction_wh=known.terms.get("reduction_wh"),
        clearing_price_wei_per_wh=results.clearing_price_wei_per_wh if results else None,
        bids=tuple(_bids(known.bids, results.results if results else (), step_wei)),
        earned_wei=results.total_payment_wei if results else 0,
        gas_used=known.gas_used,
        fee_wei=known.fee_wei,
        final=known.state in (State.FINAL, State.PASSED),
        transaction=known.transaction,
    )


def _outcome(known: Round) -> str:
    if known.results is None:
        return _WITHOUT_RESULTS.get(known.state, "under way")
    if known.results.status == Outcome.NO_BIDS:
        return "not bid in"
    status: Outcome = known.results.status
    return str(status.value)


def _bids(
    placed: Iterable[PlacedBid], results: Iterable[BidResult], step_wei: int
) -> Iterator[PastBid]:
    """Yield every bid with what it won; what was paid to none that is remembered comes last."""
    left = [*results]
    for bid in placed:
        won = next((r for r in left if _is_of(r, bid, step_wei)), None)
        if won:
            left.remove(won)
        yield _past_bid(bid.device, bid.energy_wh, bid.price_level * step_wei, won)
    for result in left:
        yield _past_bid(result.device, result.energy_wh, result.price_wei_per_wh, result)


def _is_of(result: BidResult, bid: PlacedBid, step_wei: int) -> bool:
    return (
        result.device == bid.device
        and result.energy_wh <= bid.energy_wh
        and result.price_wei_per_wh >= bid.price_level * step_wei
    )


def _past_bid(device: str | None, energy_wh: int, price: int, won: BidResult | None) -> PastBid:
    if won is None:
        return PastBid(device, energy_wh, price)
    return PastBid(
        device,
        energy_wh,
        price,
        won.energy_wh,
        won.price_wei_per_wh,
        won.payment_wei,
        won.transaction,
    )


def _missed(request: Ended, chain: str, contract: str) -> PastRound:
    return PastRound(
        request_id=request.request_id,
        chain=chain,
        contract=contract,
        time=utc(request.gate_closure_s),
        outcome="cancelled" if request.cancelled else "missed",
        took_part=False,
        reason=_CANCELLED if request.cancelled else _MISSED,
        reduction_wh=request.reduction_wh,
        clearing_price_wei_per_wh=request.clearing_price_wei_per_wh or None,
    )


def _months(rounds: Iterable[PastRound]) -> Iterator[Total]:
    """Yield what each month brought, by UTC, the newest first; `rounds` are in that order."""
    dated = [past for past in rounds if past.time]
    for month, group in groupby(dated, key=lambda past: f"{past.time:%Y-%m}"):
        yield _added_up(month, group)


def _added_up(name: str, rounds: Iterable[PastRound]) -> Total:
    counted = [*rounds]
    return Total(
        name,
        rounds=sum(past.took_part for past in counted),
        won=sum(past.earned_wei > 0 for past in counted),
        energy_wh=sum(past.sold_wh for past in counted),
        earned_wei=sum(past.earned_wei for past in counted),
        fee_wei=sum(past.fee_wei for past in counted),
    )


def _age(past: PastRound) -> tuple[float, int]:
    return (past.time.timestamp() if past.time else 0.0, past.request_id)
