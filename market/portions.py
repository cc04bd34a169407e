"""How much a node is asked at a time: it limits that, and each node says so in other words."""

from dataclasses import dataclass

from requests.exceptions import HTTPError, ReadTimeout
from web3.exceptions import Web3RPCError

from market.bounded_http import AnswerTooLargeError

REFUSALS = (Web3RPCError, HTTPError, ReadTimeout, AnswerTooLargeError)
"""What a question that is too large may end in."""

_PATIENCE = 16
_MOST_PATIENCE = 1024


@dataclass(slots=True)
class Portion:
    """What a node takes at a time: half after a refusal, the double when that was long ago.

    Every refusal of more than was taken before doubles the number of questions until the next try.
    """

    most: int
    size: int = 0
    _taken: int = 0
    _patience: int = _PATIENCE
    _trying: bool = False

    def __post_init__(self) -> None:
        self.size = self.size or self.most

    def refused(self, asked: int) -> None:
        """Ask for less; `asked` is how much was refused."""
        if self._trying:
            self._patience = min(2 * self._patience, _MOST_PATIENCE)
        self.size = max(1, asked // 2)
        self._taken, self._trying = 0, False

    def taken(self, asked: int) -> None:
        """Go on with what was answered, or with more once it is time to try."""
        if asked < self.size or self.size == self.most:
            return
        self._taken += 1
        if self._trying or self._taken >= self._patience:
            # While more is taken each time, the limit is gone.
            self.size, self._trying = min(2 * self.size, self.most), True
