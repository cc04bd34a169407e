"""The contract Demand_Reduction as Python sees it: typed, in the chain's units."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from eth_typing import BlockNumber, ChecksumAddress
from web3 import Web3
from web3.contract import Contract
from web3.contract.contract import ContractFunction
from web3.exceptions import BadFunctionCallOutput, ContractLogicError
from web3.types import BlockIdentifier, EventData

from market.artifact import load_artifact
from market.clearing import Access, Bid, Pricing
from market.errors import MarketError
from market.node import first_block_at, node_errors
from market.reverts import explained
from market.transactions import Sender, Sent
from market.units import PRICE_LEVELS, escrow_wei

BOOKS = 16
"""How many requests can be unfinished at a time: always the newest ones."""

_PAGE = 500
# A bid costs that much more in slots that are used for the first time; by the time it is in a
# block, others may have taken the used ones that it was estimated with.
_FIRST_USE_GAS = 40_000
# A payee can see that it is being estimated, and burn all it gets only when it is really paid.
_HOSTILE_PAYEE_GAS = 60_000
# Free plans of public nodes refuse more blocks than that in one question.
_LOG_RANGE = 1_000


class Status(IntEnum):
    """The phase of a request; numbered as in the contract."""

    NONE = 0
    BIDDING = 1
    CLEARED = 2
    SETTLED = 3
    CANCELLED = 4


class Standing(IntEnum):
    """What the utility knows of a consumer; numbered as in the contract."""

    UNKNOWN = 0
    REGISTERED = 1
    APPROVED = 2
    REVOKED = 3


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it stands on chain: energy in Wh, prices in wei per Wh, times in Unix s."""

    request_id: int
    status: Status
    access: Access
    pricing: Pricing
    utility: ChecksumAddress
    reduction_wh: int
    price_step_wei: int
    gate_closure: int
    dispatch_start: int
    dispatch_end: int
    minimum_bid_wh: int
    bid_count: int
    clearing_level: int
    energy_wh: int
    escrow_wei: int
    cost_wei: int
    paid_wei: int
    deferred_wei: int
    refunded_wei: int

    @property
    def maximum_price_wei_per_wh(self) -> int:
        """The most that is paid for a Wh."""
        return PRICE_LEVELS * self.price_step_wei

    @property
    def clearing_price_wei_per_wh(self) -> int:
        """The price of the last bid accepted, 0 before selection and where nothing was bought."""
        return self.clearing_level * self.price_step_wei


@dataclass(frozen=True, slots=True)
class Quote:
    """The outcome of a request if its gate closed now."""

    clearing_level: int
    energy_wh: int
    cost_wei: int
    offered_wh: int


@dataclass(frozen=True, slots=True)
class Payment:
    """What a winning bid got; `pushed` is False if it waits in the contract to be withdrawn."""

    bid_id: int
    consumer: ChecksumAddress
    energy_wh: int
    amount_wei: int
    pushed: bool
    transaction: str


@dataclass(frozen=True, slots=True)
class Terms:
    """What a utility asks for."""

    reduction_wh: int
    price_step_wei: int
    bidding_seconds: int
    minimum_bid_wh: int = 0
    pricing: Pricing = Pricing.UNIFORM
    dispatch_start: int = 0
    dispatch_end: int = 0

    @property
    def escrow_wei(self) -> int:
        """What the request needs in escrow."""
        return escrow_wei(self.reduction_wh, self.price_step_wei)


def deploy(sender: Sender, access: Access) -> tuple[ChecksumAddress, Sent]:
    """Deploy a contract whose utility is the sender, and return its address."""
    artifact = load_artifact()
    factory = sender.web3.eth.contract(abi=artifact["abi"], bytecode=artifact["bytecode"])
    sent = sender.send(factory.constructor(int(access)))
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
        self._require_this_kind()

    # Views

    def head(self) -> BlockNumber:
        """Return the newest block's number."""
        with node_errors(self.web3):
            return self.web3.eth.block_number

    @property
    def chain_id(self) -> int:
        """The chain that the contract is on."""
        with node_errors(self.web3):
            return self.web3.eth.chain_id

    def request_count(self) -> int:
        """Return the number of requests, which is the newest one's id."""
        return int(self._view("request_count"))

    def recent(self) -> list[Request]:
        """Return the newest requests, all unfinished ones among them, the oldest first."""
        newest = self.request_count()
        return [self.request(i) for i in range(max(1, newest - BOOKS + 1), newest + 1)]

    def unfinished(self) -> list[Request]:
        """Return the requests that are open or cleared, the oldest first."""
        return [r for r in self.recent() if r.status in (Status.BIDDING, Status.CLEARED)]

    def request(self, request_id: int, block: BlockIdentifier = "latest") -> Request:
        """Return a request; its status is NONE if there is none of this id."""
        status, access, pricing, *rest = self._view("get_request", request_id, block=block)
        return Request(request_id, Status(status), Access(access), Pricing(pricing), *rest)

    def bids(self, request_id: int) -> list[Bid]:
        """Return the bids that were not withdrawn, in the order of arrival."""
        pages = self._pages("get_bids", request_id)
        return [Bid(*row) for row in pages if row[2]]

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

    def payments(self, request: Request, consumer: ChecksumAddress | None = None) -> list[Payment]:
        """Return what the winners of a request got so far, all or one consumer's, in turn."""
        wanted = {"request_id": request.request_id}
        paid = self._logs_since_closure(request, "WinnerPaid", wanted, "consumer", consumer)
        deferred = self._logs_since_closure(request, "PaymentDeferred", wanted, "payee", consumer)
        # Bid 0 is the utility's refund.
        logs = [log for log in (*paid, *deferred) if log["args"]["bid_id"]]
        return [_payment(log) for log in sorted(logs, key=_position)]

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
            value_wei=terms.escrow_wei,
        )
        (event,) = self._contract.events.ReductionRequested().process_receipt(sent.receipt)
        return event["args"]["request_id"], sent

    def submit_bids(
        self, sender: Sender, request_id: int, bids: Sequence[tuple[int, int]]
    ) -> tuple[int, Sent]:
        """Submit bids (energy in Wh, price level) and return the first one's id."""
        call = self._contract.functions.submit_bids(request_id, bids)
        sent = sender.send(call, spare_gas=_FIRST_USE_GAS * len(bids))
        (event,) = self._contract.events.BidsSubmitted().process_receipt(sent.receipt)
        return event["args"]["first_bid_id"], sent

    def select_winners(self, sender: Sender, request_id: int) -> Sent:
        """Clear a request whose gate has closed."""
        return sender.send(self._contract.functions.select_winners(request_id))

    def pay_winners(self, sender: Sender, request: Request, max_winners: int) -> Sent:
        """Pay the next winners of a cleared request."""
        call = self._contract.functions.pay_winners(request.request_id, max_winners)
        payees = min(max_winners, request.bid_count)
        return sender.send(call, spare_gas=_HOSTILE_PAYEE_GAS * payees)

    def cancel_request(self, sender: Sender, request_id: int) -> Sent:
        """Cancel a request of the sender before its gate closure."""
        return sender.send(self._contract.functions.cancel_request(request_id))

    def approve(self, sender: Sender, consumers: Sequence[ChecksumAddress]) -> Sent:
        """Approve consumers."""
        return sender.send(self._contract.functions.approve(consumers))

    def revoke(self, sender: Sender, consumers: Sequence[ChecksumAddress]) -> Sent:
        """Take registration and approval from consumers."""
        return sender.send(self._contract.functions.revoke(consumers))

    def register(self, sender: Sender) -> Sent:
        """Register the sender as a consumer."""
        return sender.send(self._contract.functions.register())

    def withdraw(self, sender: Sender) -> Sent:
        """Take out the sender's deferred money."""
        return sender.send(self._contract.functions.withdraw())

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

    def _logs_since_closure(
        self,
        request: Request,
        event: str,
        wanted: dict[str, Any],
        person: str,
        address: ChecksumAddress | None,
    ) -> Iterator[EventData]:
        """Yield the logs of an event since gate closure, in ranges that a node answers."""
        if address:
            wanted = {**wanted, person: address}
        head = self.head()
        start = first_block_at(self.web3, request.gate_closure, head)
        for from_block in range(start, head + 1, _LOG_RANGE):
            to_block = min(from_block + _LOG_RANGE - 1, head)
            with node_errors(self.web3):
                yield from self._contract.events[event].get_logs(
                    from_block=BlockNumber(from_block),
                    to_block=BlockNumber(to_block),
                    argument_filters=wanted,
                )

    def _pages(self, name: str, request_id: int) -> Iterator[Any]:
        """Yield the rows of a view that takes an offset and a limit."""
        offset = 0
        while rows := self._view(name, request_id, offset, _PAGE):
            yield from rows
            offset += len(rows)
            if len(rows) < _PAGE:
                return


def _payment(log: EventData) -> Payment:
    fields = log["args"]
    pushed = log["event"] == "WinnerPaid"
    return Payment(
        bid_id=fields["bid_id"],
        consumer=fields["consumer"] if pushed else fields["payee"],
        energy_wh=fields["energy_wh"],
        amount_wei=fields["amount_wei"],
        pushed=pushed,
        transaction=log["transactionHash"].to_0x_hex(),
    )


def _position(log: EventData) -> tuple[int, int]:
    return log["blockNumber"], log["logIndex"]


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except ContractLogicError as error:
        raise explained(error) from None
    except BadFunctionCallOutput:
        raise MarketError("The contract's answer cannot be read: is it of another kind?") from None
