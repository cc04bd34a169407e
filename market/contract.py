"""The contract Demand_Reduction as Python sees it: typed, in the chain's units."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from eth_typing import ChecksumAddress
from eth_utils.abi import event_abi_to_log_topic
from hexbytes import HexBytes
from web3 import Web3
from web3.contract import Contract
from web3.contract.contract import ContractFunction
from web3.exceptions import BadFunctionCallOutput, ContractLogicError
from web3.types import BlockIdentifier, LogReceipt, TxReceipt

from market.artifact import load_artifact
from market.clearing import Access, Bid, Pricing
from market.errors import MarketError
from market.logs import log_reader, logs_in_ranges
from market.model import BOOKS, Payment, Quote, Request, Standing, Status, Terms
from market.node import Block, first_block_at, latest_block, node_errors
from market.reverts import explained
from market.transactions import Prepared, Sender, Sent
from market.units import PRICE_LEVELS

_PAGE = 500
# A bid costs that much more in slots that are used for the first time; by the time it is in a
# block, others may have taken the used ones that it was estimated with.
_FIRST_USE_GAS = 40_000
# A payee can see that it is being estimated, and burn all it gets only when it is really paid.
_HOSTILE_PAYEE_GAS = 60_000
_PAID, _DEFERRED = "WinnerPaid", "PaymentDeferred"


class NotShownYetError(MarketError):
    """The node knows what has become of a request, but not yet the events that tell it."""


def deploy(sender: Sender, access: Access) -> tuple[ChecksumAddress, Sent]:
    """Deploy a contract whose utility is the sender, and return its address."""
    artifact = load_artifact()
    factory = sender.web3.eth.contract(abi=artifact["abi"], bytecode=artifact["bytecode"])
    sent = sender.send(factory.constructor(int(access)), "deploy")
    address = sent.receipt["contractAddress"]
    if address is None:
        raise MarketError(f"Transaction {sent.hash} created no contract: is the node in order?")
    return address, sent


class DemandReduction:
    """One deployed contract. Views need no account; the calls that send take a Sender."""

    def __init__(self, web3: Web3, address: ChecksumAddress) -> None:
        """MarketError if there is no such contract at the address."""
        self.web3 = web3
        self.address = address
        self._contract: Contract = web3.eth.contract(address, abi=load_artifact()["abi"])
        names = [entry["name"] for entry in load_artifact()["abi"] if entry["type"] == "event"]
        self._events = dict(zip(self._topics(*names), names, strict=True))
        self._require_this_kind()

    # Views

    def head(self) -> Block:
        """Return the newest block."""
        return latest_block(self.web3)

    @property
    def chain_id(self) -> int:
        """The chain that the contract is on."""
        with node_errors(self.web3):
            return self.web3.eth.chain_id

    def request_count(self, block: BlockIdentifier = "latest") -> int:
        """Return the number of requests, which is the newest one's id."""
        return int(self._view("request_count", block=block))

    def recent(self) -> list[Request]:
        """Return the newest requests, all unfinished ones among them, the oldest first."""
        return [self.request(request_id) for request_id in recent_ids(self.request_count())]

    def unfinished(self) -> list[Request]:
        """Return the requests that are open or cleared, the oldest first."""
        return [r for r in self.recent() if r.status in (Status.BIDDING, Status.CLEARED)]

    def request(self, request_id: int, block: BlockIdentifier = "latest") -> Request:
        """Return a request; its status is NONE if there is none of this id."""
        status, access, pricing, *rest = self._view("get_request", request_id, block=block)
        return Request(request_id, Status(status), Access(access), Pricing(pricing), *rest)

    def bids(self, request_id: int, block: BlockIdentifier = "latest") -> list[Bid]:
        """Return the bids that were not withdrawn, in the order of arrival."""
        return [bid for bid in self._all_bids(request_id, block) if bid.energy_wh]

    def bids_of(
        self,
        consumer: ChecksumAddress,
        request_id: int,
        block: BlockIdentifier = "latest",
        first: int = 0,
    ) -> list[Bid]:
        """Return a consumer's bids in the order of arrival; a withdrawn one has no energy.

        `first` is how many of all bids are passed over.
        """
        return [bid for bid in self._all_bids(request_id, block, first) if bid.consumer == consumer]

    def quote(self, request_id: int, block: BlockIdentifier = "latest") -> Quote:
        """Return the outcome if the gate closed now."""
        return Quote(*self._view("get_quote", request_id, block=block))

    def access(self) -> Access:
        """Return who may bid."""
        return Access(self._view("access"))

    def standing(self, consumer: ChecksumAddress) -> Standing:
        """Return what the utility knows of a consumer."""
        return Standing(self._view("get_standing", consumer))

    def is_allowed(self, consumer: ChecksumAddress) -> bool:
        """Return whether a consumer may bid now."""
        return bool(self._view("is_allowed", consumer))

    def deferred_wei(self, payee: ChecksumAddress) -> int:
        """Return the money that could not be pushed to an account and waits for it."""
        return int(self._view("get_deferred", payee))

    def owner(self) -> ChecksumAddress:
        """Return the utility's address."""
        owner: ChecksumAddress = self._view("owner")
        return owner

    def payments(
        self, request: Request, consumer: ChecksumAddress | None = None, earliest: int = 0
    ) -> list[Payment]:
        """Return what the winners of a request got so far, all or one consumer's, in turn.

        `earliest` is a block before gate closure, if one is known. NotShownYetError if the
        node does not show the end of a request that is settled: it may lack payments, too.
        """
        which = _word(request.request_id)
        topics = [self._topics(_PAID, _DEFERRED), which, _word(consumer) if consumer else None]
        paid = log_reader(self.web3, self.address, topics)
        ended = log_reader(self.web3, self.address, [self._topics("RequestSettled"), which])
        payments: list[Payment] = []
        head = self.head().number
        start = first_block_at(self.web3, request.gate_closure, head, earliest)
        # The end is asked for first: whoever knows it knows the payments before it.
        for logs in logs_in_ranges(self.web3, lambda a, b: ended(a, b) + paid(a, b), start, head):
            found = [self._decoded(log) for log in logs]
            # Bid 0 is the utility's refund.
            payments += [_payment(event) for event in found if event["args"].get("bid_id")]
            if any(event["event"] == "RequestSettled" for event in found):
                return payments
        if request.status == Status.SETTLED:
            raise NotShownYetError(
                f"The node does not show yet how request {request.request_id} has ended: "
                "asking it again"
            )
        return payments

    def requests_bid_in(self, consumer: ChecksumAddress, first: int, last: int) -> set[int]:
        """Return the requests that a consumer has bid in, from one block to another."""
        topics = [self._topics("BidsSubmitted"), None, _word(consumer)]
        read = log_reader(self.web3, self.address, topics)
        return {
            self._decoded(log)["args"]["request_id"]
            for logs in logs_in_ranges(self.web3, read, first, last)
            for log in logs
        }

    # Transactions

    def request_reduction(self, sender: Sender, terms: Terms) -> tuple[int, Sent]:
        """Request a reduction, its escrow included, and return the request's id."""
        sent = sender.send(
            self._contract.functions.request_reduction(
                terms.reduction_wh,
                terms.price_step_wei,
                terms.bidding_seconds,
                terms.dispatch_start,
                terms.dispatch_end,
                terms.minimum_bid_wh,
                int(terms.pricing),
            ),
            "request_reduction",
            value_wei=terms.escrow_wei,
        )
        return self.requested_id(sent.receipt), sent

    def requested_id(self, receipt: TxReceipt) -> int:
        """Return the id of the request that a transaction has made."""
        (event,) = self._contract.events.ReductionRequested().process_receipt(receipt)
        return int(event["args"]["request_id"])

    def submit_bids(
        self, sender: Sender, request_id: int, bids: Sequence[tuple[int, int]]
    ) -> tuple[int, Sent]:
        """Submit bids (energy in Wh, price level) and return the first one's id."""
        call, spare_gas = self._bids_call(request_id, bids)
        sent = sender.send(call, "submit_bids", spare_gas=spare_gas)
        return self.first_bid_id(sent.receipt), sent

    def prepare_bids(
        self, sender: Sender, request_id: int, bids: Sequence[tuple[int, int]]
    ) -> Prepared:
        """Return the transaction that submits bids, for the sender to launch."""
        call, spare_gas = self._bids_call(request_id, bids)
        return sender.prepare(call, spare_gas=spare_gas)

    def first_bid_id(self, receipt: TxReceipt) -> int:
        """Return the id of the first bid that a transaction has submitted."""
        (event,) = self._contract.events.BidsSubmitted().process_receipt(receipt)
        return int(event["args"]["first_bid_id"])

    def select_winners(self, sender: Sender, request_id: int) -> Sent:
        """Clear a request whose gate has closed."""
        return sender.send(self._contract.functions.select_winners(request_id), "select_winners")

    def pay_winners(self, sender: Sender, request: Request, max_winners: int) -> Sent:
        """Pay the next winners of a cleared request."""
        call = self._contract.functions.pay_winners(request.request_id, max_winners)
        payees = min(max_winners, request.bid_count)
        return sender.send(call, "pay_winners", spare_gas=_HOSTILE_PAYEE_GAS * payees)

    def cancel_request(self, sender: Sender, request_id: int) -> Sent:
        """Cancel a request of the sender before its gate closure."""
        return sender.send(self._contract.functions.cancel_request(request_id), "cancel_request")

    def approve(self, sender: Sender, consumers: Sequence[ChecksumAddress]) -> Sent:
        """Approve consumers."""
        return sender.send(self._contract.functions.approve(consumers), "approve")

    def revoke(self, sender: Sender, consumers: Sequence[ChecksumAddress]) -> Sent:
        """Take registration and approval from consumers."""
        return sender.send(self._contract.functions.revoke(consumers), "revoke")

    def register(self, sender: Sender) -> Sent:
        """Register the sender as a consumer."""
        return sender.send(self._contract.functions.register(), "register")

    def withdraw(self, sender: Sender) -> Sent:
        """Take out the sender's deferred money."""
        return sender.send(self._contract.functions.withdraw(), "withdraw")

    # Internal

    def _require_this_kind(self) -> None:
        with node_errors(self.web3):
            code = self.web3.eth.get_code(self.address)
        mend = "check CONTRACT_ADDRESS and the network, or run `brownie run scripts/deploy.py`"
        if not code:
            raise MarketError(f"There is no contract at {self.address} on this chain: {mend}")
        try:
            grid = self._view("PRICE_LEVELS"), self._view("BOOKS")
        except MarketError:
            grid = None
        if grid != (PRICE_LEVELS, BOOKS):
            raise MarketError(f"The contract at {self.address} is not a Demand_Reduction: {mend}")

    def _view(self, name: str, *arguments: Any, block: BlockIdentifier = "latest") -> Any:
        function: ContractFunction = self._contract.functions[name](*arguments)
        with node_errors(self.web3), _explained():
            return function.call(block_identifier=block)

    def _bids_call(
        self, request_id: int, bids: Sequence[tuple[int, int]]
    ) -> tuple[ContractFunction, int]:
        """Return the call and the gas it may need beyond its estimate."""
        call = self._contract.functions.submit_bids(request_id, bids)
        return call, _FIRST_USE_GAS * len(bids)

    def _all_bids(self, request_id: int, block: BlockIdentifier, first: int = 0) -> Iterator[Bid]:
        return (Bid(*row) for row in self._pages("get_bids", request_id, block, first))

    def _topics(self, *events: str) -> list[HexBytes]:
        return [HexBytes(event_abi_to_log_topic(self._contract.events[e].abi)) for e in events]

    def _decoded(self, log: LogReceipt) -> Any:
        """Return a log as its event."""
        return self._contract.events[self._events[log["topics"][0]]]().process_log(log)

    def _pages(
        self, name: str, request_id: int, block: BlockIdentifier, offset: int
    ) -> Iterator[Any]:
        """Yield the rows of a view that takes an offset and a limit."""
        while rows := self._view(name, request_id, offset, _PAGE, block=block):
            yield from rows
            offset += len(rows)
            if len(rows) < _PAGE:
                return


def recent_ids(newest: int) -> range:
    """Return the ids of the newest requests, all unfinished ones among them."""
    return range(max(1, newest - BOOKS + 1), newest + 1)


def _word(value: int | ChecksumAddress) -> HexBytes:
    """Return a number or an address as a topic."""
    number = value if isinstance(value, int) else int(value, 16)
    return HexBytes(number.to_bytes(32, "big"))


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


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except ContractLogicError as error:
        raise explained(error) from None
    except BadFunctionCallOutput:
        raise MarketError("The contract's answer cannot be read: is it of another kind?") from None
