"""The consumer's side: answer every request with bids, and report what they won.

What a consumer remembers saves work, and counts the answers of a day. Before it bids it asks how
many transactions its account has on chain, which becomes the nonce, and then looks for bids of its
own: whatever was sent before, by this program or by another one with the same account, either shows
there or can no longer happen.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import monotonic

from market.answering import Answering
from market.balance import BalanceWatch
from market.bidder import Bidder
from market.contract import recent_ids
from market.desk import ENDED, Desk, is_another
from market.errors import MarketError
from market.guardrails import Guardrails
from market.memory import Round, State
from market.model import Status
from market.node import Block, NodeUnavailableError, chain_name, first_block_at
from market.outcome import Reporting
from market.store import load_results

# A node that shows less than another one did before catches up within this time.
_BEHIND_S = 60


class ChainReplacedError(MarketError):
    """Nothing that the consumer knows is true on the chain that it sees now."""


@dataclass(slots=True)
class Consumer:
    """A consumer at work: call `step` again and again."""

    desk: Desk
    bids_file: Path
    guardrails: Guardrails = field(default_factory=Guardrails)
    low_balance_wei: int | None = None
    bidder: Bidder = field(init=False)
    balance: BalanceWatch = field(init=False)
    head: Block | None = None
    newest_request_id: int = 0
    _answering: Answering = field(init=False)
    _reporting: Reporting = field(init=False)
    _ended: set[int] = field(default_factory=set)
    _problems: dict[int, str] = field(default_factory=dict)
    _recalled: bool = False
    _behind_since_s: float | None = None
    _may_be_anew: bool = False

    def __post_init__(self) -> None:
        desk = self.desk
        self.bidder = Bidder(desk.market, desk.sender, self.bids_file, desk.report.problem)
        self.balance = BalanceWatch(desk.sender, desk.report, self.low_balance_wei)
        self._answering = Answering(desk, self.bidder, self.guardrails)
        self._reporting = Reporting(desk)

    @property
    def problem(self) -> str | None:
        """Return what is in the way of a request at present."""
        return next(iter(self._problems.values()), None)

    def step(self) -> None:
        """Look at the chain once: answer what is open, report what has ended.

        NodeUnavailableError if the node is away; the next step makes up for it. A problem with
        one request is told once, tried again at the next step, and keeps no other waiting.
        """
        try:
            self._step()
        except MarketError:
            self._may_be_anew = True
            raise

    def _step(self) -> None:
        head = self.desk.market.head()
        self._require_same_chain()
        if self._is_behind(head) or self._nothing_new(head):
            return
        if not self._recalled:
            self._recall(head)
        for request_id in self._new_ids(head):
            self._guarded(request_id, partial(self._meet, request_id, head))
        for request_id in [*self.desk.rounds]:
            self._guarded(request_id, partial(self._follow, request_id, head))
        self.balance.check(head, self.bidder.offer_count)
        self.head = head

    def _meet(self, request_id: int, head: Block) -> None:
        request = self.desk.market.request(request_id, head.number)
        if request.status != Status.NONE and not self._answering.meet(request, head):
            self._ended.add(request_id)

    def _follow(self, request_id: int, head: Block) -> None:
        """Do what is next in a request that was taken up."""
        known = self.desk.rounds[request_id]
        request = self.desk.market.request(request_id, head.number)
        if is_another(known, request):
            self._forget_vanished(known)
        elif known.state == State.SENT:
            self._answering.follow_flight(known, request, head)
        elif known.state == State.DECIDED:
            self._reporting.confirm(known, request, head)
        elif request.status in ENDED:
            self._reporting.decide(known, request, head)
        elif request.status == Status.BIDDING:
            self._answering.watch_bids(known, request)
        else:
            self.desk.tell_selection(request)
        if known.state == State.FINAL:
            self._lay_aside(known)

    def _forget_vanished(self, known: Round) -> None:
        request_id = known.request_id
        if known.results:
            self._reporting.undo(known)
        self.desk.forget(request_id)
        self._answering.clean_up(request_id)
        raise MarketError(
            f"Request {request_id} disappeared when the chain was reorganised: "
            "it is answered anew if it comes back"
        )

    def _lay_aside(self, known: Round) -> None:
        del self.desk.rounds[known.request_id]
        self._ended.add(known.request_id)
        self._answering.clean_up(known.request_id)
        self.desk.selection_told.discard(known.request_id)

    # What is new

    def _require_same_chain(self) -> None:
        """See whether a node that was away, or shows less than before, is another one now."""
        if self._may_be_anew and chain_name(self.desk.market.web3) != self.desk.chain:
            raise ChainReplacedError(
                "The node has been started anew with another chain: start the consumer again"
            )
        self._may_be_anew = False

    def _is_behind(self, head: Block) -> bool:
        """Return whether a node shows less than was seen before; not for ever, though."""
        if self.head is None or head.number >= self.head.number:
            self._behind_since_s = None
            return False
        if self._behind_since_s is None:
            self._behind_since_s = monotonic()
            self._may_be_anew = True
            self._require_same_chain()
        return monotonic() - self._behind_since_s < _BEHIND_S

    def _nothing_new(self, head: Block) -> bool:
        waiting = any(known.state == State.SENT for known in self.desk.rounds.values())
        return head == self.head and not waiting and not self._problems

    def _new_ids(self, head: Block) -> list[int]:
        """Return the requests not dealt with yet; all that may still be open are among them."""
        self.newest_request_id = self.desk.market.request_count(head.number)
        recent = recent_ids(self.newest_request_id)
        self._ended.intersection_update(recent)
        self._problems = {
            i: said for i, said in self._problems.items() if i in recent or i in self.desk.rounds
        }
        return [i for i in recent if i not in self.desk.rounds and i not in self._ended]

    def _guarded(self, request_id: int, deal: Callable[[], None]) -> None:
        try:
            deal()
        except NodeUnavailableError:
            raise
        except MarketError as problem:
            if self._problems.get(request_id) != str(problem):
                self.desk.report.problem(problem)
            self._problems[request_id] = str(problem)
        else:
            self._problems.pop(request_id, None)

    # After a start

    def _recall(self, head: Block) -> None:
        """Take up what was going on when this program ended, whatever is left of its memory."""
        memory = self.desk.memory
        unfinished = memory.rounds(State.SENT, State.PLACED, State.PASSED, State.DECIDED)
        self.desk.rounds = {known.request_id: known for known in unfinished}
        recent = recent_ids(self.desk.market.request_count(head.number))
        if memory.is_empty():
            self._catch_up(head, recent)
        else:
            self._ended = memory.final_ids(recent.start)
        self._recalled = True

    def _catch_up(self, head: Block, recent: range) -> None:
        """Without a memory, go by results.json: find what this consumer bid in since then."""
        market, reported = self.desk.market, self._last_reported()
        self._ended = {
            i for i in recent if i <= reported and market.request(i, head.number).status in ENDED
        }
        if not reported or reported + 1 >= recent.start:
            return
        # Requests so old that their bids are in the chain's events only.
        closure = market.request(reported, head.number).gate_closure
        start = first_block_at(market.web3, closure, head.number)
        account = self.desk.sender.signer.address
        for request_id in sorted(market.requests_bid_in(account, start, head.number)):
            if reported < request_id < recent.start:
                self.desk.remember(Round(request_id, State.PLACED))

    def _last_reported(self) -> int:
        """Return the id of the request in results.json, 0 if it is of another market."""
        try:
            last = load_results(self.desk.results_file)
        except MarketError:
            return 0
        same = (last.contract, last.chain) == (self.desk.market.address, self.desk.chain)
        return last.request_id if same and last.final else 0
