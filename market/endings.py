"""What the utility has finished, until no reorganisation is expected to undo it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from market.contract import DemandReduction
from market.errors import MarketError
from market.finality import newest_final
from market.model import Request, Status
from market.node import Block, is_on_chain
from market.patience import Patience
from market.requested import Requested

UNFINISHED = (Status.NONE, Status.BIDDING, Status.CLEARED)


class UndoneError(MarketError):
    """A reorganisation has undone the end of a request."""

    def __init__(self, request_id: int) -> None:
        super().__init__(
            f"A reorganisation has undone the end of request {request_id}: doing it again"
        )
        self.request_id = request_id


@dataclass(slots=True)
class Endings:
    """The requests that this run has finished or cancelled, and that are not final.

    `shown` returns a request once it is on the chain. So many `confirmations` make an end final.
    """

    market: DemandReduction
    requested: Requested
    patiently: Patience
    confirmations: int
    shown: Callable[[int], Request]
    _blocks: dict[int, Block] = field(default_factory=dict)
    _seen: Block | None = None
    _left: int = 0

    def __bool__(self) -> bool:
        """Return whether there are any."""
        return bool(self._blocks)

    def add(self, request_id: int) -> None:
        """Note the block that a request's end rests on: it had ended there, or before."""
        self._blocks[request_id] = self.patiently(self.market.head)
        self._seen = None
        # Who leaves before it is final asks the node nothing any more.
        self.requested.find(request_id)

    def leave(self) -> None:
        """Have nobody go on with them, though they are not final."""
        for request_id in self._blocks:
            self.requested.forget_known(request_id)

    def blocks_left(self) -> int:
        """Return how many blocks have to follow until all are final; then nobody has to go on.

        UndoneError if a reorganisation has undone the end of one.
        """
        head = self.patiently(self.market.head)
        if head != self._seen:
            left = [self._blocks_left_of(request_id, head) for request_id in [*self._blocks]]
            self._left = max(left, default=0)
        self._seen = head
        return self._left

    def _blocks_left_of(self, request_id: int, head: Block) -> int:
        block = self._blocks[request_id]
        look = partial(is_on_chain, self.market.web3, block.number, block.hash)
        if self.patiently(look) is False:
            self._require_end(request_id)
            block = self._blocks[request_id] = head
        left = block.number - newest_final(head, self.confirmations)
        if left <= 0:
            self._require_end(request_id)
            self.requested.forget(request_id)
            del self._blocks[request_id]
        return left

    def _require_end(self, request_id: int) -> None:
        if self.shown(request_id).status in UNFINISHED:
            del self._blocks[request_id]
            raise UndoneError(request_id)
