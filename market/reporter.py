"""Whom a consumer tells what happens to it."""

from collections.abc import Sequence
from typing import Protocol

from market.bids import LevelBid, Refusal
from market.errors import MarketError
from market.model import Request
from market.store import Results


class Reporter(Protocol):
    """Tells somebody what happens."""

    def request_opened(self, request: Request, seconds_left: int) -> None:
        """A request takes bids."""

    def request_skipped(self, request: Request, reason: str) -> None:
        """The settings say that this request is to be left alone."""

    def offer_refused(self, refusal: Refusal) -> None:
        """An offer does not fit the request and is not sent."""

    def would_bid(self, request: Request, bids: Sequence[LevelBid]) -> None:
        """A dry run: these bids would have been sent."""

    def bids_submitted(self, request: Request, bids: Sequence[LevelBid], transaction: str) -> None:
        """The bids are on chain."""

    def already_bid(self, request: Request) -> None:
        """This account's bids were on chain before; nothing is sent."""

    def bids_vanished(self, request: Request) -> None:
        """A reorganisation took the bids from the chain; they have to be sent again."""

    def winners_selected(self, request: Request) -> None:
        """The request was cleared, and winners will be paid."""

    def request_ended(self, results: Results) -> None:
        """Everything of the request is decided and paid."""

    def outcome_undone(self, request_id: int) -> None:
        """A reorganisation took an outcome that was reported from the chain."""

    def result_final(self, request_id: int, confirmations: int) -> None:
        """No reorganisation is expected to undo the request's outcome any more."""

    def low_balance(self, balance_wei: int, needed_wei: int) -> None:
        """The account may soon be unable to bid."""

    def balance_recovered(self, balance_wei: int) -> None:
        """The account holds enough again."""

    def problem(self, problem: MarketError) -> None:
        """Something went wrong, and the consumer goes on."""
