"""After gate closure: what a request brought, reported once and taken back if the chain does."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from market.desk import ENDED, Desk
from market.errors import MarketError
from market.finality import newest_final
from market.launching import DroppedError
from market.model import Payment, Request, Status
from market.node import Block
from market.progress import Round, State
from market.reverts import RevertError
from market.store import (
    BidResult,
    Outcome,
    PaymentState,
    Results,
    load_results,
    remove_results,
    write_results,
)

_VANISHED = "a reorganisation has taken the bids from the chain, and the gate had closed"


@dataclass(slots=True)
class Reporting:
    """Deals with requests from their end on."""

    desk: Desk
    _wanted: Results | None = None
    problem: str = ""
    """Why results.json cannot be written at present; empty if it can."""

    def decide(self, known: Round, request: Request, head: Block) -> None:
        """Report how a request ended."""
        self.desk.tell_selection(request)
        self._refresh_ids(known)
        self._look_for_part(known, head)
        results = self.results(known, request, head)
        self._write(results)
        self.desk.report.request_ended(results)
        known.state, known.results = State.DECIDED, results
        known.block_number, known.block_hash = head.number, head.hash
        self.desk.remember(known)
        if results.final:
            self._finish(known)

    def confirm(self, known: Round, request: Request, head: Block) -> None:
        """See whether an outcome is still the chain's, and old enough to stay."""
        is_open = request.status not in ENDED
        if is_open:
            # Its end was in a block after the one it rests on, or the node has not come as far yet.
            self.desk.require_not_behind(known)
        if is_open or self.desk.is_gone(known):
            self._compare(known, request, head)
        elif (known.block_number or 0) <= newest_final(head, self.desk.confirmations):
            self._finish(known)

    def _compare(self, known: Round, request: Request, head: Block) -> None:
        """Take an outcome back, unless the chain that has replaced the former has the same."""
        if request.status in ENDED and known.results:
            self._refresh_ids(known)
            self._look_for_part(known, head)
            anew = self.results(known, request, head)
            moved = {"time": anew.time, "block_number": anew.block_number}
            if anew == known.results.model_copy(update=moved):
                known.block_number, known.block_hash = head.number, head.hash
                self.desk.remember(known)
                return
        self.undo(known)
        if known.reason == _VANISHED and request.status not in ENDED:
            # Its gate may be open again.
            self.desk.forget(known.request_id)
        elif (
            known.took_part
            and request.status not in ENDED
            and not self.desk.finds_bids(known, head)
        ):
            # They have vanished together with the outcome.
            self.desk.send_again(known)

    def undo(self, known: Round) -> None:
        """Take an outcome back that was reported."""
        self.desk.report.outcome_undone(known.request_id)
        self.desk.selection_told.discard(known.request_id)
        # Before it is remembered: who is killed in between begins with the undoing once more.
        self._restore_file(known.request_id)
        known.results = known.block_number = known.block_hash = None
        known.state = State.PLACED if known.took_part else State.PASSED
        self.desk.remember(known)

    def mend_file(self) -> None:
        """Have results.json tell the newest outcome that is not final, unless it tells a newer one.

        Who was killed while taking it back may find it on the chain again at the next start.
        """
        newest, told = _newest(self.desk.memory.rounds(State.DECIDED)), None
        with suppress(MarketError):
            told = load_results(self.desk.results_file)
        if newest and (told is None or _age(told) < _age(newest)):
            self._write(newest)

    def write_again(self) -> None:
        """Try once more to write what could not be written."""
        if self.problem:
            self._write(self._wanted)

    def _write(self, results: Results | None) -> None:
        """Have results.json tell this, or be gone; that it cannot be written is told once.

        A full disk keeps nobody from bidding, nor from being told on the terminal.
        """
        self._wanted = results
        try:
            if results:
                write_results(self.desk.results_file, results)
            else:
                remove_results(self.desk.results_file)
        except MarketError as problem:
            if self.problem != str(problem):
                self.desk.report.problem(problem)
            self.problem = str(problem)
        else:
            self.problem = ""

    def _restore_file(self, undone_id: int) -> None:
        """Have results.json tell the newest outcome that still stands."""
        standing = (done for done in self.desk.memory.rounds() if done.request_id != undone_id)
        self._write(_newest(standing))

    def _finish(self, known: Round) -> None:
        """Remember an outcome for good."""
        # First, as it asks the node, which may fail: what comes after is done once.
        self.desk.forget_landed(known.request_id)
        if known.results and not known.results.final:
            known.results = known.results.model_copy(update={"final": True})
            if self._file_tells(known.request_id):
                self._write(known.results)
            self.desk.report.result_final(known.request_id, self.desk.confirmations)
        known.state = State.FINAL
        self.desk.remember(known)

    def _file_tells(self, request_id: int) -> bool:
        """Return whether results.json is, or shall be, about this request.

        Also if it cannot be read.
        """
        if self.problem:
            return self._wanted is not None and self._wanted.request_id == request_id
        with suppress(MarketError):
            return load_results(self.desk.results_file).request_id == request_id
        return True

    def _refresh_ids(self, known: Round) -> None:
        """Have the bids' ids right: a reorganisation may have brought others in before them."""
        flight = self.desk.flight(known.request_id)
        if flight is None or not known.took_part:
            return
        with suppress(RevertError, DroppedError):
            if sent := self.desk.sender.look(flight):
                # Not placed: a round that is decided goes on resting on its outcome's block.
                self.desk.identify(known, sent)

    def _look_for_part(self, known: Round, head: Block) -> None:
        """See whether bids whose block was replaced are still on chain."""
        if known.reason not in ("", _VANISHED) or not self.desk.is_gone(known):
            return
        account = self.desk.sender.signer.address
        # Of a request whose book is in use again nobody can tell any more.
        with suppress(RevertError):
            mine = self.desk.market.bids_of(account, known.request_id, head.number)
            known.reason = "" if mine else _VANISHED

    def results(self, known: Round, request: Request, head: Block) -> Results:
        """Return what an ended request brought this account."""
        market, account = self.desk.market, self.desk.sender.signer.address
        earliest = known.block_number or 0
        won = market.payments(request, account, earliest, head) if request.energy_wh else []
        devices = known.devices()
        return Results(
            results=tuple(_bid_result(payment, devices) for payment in won),
            time=self.desk.now(),
            request_id=request.request_id,
            status=_outcome(request, known, won),
            contract=market.address,
            chain_id=market.chain_id,
            clearing_price_wei_per_wh=request.clearing_price_wei_per_wh,
            final=self.desk.confirmations == 0,
            chain=self.desk.chain,
            block_number=head.number,
        )


def _newest(rounds: Iterable[Round]) -> Results | None:
    decided = (done.results for done in rounds if done.results)
    return max(decided, key=_age, default=None)


def _age(results: Results) -> tuple[int, int]:
    """Return what is higher the later an outcome was seen: the device's clock may go back."""
    return results.block_number or 0, results.request_id


def _bid_result(payment: Payment, devices: dict[int, str | None]) -> BidResult:
    return BidResult(
        energy_wh=payment.energy_wh,
        price_wei_per_wh=payment.amount_wei // payment.energy_wh,
        payment_wei=payment.amount_wei,
        device=devices.get(payment.bid_id),
        payment_state=PaymentState.PAID if payment.pushed else PaymentState.DEFERRED,
        transaction=payment.transaction,
    )


def _outcome(request: Request, known: Round, won: list[Payment]) -> Outcome:
    if request.status == Status.CANCELLED:
        return Outcome.CANCELLED
    if won:
        return Outcome.WON
    return Outcome.LOST if known.took_part else Outcome.NO_BIDS
