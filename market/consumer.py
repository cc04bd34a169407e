"""The consumer's side: answer every request with bids, and report what they won.

What a consumer remembers saves work, and counts the answers of a day. Before it bids it asks how
many transactions its account has on chain, which becomes the nonce, and then looks for bids of its
own: whatever was sent before, by this program or by another one with the same account, either shows
there or can no longer happen.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import monotonic

from market.answering import Answering
from market.balance import BalanceWatch
from market.bidder import Bidder, BidsUnreadableError
from market.contract import recent_ids
from market.desk import ENDED, Desk, is_another
from market.errors import MarketError
from market.guardrails import Guardrails
from market.logs import LogsRefusedError
from market.model import Status
from market.node import Block, NodeUnavailableError, chain_name, is_on_chain
from market.outcome import Reporting
from market.progress import Round, State
from market.recalling import Recalling

# A node that shows less than another one did before catches up within this time.
_BEHIND_S = 60
# So long after its end a request is looked at again if a reorganisation has replaced that block.
_WATCHED_BLOCKS = 16


class ChainReplacedError(MarketError):
    """Nothing that the consumer knows is true on the chain that it sees now."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """At which block a request was over, None if long ago, and the round if there was one."""

    head: Block | None
    known: Round | None


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
    _recalling: Recalling = field(init=False)
    _ended: dict[int, Judgement] = field(default_factory=dict)
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
        self._recalling = Recalling(desk, self._answering, self._reporting)

    @property
    def problem(self) -> str | None:
        """Return what is in the way of a request, the next one too, or of telling an outcome."""
        lost = self.desk.memory.problem
        others = (self._reporting.problem, self.bidder.problem, self.balance.problem, lost)
        return next((str(said) for said in (*self._problems.values(), *others) if said), None)

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
        except Exception:
            # An answer that made no sense may have got into what is known: only the file is sure.
            self._recalled = False
            raise

    def _step(self) -> None:
        self._reporting.write_again()
        head = self.desk.market.head()
        self._require_same_chain()
        if self._is_behind(head) or self._nothing_new(head):
            return
        if not self._recalled:
            self._ended = dict.fromkeys(self._recalling.recall(head), Judgement(None, None))
            self._recalled = True
            # That may have taken longer than a node tells what was at a block.
            head = self.desk.market.head()
        self._judge_anew(head)
        for request_id in self._new_ids(head):
            self._guarded(request_id, partial(self._meet, request_id, head))
        for request_id in [*self.desk.rounds]:
            self._guarded(request_id, partial(self._follow, request_id, head))
        self.balance.check(head, self.bidder.offer_count)
        if self.bidder.problem:
            # So that a file that was mended is no problem until the next request.
            with suppress(BidsUnreadableError):
                self.bidder.refresh()
        self.head = head

    def _meet(self, request_id: int, head: Block) -> None:
        request = self.desk.market.request(request_id, head.number)
        if request.status != Status.NONE and not self._answering.meet(request, head):
            self._ended[request_id] = Judgement(head, None)

    def _follow(self, request_id: int, head: Block) -> None:
        """Do what is next in a request that was taken up."""
        known = self.desk.rounds[request_id]
        request = self.desk.market.request(request_id, head.number)
        if is_another(known, request):
            # A node just storing a block may have shown the request already at the one before.
            if is_another(known, self.desk.market.request(request_id)):
                self.desk.require_not_behind(known)
                self._forget_vanished(known)
        elif known.state == State.SENT:
            self._answering.follow_flight(known, request, head)
        elif known.state == State.DECIDED:
            self._reporting.confirm(known, request, head)
        elif request.status in ENDED:
            self._reporting.decide(known, request, head)
        elif request.status == Status.BIDDING:
            self._answering.watch(known, request, head)
        else:
            self.desk.tell_selection(request)
        if known.state == State.FINAL:
            self._lay_aside(known, head)

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

    def _lay_aside(self, known: Round, head: Block) -> None:
        del self.desk.rounds[known.request_id]
        self._ended[known.request_id] = Judgement(head, known)
        self._answering.clean_up(known.request_id)
        self.desk.selection_told.discard(known.request_id)

    def _judge_anew(self, head: Block) -> None:
        """Have requests met again that were over in a block that a reorganisation has replaced."""
        gone = self._gone({judged.head for judged in self._ended.values() if judged.head}, head)
        for request_id in [i for i, judged in self._ended.items() if judged.head in gone]:
            # First, as it may fail: who is in none of the lists would be met as if it were new.
            request = self.desk.market.request(request_id, head.number)
            known = self._ended.pop(request_id).known
            if known and request.status in ENDED and not is_another(known, request):
                self._ended[request_id] = Judgement(head, known)
            else:
                self.desk.forget(request_id)

    def _gone(self, blocks: set[Block], head: Block) -> set[Block]:
        """Return which of the blocks that are not old a reorganisation has replaced."""
        web3 = self.desk.market.web3
        young = {block for block in blocks if head.number - block.number <= _WATCHED_BLOCKS}
        return {b for b in young if is_on_chain(web3, b.number, b.hash) is False}

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
        self._ended = {i: judged for i, judged in self._ended.items() if i in recent}
        self._problems = {
            i: said for i, said in self._problems.items() if i in recent or i in self.desk.rounds
        }
        return [i for i in recent if i not in self.desk.rounds and i not in self._ended]

    def _guarded(self, request_id: int, deal: Callable[[], None]) -> None:
        try:
            deal()
        except MarketError as problem:
            # Events of long ago keep nothing waiting but what needs them.
            is_away = isinstance(problem, NodeUnavailableError)
            if is_away and not isinstance(problem, LogsRefusedError):
                raise
            if self._problems.get(request_id) != str(problem):
                self.desk.report.problem(problem)
            self._problems[request_id] = str(problem)
        else:
            self._problems.pop(request_id, None)
