"""What happens to a consumer, in words for people and in fields for programs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal, TypeAlias

from market.bids import LevelBid, Refusal
from market.errors import MarketError
from market.masking import JSON
from market.model import Request
from market.store import BidResult, Outcome, Results
from market.units import format_eth, format_eth_per_kwh, format_gwei, format_kwh
from market.wording import (
    amounts,
    bid_fields,
    kind_of,
    named,
    payment_words,
    price_name,
    short,
)

Level: TypeAlias = Literal["info", "warning", "error"]

_ENDINGS = {
    Outcome.WON: "you won",
    Outcome.LOST: "others bid less, you won nothing",
    Outcome.NO_BIDS: "you had no bids in it",
    Outcome.CANCELLED: "the utility cancelled it",
}
_REORGANISED = "disappeared when the chain was reorganised"


class LogFormat(str, Enum):
    """How the terminal shows what happens: for people, or a JSON object a line for programs."""

    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Happening:
    """One line: its name for programs, its text for people; each field's name has its unit.

    `style` is how a terminal shows the text, such as "bold" or "red".
    """

    name: str
    text: str
    fields: Mapping[str, JSON] = field(default_factory=dict)
    style: str = ""
    level: Level = "info"


class ConsumerReporter:
    """Tells a line for everything that happens to a consumer."""

    def __init__(self, tell: Callable[[Happening], None]) -> None:
        self._tell_happening = tell

    # Before gate closure

    def request_opened(self, request: Request, seconds_left: int) -> None:
        """A request takes bids."""
        reduction = format_kwh(request.reduction_wh)
        maximum_price = format_eth_per_kwh(request.maximum_price_wei_per_wh)
        self._tell(
            "request_opened",
            f"Request {request.request_id}: {reduction} kWh wanted, "
            f"at most {maximum_price} ETH/kWh, bids open for {seconds_left} s",
            {
                "request_id": request.request_id,
                "reduction_kwh": reduction,
                "maximum_price_eth_per_kwh": maximum_price,
                "minimum_bid_kwh": format_kwh(request.minimum_bid_wh),
                "gate_closure_unix_s": request.gate_closure,
                "left_s": seconds_left,
            },
            style="bold",
        )

    def request_skipped(self, request: Request, reason: str) -> None:
        """The settings say that this request is to be left alone."""
        self._tell(
            "request_skipped",
            f"  Request {request.request_id} is left alone: {reason}",
            {"request_id": request.request_id, "reason": reason},
            style="yellow",
        )

    def offer_refused(self, refusal: Refusal) -> None:
        """An offer does not fit the request and is not sent."""
        offer = refusal.offer
        self._tell(
            "offer_refused",
            f"  Not sent{named(offer.device)}: {refusal.reason}",
            {
                "device": offer.device,
                "energy_kwh": format_kwh(offer.energy_wh),
                "price_eth_per_kwh": format_eth_per_kwh(offer.price_wei_per_wh),
                "reason": refusal.reason,
            },
            style="yellow",
        )

    def bids_submitted(self, request: Request, bids: Sequence[LevelBid], transaction: str) -> None:
        """The bids are on chain."""
        for bid in bids:
            self._tell(
                "bid_submitted",
                f"  Bid{named(bid.offer.device)}: {amounts(request, bid)} "
                f"(transaction {short(transaction)})",
                {**bid_fields(request, bid), "transaction": transaction},
            )

    def would_bid(self, request: Request, bids: Sequence[LevelBid]) -> None:
        """A dry run: these bids would have been sent."""
        for bid in bids:
            self._tell(
                "would_bid",
                f"  Would bid{named(bid.offer.device)}: {amounts(request, bid)} "
                "(a dry run: nothing is sent)",
                bid_fields(request, bid),
            )

    def already_bid(self, request: Request) -> None:
        """This account's bids were on chain before; nothing is sent."""
        self._tell(
            "already_bid",
            f"  The bids for request {request.request_id} are on chain already",
            {"request_id": request.request_id},
        )

    def bids_vanished(self, request: Request) -> None:
        """A reorganisation took the bids from the chain; they have to be sent again."""
        self._tell(
            "bids_vanished",
            f"The bids for request {request.request_id} {_REORGANISED}: they have to be sent again",
            {"request_id": request.request_id},
            level="warning",
        )

    # After gate closure

    def winners_selected(self, request: Request) -> None:
        """The request was cleared, and winners will be paid."""
        energy = format_kwh(request.energy_wh)
        price = format_eth_per_kwh(request.clearing_price_wei_per_wh)
        self._tell(
            "winners_selected",
            f"Request {request.request_id} is cleared: {energy} kWh bought, "
            f"{price_name(request.pricing)} {price} ETH/kWh",
            {
                "request_id": request.request_id,
                "pricing": request.pricing.name,
                "energy_kwh": energy,
                "clearing_price_eth_per_kwh": price,
            },
        )

    def request_ended(self, results: Results) -> None:
        """Everything of the request is decided and paid; a line more for every bid that won."""
        self._tell(
            "request_ended",
            f"Request {results.request_id} ended: {_ENDINGS[results.status]}",
            {
                "request_id": results.request_id,
                "status": results.status.value,
                "clearing_price_eth_per_kwh": format_eth_per_kwh(results.clearing_price_wei_per_wh),
                "total_energy_kwh": format_kwh(results.total_energy_wh),
                "total_payment_eth": format_eth(results.total_payment_wei),
            },
            style="bold",
        )
        for result in results.results:
            self._bid_won(results.request_id, result)

    def result_final(self, request_id: int, confirmations: int) -> None:
        """No reorganisation is expected to undo the request's outcome any more."""
        blocks = f"{confirmations} block{'' if confirmations == 1 else 's'}"
        self._tell(
            "result_final",
            f"The outcome of request {request_id} is final: confirmed by {blocks}",
            {"request_id": request_id, "confirmations": confirmations},
        )

    def outcome_undone(self, request_id: int) -> None:
        """A reorganisation took an outcome that was reported from the chain."""
        self._tell(
            "outcome_undone",
            f"The outcome of request {request_id} {_REORGANISED}: it is reported anew",
            {"request_id": request_id},
            level="warning",
        )

    # At any time

    def low_balance(self, balance_wei: int, needed_wei: int) -> None:
        """The account may soon be unable to bid."""
        balance, needed = format_eth(balance_wei), format_eth(needed_wei)
        self._tell(
            "low_balance",
            f"The account holds only {balance} ETH, less than {needed} ETH: "
            "send Ether to it, so that it can go on bidding",
            {"balance_eth": balance, "needed_eth": needed},
            level="warning",
        )

    def balance_recovered(self, balance_wei: int) -> None:
        """The account holds enough again."""
        balance = format_eth(balance_wei)
        self._tell(
            "balance_recovered",
            f"The account holds enough again: {balance} ETH",
            {"balance_eth": balance},
        )

    def transaction_replaced(self, transaction: str, fee_wei_per_gas: int) -> None:
        """A transaction that waited for a block was sent again, at a higher fee."""
        fee = format_gwei(fee_wei_per_gas)
        self._tell(
            "transaction_replaced",
            f"  The transaction waits for a block: sent again for at most {fee} gwei a unit of gas "
            f"(transaction {short(transaction)})",
            {"transaction": transaction, "maximum_fee_gwei_per_gas": fee},
            level="warning",
        )

    def node_away(self, problem: MarketError) -> None:
        """The node does not answer; to be told once, not at every try."""
        self._tell("node_away", str(problem), kind_of(problem), level="warning", style="red")

    def node_back(self) -> None:
        """The node answers again."""
        self._tell("node_back", "The node answers again")

    def problem(self, problem: MarketError) -> None:
        """Something went wrong, and the consumer goes on."""
        self._tell("problem", str(problem), kind_of(problem), level="error")

    def note(self, text: str) -> None:
        """Anything else worth a line."""
        self._tell("note", text)

    def _bid_won(self, request_id: int, result: BidResult) -> None:
        energy, payment = format_kwh(result.energy_wh), format_eth(result.payment_wei)
        price = format_eth_per_kwh(result.price_wei_per_wh)
        self._tell(
            "bid_won",
            f"  Won{named(result.device)}: {energy} kWh at {price} ETH/kWh = {payment} ETH "
            f"{payment_words(result)}",
            {
                "request_id": request_id,
                "device": result.device,
                "energy_kwh": energy,
                "price_eth_per_kwh": price,
                "payment_eth": payment,
                "payment_state": result.payment_state.value,
                "transaction": result.transaction,
            },
            style="green",
        )

    def _tell(
        self,
        name: str,
        text: str,
        fields: Mapping[str, JSON] | None = None,
        *,
        style: str = "",
        level: Level = "info",
    ) -> None:
        style = style or {"info": "", "warning": "yellow", "error": "red"}[level]
        self._tell_happening(Happening(name, text, fields or {}, style, level))
