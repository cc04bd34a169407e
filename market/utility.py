"""The utility's side of a round: request, wait, select the winners, pay them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from time import sleep

from eth_typing import ChecksumAddress
from web3.types import BlockIdentifier

from market.contract import DemandReduction
from market.endings import UNFINISHED, Endings
from market.errors import MarketError
from market.fees import FeeCeilingError
from market.landing import FailedError, Sent
from market.launching import BusyError, DroppedError, RefusedError
from market.model import Quote, Request, Status, Terms
from market.node import chain_time_s
from market.patience import Patience
from market.requested import Requested
from market.reverts import RevertError
from market.rounds import Round, Spending, account_of
from market.runs import Run
from market.transactions import Sender

PAY_BATCH = 100
"""Winners paid in one transaction; even if each is hostile it fits in a block."""

_PASSING = (BusyError, FeeCeilingError, RefusedError)
_MOST_FAILURES = 5


@dataclass(frozen=True, slots=True)
class Standings:
    """A request while its gate is open."""

    request: Request
    quote: Quote
    seconds_left: int


@dataclass(slots=True)
class Utility:
    """A utility at work; `wait` pauses between two looks at the chain (s).

    A node that is away or refuses, and gas above the ceiling, is waited for with patience: `tell`
    is told once. What it has finished is final after so many `confirmations`.
    """

    market: DemandReduction
    sender: Sender
    poll_seconds: float = 1.0
    wait: Callable[[float], None] = sleep
    spending: Spending = field(default_factory=Spending)
    tell: Callable[[MarketError], None] = lambda _: None
    run: Run = field(default_factory=lambda: Run(None, lambda _: None))
    confirmations: int = 0
    _patiently: Patience = field(init=False)
    _requested: Requested = field(init=False)
    _endings: Endings = field(init=False)
    _failures: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        # What waits for a transaction of this utility waits the same way, and without an end.
        self._patiently = self.sender.patience = Patience(
            self.poll_seconds, self.tell, lambda seconds: self.wait(seconds)
        )
        self.sender.gives_up = False
        self._requested = Requested(self.market, self.sender, self._patiently, self.confirmations)
        self._endings = Endings(
            self.market, self._requested, self._patiently, self.confirmations, self._shown
        )

    def request(self, terms: Terms, beside: int | None = None) -> Request:
        """Announce a request, with its escrow; it is noted until it has been seen through.

        It is made beside those with numbers up to `beside`, which are all that there are if that
        is None. A later one with these terms that nobody has a note of is taken for it: it may be
        that of a run whose memory was lost. Whatever else this account does is waited for.
        """
        if beside is None:
            beside = self._patiently(self.market.request_count)
        told: set[str] = set()
        while True:
            self._patiently(self.sender.end_earlier)
            found_or_made = partial(self._found_or_made, terms, beside)
            try:
                found = self._patiently(found_or_made, RefusedError)
            except (BusyError, DroppedError) as problem:
                if str(problem) not in told:
                    self.tell(problem)
                told.add(str(problem))
                self.wait(self.poll_seconds)
                while self._patiently(self.sender.is_busy):
                    self.wait(self.poll_seconds)
            else:
                return found if isinstance(found, Request) else self._shown(found)

    def _found_or_made(self, terms: Terms, beside: int) -> Request | int:
        """Return a request with these terms that nobody has a note of, or make one.

        Of what this run has made it is the number: whatever fails from then on must not make it
        again.
        """
        run = self.run.number
        if (unread := self._requested.unread(run)) is not None:
            return unread
        # What is carried out after this block keeps the request from being sent. It is another
        # one at each try: few nodes tell for long what was at a block.
        head = self.market.head().number
        if alike := self._alike(terms, beside, head):
            return alike
        check = partial(self._require_no_alike, terms, beside)
        request_id, sent = self.market.request_reduction(self.sender, terms, run, head, check)
        self.spending.add(sent)
        self._requested.made_by_run(request_id, run, sent)
        return request_id

    def _require_no_alike(self, terms: Terms, beside: int, _nonce: int) -> None:
        """Look once more for a request with these terms, now that the nonce is known.

        A node that is just storing a block, or replacing one, may have told the number of
        transactions after that block, and the requests before it.
        """
        if alike := self._alike(terms, beside):
            raise BusyError(f"Request {alike.request_id} has these terms: looking at it again")

    def has_made(self, request: Request) -> bool:
        """Return whether this run has made a request."""
        return self._requested.is_of_run(request.request_id, self.run.number)

    def resume(self) -> Request | None:
        """Return the oldest request of a run that was broken off before it had seen it through.

        None if there is none. Its transaction is waited for if the node knows of it. What was
        cancelled meanwhile is none.
        """
        for flight in self._requested.noted():
            if self.run.is_alive(flight.subject):
                continue
            if self._patiently(partial(self.sender.drop_unsent, flight)):
                continue
            request_id = self._requested.made_by(flight, self.sender.wait)
            if request_id is None:
                continue
            request = self._shown(request_id)
            if request.status != Status.CANCELLED:
                return request
            self._endings.add(request_id)
        return None

    def unnoted(self, terms: Terms) -> Request | None:
        """Return the oldest request of this utility with these terms that nobody has a note of.

        It is not finished: the memory that told of it may have been lost. None if there is none.
        """
        return self._patiently(partial(self._alike, terms))

    def _alike(
        self, terms: Terms, after: int = 0, block: BlockIdentifier = "latest"
    ) -> Request | None:
        """Do that for requests with numbers above `after`, as they were at a block."""
        mine = self._mine(self.market.unfinished(block))
        alike = [r for r in mine if r.request_id > after and terms.fit(r)]
        if not alike:
            return None
        noted = {self._requested.made_by(flight) for flight in self._requested.noted()}
        return next((request for request in alike if request.request_id not in noted), None)

    def seen_through(self, request_id: int) -> None:
        """Note a request no longer: nobody has to go on with it."""
        self._requested.forget(request_id)

    def take_up_ended(self) -> None:
        """Have what others have finished noted no longer, either, once it is final."""
        for flight in self._requested.noted():
            if self.run.is_alive(flight.subject):
                continue
            request_id = self._requested.made_by(flight)
            if request_id and self._shown(request_id).status not in UNFINISHED:
                self._endings.add(request_id)

    def leave(self) -> None:
        """Note no longer what is finished but not final: somebody wants this run to end."""
        self._endings.leave()

    # What there is

    def owner(self) -> ChecksumAddress:
        """Return the contract's utility."""
        return self._patiently(self.market.owner)

    def now_s(self) -> int:
        """Return the chain's time, in Unix seconds."""
        return self._patiently(partial(chain_time_s, self.market.web3))

    def unfinished(self) -> list[Request]:
        """Return everybody's requests that are not finished, the oldest first."""
        return self._patiently(self.market.unfinished)

    def waiting(self) -> list[Request]:
        """Return this utility's requests that are not finished, the oldest first."""
        return self._mine(self.unfinished())

    def _mine(self, requests: Iterable[Request]) -> list[Request]:
        return [r for r in requests if r.utility == self.sender.signer.address]

    def _shown(self, request_id: int) -> Request:
        """Return a request once it is on the chain; LostError if it cannot be there again."""
        while True:
            request = self._patiently(lambda: self.market.request(request_id))
            if self._requested.is_there(request):
                return request
            self.wait(self.poll_seconds)

    # The round

    def until_gate_closure(self, request_id: int) -> Iterator[Standings]:
        """Yield how the request stands, until the chain's time has come to gate closure.

        Ends at once if the request is no longer open. A node that is away for a while is waited
        for: the request goes on without it.
        """
        while True:
            request, standings = self._patiently(partial(self._look_at, request_id))
            if self._requested.is_there(request):
                if standings is None:
                    return
                yield standings
            self.wait(self.poll_seconds)

    def _look_at(self, request_id: int) -> tuple[Request, Standings | None]:
        """Return a request, and how it stands if it takes bids."""
        # Of one block, so that the number of bids and the price belong together.
        block = self.market.head().number
        request = self.market.request(request_id, block)
        left_s = request.gate_closure - chain_time_s(self.market.web3)
        if request.status != Status.BIDDING or left_s <= 0:
            return request, None
        return request, Standings(request, self.market.quote(request_id, block), left_s)

    def finish(self, request_id: int) -> Iterator[Request]:
        """Select and pay the winners; yield the request after each transaction.

        What somebody else has done already is not done again, and what a reorganisation has undone
        is. A node that is away is waited for.
        """
        while (request := self._shown(request_id)).status in UNFINISHED:
            if not self._step(request):
                self.wait(self.poll_seconds)
                continue
            # A node that is behind, or has other blocks now, may not show what was done.
            done = self._shown(request_id)
            if done.status != Status.BIDDING:
                yield done
        self._endings.add(request_id)

    def _step(self, request: Request) -> bool:
        """Do what is next with a request; return whether it was this utility who did it."""
        try:
            self.spending.add(self._next_step(request))
        except DroppedError:
            # Somebody with the same account did something else first: look again.
            return False
        except FailedError as problem:
            # What was estimated may have come to other bids: look again, but not for ever.
            self._failures += 1
            if self._failures >= _MOST_FAILURES:
                raise
            self.tell(problem)
            return False
        except RevertError as refusal:
            if refusal.name not in ("WrongStatus", "GateOpen"):
                raise
            # Somebody else was quicker, or the newest block is still from before the closure.
            return False
        self._failures = 0
        return True

    def round(self, request_id: int) -> Round:
        """Return the account of a finished request; UndoneError if it is that no longer."""
        return account_of(self.market, request_id, self.spending, self._patiently)

    def _next_step(self, request: Request) -> Sent:
        act = self._select if request.status == Status.BIDDING else self._pay
        return self._patiently(partial(act, request), *_PASSING)

    def _select(self, request: Request) -> Sent:
        return self.market.select_winners(self.sender, request.request_id)

    def _pay(self, request: Request) -> Sent:
        return self.market.pay_winners(self.sender, request, PAY_BATCH)

    def cancel(self, request_id: int) -> Sent | None:
        """Cancel a request before its gate closure; None if it is cancelled already."""
        act, sent = partial(self.market.cancel_request, self.sender, request_id), None
        try:
            sent = self._patiently(act, *_PASSING, DroppedError)
            self.spending.add(sent)
        except RevertError as refusal:
            if refusal.name == "GateClosed":
                late = f"Request {request_id} can be cancelled no longer, as its gate has closed"
                raise RevertError(refusal.name, late) from None
            request = self._patiently(partial(self.market.request, request_id))
            if request.status != Status.CANCELLED:
                raise
        self._endings.add(request_id)
        return sent

    # What comes after its end

    def until_final(self) -> Iterator[int]:
        """Yield how many blocks have to follow until all that this run has finished is final.

        It is then noted no longer. UndoneError if a reorganisation has undone the end of one.
        """
        while self._endings:
            if (left := self._endings.blocks_left()) > 0:
                yield left
                self.wait(self.poll_seconds)
