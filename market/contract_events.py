"""What the contract's events tell: who has bid where, how a request ended, what was paid."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from eth_typing import ChecksumAddress
from eth_utils.abi import event_abi_to_log_topic
from hexbytes import HexBytes
from web3 import Web3
from web3.contract import Contract
from web3.exceptions import BadFunctionCallOutput
from web3.types import LogReceipt

from market.decoding import event_in
from market.errors import MarketError
from market.logs import LogSearch, Topics
from market.model import Payment, Request, Status
from market.node import Block, NodeUnavailableError, first_block_at

_PAID, _DEFERRED, _SETTLED, _CANCELLED = (
    *("WinnerPaid", "PaymentDeferred"),
    *("RequestSettled", "RequestCancelled"),
)
# The payments of more bids than that are a lot to read for one who has made a few of them.
_FEW_BIDS = 200


class NotShownYetError(MarketError):
    """The node knows what has become of a request, but not yet the events that tell it."""


@dataclass(frozen=True, slots=True)
class Trace:
    """A block in which a consumer has bid in a request, or was paid for one."""

    request_id: int
    block_number: int
    is_bid: bool


class ContractEvents:
    """Reads one contract's events; `search.on_range` may be set to show that it goes on."""

    def __init__(self, web3: Web3, contract: Contract) -> None:
        self._web3, self._contract = web3, contract
        self.search = LogSearch(web3, contract.address)
        names = [event["name"] for event in contract.abi if event["type"] == "event"]
        self._names = dict(zip(self._topics(*names), names, strict=True))

    def payments(
        self, request: Request, consumer: ChecksumAddress | None, earliest: int, head: Block
    ) -> list[Payment]:
        """See `DemandReduction.payments`."""
        first = first_block_at(self._web3, request.gate_closure, head.number, earliest)
        payments: list[Payment] = []
        for found in self._found(first, head.number, *self._of_the_end(request, consumer)):
            payments += [_payment(event) for event in found if _is_of_a_bid(event, consumer)]
            if any(event["event"] == _SETTLED for event in found):
                return payments
        if request.status == Status.SETTLED:
            raise NotShownYetError(
                f"The node does not show yet how request {request.request_id} has ended: "
                "asking it again"
            )
        return payments

    def _of_the_end(self, request: Request, consumer: ChecksumAddress | None) -> Iterator[Topics]:
        """Yield what to ask for, in an order in which whoever shows the end shows the payments."""
        which = _word(request.request_id)
        if consumer and request.bid_count > _FEW_BIDS:
            yield [self._topics(_SETTLED), which]
            yield [self._topics(_PAID, _DEFERRED), which, _word(consumer)]
        else:
            yield [self._topics(_PAID, _DEFERRED, _SETTLED), which]

    def traces_of(self, consumer: ChecksumAddress, first: int, last: int) -> list[Trace]:
        """Return where a consumer has bid and was paid, from one block to another, in turn."""
        names = self._topics("BidsSubmitted", _PAID, _DEFERRED)
        return [
            Trace(event["args"]["request_id"], event["blockNumber"], "bids" in event["args"])
            for found in self._found(first, last, [names, None, _word(consumer)])
            for event in found
            if _is_of_a_bid(event, consumer)
        ]

    def ended(self, request_ids: Iterable[int], first: int, last: int) -> set[int]:
        """Return which of the requests have ended from one block to another."""
        wanted = [_word(request_id) for request_id in request_ids]
        topics = [self._topics(_SETTLED, _CANCELLED), wanted]
        return {
            event["args"]["request_id"]
            for found in (self._found(first, last, topics) if wanted else ())
            for event in found
        }

    def _found(self, first: int, last: int, *asked: Topics) -> Iterator[list[Any]]:
        for logs in self.search.ranges(first, last, *asked):
            yield [self._decoded(log) for log in logs]

    def _topics(self, *events: str) -> list[HexBytes]:
        return [HexBytes(event_abi_to_log_topic(self._contract.events[e].abi)) for e in events]

    def _decoded(self, log: LogReceipt) -> Any:
        """Return a log as its event, with the fields that are of use here."""
        name = self._names[log["topics"][0]]
        try:
            arguments = event_in(log, self._contract.events[name].abi)
        except BadFunctionCallOutput:
            raise NodeUnavailableError(
                f"The node tells of a {name} that cannot be read: asking it again"
            ) from None
        told = {key: log[key] for key in ("blockNumber", "transactionHash")}
        return {"event": name, "args": arguments, **told}


def _word(value: int | ChecksumAddress) -> HexBytes:
    """Return a number or an address as a topic."""
    number = value if isinstance(value, int) else int(value, 16)
    return HexBytes(number.to_bytes(32, "big"))


def _is_of_a_bid(event: Any, consumer: ChecksumAddress | None) -> bool:
    """Return whether an event is about a bid, of anybody or of one consumer."""
    fields = event["args"]
    whose = fields.get("consumer") or fields.get("payee")
    # Bid 0 is the utility's refund.
    return bool(fields.get("bid_id", fields.get("first_bid_id"))) and consumer in (None, whose)


def _payment(event: Any) -> Payment:
    fields = event["args"]
    pushed = event["event"] == _PAID
    return Payment(
        bid_id=fields["bid_id"],
        consumer=fields["consumer"] if pushed else fields["payee"],
        energy_wh=fields["energy_wh"],
        amount_wei=fields["amount_wei"],
        pushed=pushed,
        transaction=event["transactionHash"].to_0x_hex(),
    )
