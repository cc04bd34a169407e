"""What is going on in the contract, as a consumer watches it: read from the chain, never sending.

The chain is asked as little as it takes: once a second for its newest block, and for a request only
when there is a new one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

from eth_typing import ChecksumAddress

from market.clearing import Award, Bid, clear
from market.contract import DemandReduction, recent_ids
from market.model import Payment, Quote, Request, Status
from market.node import (
    Block,
    NodeUnavailableError,
    chain_name,
    is_on_chain,
    node_errors,
    time_after_s,
)
from market.past_requests import Ended, PastRequests, ended
from market.supply import Supply, supply_of

_BALANCE_EVERY_BLOCKS = 5


class Stage(str, Enum):
    """How far a request has come, for whoever watches it."""

    OPEN = "open"
    CLOSED = "closed"
    PAYING = "paying"
    SETTLED = "settled"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Round:
    """A request as it stands: with all its bids while they count, and what is this consumer's."""

    request: Request
    left_s: int = 0
    open_for_s: int = 0
    quote: Quote | None = None
    bids: tuple[Bid, ...] = ()
    mine: tuple[Bid, ...] = ()
    awards: tuple[Award, ...] = ()
    supply: Supply | None = None
    # None where the node would not tell.
    payments: tuple[Payment, ...] | None = ()

    @property
    def stage(self) -> Stage:
        """Return how far it has come; its gate closes by the clock, not by a transaction."""
        if self.request.status == Status.BIDDING:
            return Stage.OPEN if self.left_s > 0 else Stage.CLOSED
        return _STAGES.get(self.request.status, Stage.SETTLED)

    @property
    def gate_is_open(self) -> bool:
        """Return whether bids are taken now."""
        return self.stage == Stage.OPEN

    @property
    def is_decided(self) -> bool:
        """Return whether the winners are selected, or there will be none."""
        return self.stage not in (Stage.OPEN, Stage.CLOSED)

    @property
    def is_cancelled(self) -> bool:
        """Return whether the utility has taken it back."""
        return self.stage == Stage.CANCELLED

    @property
    def is_over(self) -> bool:
        """Return whether nothing of it can change any more."""
        return self.request.status in (Status.SETTLED, Status.CANCELLED)


_STAGES = {Status.CLEARED: Stage.PAYING, Status.CANCELLED: Stage.CANCELLED}


@dataclass(frozen=True, slots=True)
class View:
    """The market at a block: rounds that are not over, and the newest one that is.

    Of `past`, the requests up to `unknown_before` are not all looked up yet.
    """

    head: Block
    chain_id: int
    chain: str
    contract: ChecksumAddress
    account: ChecksumAddress | None
    balance_wei: int | None
    deferred_wei: int
    may_bid: bool
    request_count: int
    rounds: tuple[Round, ...]
    last: Round | None
    past: Mapping[int, Ended]
    unknown_before: int = 0


@dataclass(slots=True)
class LiveMarket:
    """Looks at a contract for one account, again and again."""

    market: DemandReduction
    account: ChecksumAddress | None
    past_file: Path | None = None
    _head: Block | None = None
    _chain: tuple[int, str] | None = None
    _rounds: dict[int, Round] = field(default_factory=dict)
    _first_seen_s: dict[int, int] = field(default_factory=dict)
    _balance: tuple[int | None, int, bool] = (None, 0, False)
    _balance_block: int | None = None
    _count: int = 0
    _past: PastRequests | None = None

    def look(self) -> View:
        """Return the market as it is now; NodeUnavailableError if the node is away."""
        head = self.market.head()
        if self._head and not self._follows(head):
            self._forget()
        now_s = time_after_s(self.market.web3, head)
        if head != self._head:
            self._read(head)
        for request_id, known in self._rounds.items():
            left_s = max(0, known.request.gate_closure - now_s)
            first_s = self._first_seen_s.setdefault(request_id, now_s)
            open_for_s = max(1, known.request.gate_closure - first_s)
            self._rounds[request_id] = replace(known, left_s=left_s, open_for_s=open_for_s)
        past = self._past_of(self._chain[1] if self._chain else "")
        past.look_up(self.market, head, self._first_recent)
        return self._view(head, past)

    def close(self) -> None:
        """Let go of the file."""
        if self._past:
            self._past.close()

    def _follows(self, head: Block) -> bool:
        """Return whether a block comes after the last one that was seen, on the same chain."""
        before = self._head
        if before is None or head == before:
            return True
        if head.number <= before.number:
            return False
        return is_on_chain(self.market.web3, before.number, before.hash) is True

    def _forget(self) -> None:
        """Let nothing count that was read: the chain is another one, or the node is behind."""
        self._rounds.clear()
        self._first_seen_s.clear()
        self._head = self._chain = self._balance_block = None
        if self._past:
            self._past.doubt()

    def _past_of(self, chain: str) -> PastRequests:
        if self._past and self._past.chain != chain:
            self.close()
            self._past = None
        self._past = self._past or PastRequests(self.past_file, chain, self.market.address)
        return self._past

    @property
    def _first_recent(self) -> int:
        return recent_ids(self._count).start

    def _read(self, head: Block) -> None:
        market = self.market
        self._chain = self._chain or (market.chain_id, chain_name(market.web3))
        self._count = market.request_count(head.number)
        recent = recent_ids(self._count)
        former = self._statuses()
        self._rounds = {i: known for i, known in self._rounds.items() if i in recent}
        for request_id in recent:
            known = self._rounds.get(request_id)
            if known is None or not known.is_over:
                request = market.request(request_id, head.number)
                self._rounds[request_id] = self._round(request, known, head)
        due = self._balance_block is None or head.number >= self._balance_block
        if due or self._statuses() != former:
            self._read_account()
            self._balance_block = head.number + _BALANCE_EVERY_BLOCKS
        self._head = head

    def _statuses(self) -> dict[int, tuple[Status, int]]:
        """Return of each request what changes when somebody pays or is paid."""
        return {i: (r.request.status, len(r.mine)) for i, r in self._rounds.items()}

    def _round(self, request: Request, known: Round | None, head: Block) -> Round:
        if request.status in (Status.BIDDING, Status.CLEARED):
            return self._with_bids(request, known, head)
        mine = known.mine if known else ()
        if request.status == Status.SETTLED and self._is_newest(request):
            mine = mine or self._mine(self.market.bids(request.request_id, head.number))
            paid = self._payments(request, head) if mine else ()
            return Round(request, mine=mine, payments=paid, supply=known.supply if known else None)
        return Round(request, mine=mine)

    def _is_newest(self, request: Request) -> bool:
        return request.request_id == self._count

    def _with_bids(self, request: Request, known: Round | None, head: Block) -> Round:
        """Read the bids again only where their number, or what they add up to, has changed."""
        quote = self.market.quote(request.request_id, head.number)
        same = known and (known.quote, known.request) == (quote, request)
        if known and same:
            return known
        if known and (known.quote, known.request.bid_count) == (quote, request.bid_count):
            bids = known.bids
        else:
            bids = tuple(self.market.bids(request.request_id, head.number))
        mine = self._mine(bids)
        cleared = clear(bids, request.reduction_wh, request.price_step_wei, request.pricing)
        awards = tuple(award for award in cleared.awards if award.consumer == self.account)
        return Round(
            request,
            quote=quote,
            bids=bids,
            mine=mine,
            awards=awards,
            supply=supply_of(bids, request, self.account),
        )

    def _mine(self, bids: Sequence[Bid]) -> tuple[Bid, ...]:
        return tuple(bid for bid in bids if bid.consumer == self.account)

    def _payments(self, request: Request, head: Block) -> tuple[Payment, ...] | None:
        if not request.energy_wh:
            return ()
        try:
            return tuple(self.market.payments(request, self.account, head=head))
        except NodeUnavailableError:
            # Some nodes refuse to search their logs, and show everything else.
            return None

    def _read_account(self) -> None:
        if self.account:
            self._balance = (
                _balance_wei(self.market, self.account),
                self.market.deferred_wei(self.account),
                self.market.is_allowed(self.account),
            )

    def _view(self, head: Block, past: PastRequests) -> View:
        rounds = [self._rounds[i] for i in sorted(self._rounds)]
        over = [known for known in rounds if known.is_over]
        balance_wei, deferred_wei, may_bid = self._balance
        chain_id, chain = self._chain or (0, "")
        return View(
            head=head,
            chain_id=chain_id,
            chain=chain,
            contract=self.market.address,
            account=self.account,
            balance_wei=balance_wei,
            deferred_wei=deferred_wei,
            may_bid=may_bid,
            request_count=self._count,
            rounds=tuple(known for known in rounds if not known.is_over),
            last=over[-1] if over else None,
            past={
                **{i: one for i, one in past.known.items() if i < self._first_recent},
                **{known.request.request_id: ended(known.request) for known in over},
            },
            unknown_before=past.unknown_before(self._first_recent),
        )


def _balance_wei(market: DemandReduction, account: ChecksumAddress) -> int:
    with node_errors(market.web3):
        return market.web3.eth.get_balance(account)
