"""After a start: take up what was going on, whatever is left of what was remembered."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from market.answering import Answering
from market.contract import recent_ids
from market.contract_events import Trace
from market.desk import ENDED, Desk, terms_of
from market.errors import MarketError
from market.guardrails import midnight_s
from market.logs import LogsRefusedError
from market.node import Block, first_block_at, time_of_block_s
from market.outcome import Reporting
from market.progress import Round, State
from market.store import Results, load_results
from market.units import MAX_BIDDING_SECONDS

_PASSED_OVER = "What earlier requests brought since the last one reported may go unreported"
_TOLD_BEFORE = "what it brought was reported before the memory was lost"


@dataclass(slots=True)
class Recalling:
    """Puts rounds back on the desk: from the memory or, if that is lost, from the chain."""

    desk: Desk
    answering: Answering
    reporting: Reporting

    def recall(self, head: Block) -> set[int]:
        """Take up what is unfinished; return the recent requests that are over and reported."""
        memory, recent = self.desk.memory, recent_ids(self.desk.market.request_count(head.number))
        over = self._catch_up(head, recent) if memory.is_empty() else memory.final_ids(recent.start)
        self.reporting.mend_file()
        unfinished = memory.rounds(State.SENT, State.PLACED, State.PASSED, State.DECIDED)
        self.desk.rounds = {known.request_id: known for known in unfinished}
        return over

    # Without a memory

    def _catch_up(self, head: Block, recent: range) -> set[int]:
        """Go by results.json: whatever has ended since the request in it was not reported.

        What no node tells any more is passed over, but for the answers of the day. All is looked
        up before any of it is remembered: a node may fail in between.
        """
        last = self._last_reported()
        since = self._end_of(last, head) if last else 0
        try:
            traces = self._traces(last, since, head)
        except LogsRefusedError as problem:
            self.desk.report.problem(MarketError(f"{problem}. {_PASSED_OVER}"))
            traces = self._traces(None, since, head)
        self._note_times(traces)
        # A search may take longer than a node tells what was at a block.
        head = self.desk.market.head()
        over = self._over(last, since, head, recent) if last else set()
        later = {t.request_id for t in traces if last and _is_unreported(t, last, since)}
        if last:
            with suppress(LogsRefusedError):
                later |= self._overtaken(last, since, head, recent)
        if last and not last.final:
            # A reorganisation may have changed it since then: it is told anew.
            over.discard(last.request_id)
            later.add(last.request_id)
            last = None
        # The younger ones are met, with their bids, like any other request.
        old = [self._placed(request_id) for request_id in later if request_id < recent.start]
        # These were searches, too.
        head = self.desk.market.head()
        answered = {*self.answering.placed_s} - later - {*recent}.difference(over)
        reported = self._reported(last, answered, head, recent)
        told = over.difference(known.request_id for known in reported)
        self.desk.memory.save(*old, *reported, *self._told_before(told, head))
        return over

    def _last_reported(self) -> Results | None:
        """Return what is in results.json, if it is of this market."""
        try:
            last = load_results(self.desk.results_file)
        except MarketError:
            return None
        same = (last.contract, last.chain) == (self.desk.market.address, self.desk.chain)
        return last if same else None

    def _end_of(self, last: Results, head: Block) -> int:
        """Return the block at which a request was seen to have ended, or one before it."""
        if last.block_number is not None:
            # What was not final may have ended in other blocks since.
            open_blocks = 0 if last.final else self.desk.confirmations
            return max(0, min(last.block_number, head.number) - open_blocks)
        return self._closure(last.request_id, head) - 1

    def _closure(self, request_id: int, head: Block) -> int:
        market = self.desk.market
        closure_s = market.request(request_id, head.number).gate_closure
        return first_block_at(market.web3, closure_s, head.number)

    def _traces(self, last: Results | None, since: int, head: Block) -> list[Trace]:
        """Return where this consumer has bid and was paid, as far back as it matters."""
        market, starts = self.desk.market, []
        if last:
            starts.append(min(since + 1, self._closure(last.request_id, head)))
        if self.answering.guardrails.maximum_requests_per_day is not None:
            starts.append(first_block_at(market.web3, midnight_s(head.time_s), head.number))
        if not starts:
            return []
        account = self.desk.sender.signer.address
        return market.events.traces_of(account, min(starts), head.number)

    def _note_times(self, traces: Iterable[Trace]) -> None:
        """Note when each request was answered: MAX_REQUESTS_PER_DAY counts them."""
        times = self.answering.placed_s
        for trace in traces:
            if trace.is_bid and trace.request_id not in times:
                block = trace.block_number
                times[trace.request_id] = time_of_block_s(self.desk.market.web3, block)

    def _over(self, last: Results, since: int, head: Block, recent: range) -> set[int]:
        """Return the recent requests that had ended when the last one was reported."""
        market = self.desk.market
        former = [i for i in recent if i < last.request_id]
        ended = {i for i in former if market.request(i, head.number).status in ENDED}
        unreported: set[int] = set()
        with suppress(LogsRefusedError):
            unreported = market.events.ended(ended, since + 1, head.number)
        return (ended - unreported) | ({last.request_id} & {*recent})

    def _overtaken(self, last: Results, since: int, head: Block, recent: range) -> set[int]:
        """Return the requests bid in before the last one reported that have ended after it.

        Only of those that are not recent any more: what they brought shows in the traces, but that
        they brought nothing does not.
        """
        market, account = self.desk.market, self.desk.sender.signer.address
        former = [i for i in recent_ids(last.request_id) if i < min(last.request_id, recent.start)]
        ended = market.events.ended(former, since + 1, head.number)
        if not ended:
            return set()
        closures_s = [market.request(i, head.number).gate_closure for i in ended]
        opened_s = min(closures_s) - MAX_BIDDING_SECONDS
        first = first_block_at(market.web3, opened_s, head.number)
        traces = market.events.traces_of(account, first, head.number)
        return ended.intersection(trace.request_id for trace in traces)

    def _told_before(self, request_ids: Iterable[int], head: Block) -> Iterator[Round]:
        """Yield the rounds that are over, for the next start: whoever bid there would tell them.

        What they brought is not looked up: few nodes know the events of long ago.
        """
        for request_id in request_ids:
            request = self.desk.market.request(request_id, head.number)
            if mine := self.answering.bids_on_chain(request, head):
                yield Round(request_id, State.FINAL, terms_of(request), mine, reason=_TOLD_BEFORE)

    def _placed(self, request_id: int) -> Round:
        times = self.answering.placed_s
        return Round(request_id, State.PLACED, answered_s=times.get(request_id))

    def _reported(
        self, last: Results | None, answered: set[int], head: Block, recent: range
    ) -> list[Round]:
        """Return the rounds that need nothing more: the last one, and what was answered else."""
        rounds = []
        for request_id in sorted(answered | ({last.request_id} if last else set())):
            request = self.desk.market.request(request_id, head.number)
            known = self._placed(request_id)
            known.state, known.terms = State.FINAL, terms_of(request)
            if request_id in recent:
                known.bids = self.answering.bids_on_chain(request, head)
            told = last if last and last.request_id == request_id else None
            try:
                anew = told or self.reporting.results(known, request, head)
            except LogsRefusedError:
                known.reason = _TOLD_BEFORE
            else:
                known.results = anew.model_copy(update={"final": True})
            rounds.append(known)
        return rounds


def _is_unreported(trace: Trace, last: Results, since: int) -> bool:
    """Return whether a trace is of a request that has ended after the last one reported."""
    return trace.request_id > last.request_id or trace.block_number > since
