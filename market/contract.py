"""The contract Demand_Reduction as Python sees it: typed, in the chain's units."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

from eth_typing import ChecksumAddress
from web3 import Web3
from web3.contract import Contract
from web3.contract.contract import ContractFunction
from web3.exceptions import BadFunctionCallOutput, ContractLogicError
from web3.types import BlockIdentifier, TxParams, TxReceipt

from market.artifact import load_artifact
from market.clearing import Access, Bid, Pricing
from market.contract_events import ContractEvents
from market.decoding import rows_in
from market.errors import MarketError
from market.invocation import command
from market.landing import Sent
from market.launching import Check, Prepared
from market.model import BOOKS, Payment, Quote, Request, Standing, Status, Terms
from market.node import (
    Block,
    NodeUnavailableError,
    is_catching_up,
    latest_block,
    node_errors,
    node_name,
)
from market.pages import LONGEST_PAGE, rows_in_pages
from market.portions import Portion
from market.reverts import explained
from market.transactions import Sender
from market.units import PRICE_LEVELS

# What the contract can hold; a node that tells of more would have us read for ever.
_MOST_REQUESTS = 2**20
# No wallet's own bids in a request are as many.
_MOST_OWN_BIDS = 10_000
# What nodes say of code that fails without a reason, as another contract's may.
_CODE_FAILED = re.compile(
    r"opcode|invalid (jump|instruction)|stack (under|over)flow|out of gas|EVM error", re.IGNORECASE
)
# A bid costs that much more in slots that are used for the first time; by the time it is in a
# block, others may have taken the used ones that it was estimated with.
_FIRST_USE_GAS = 40_000
# A payee can see that it is being estimated, and burn all it gets only when it is really paid.
_HOSTILE_PAYEE_GAS = 60_000
REQUEST_PURPOSE = "request_reduction"


class _UnreadableError(NodeUnavailableError):
    """What should be an answer of the contract is none, as of another kind of contract."""


class DemandReduction:
    """One deployed contract. Views need no account; the calls that send take a Sender."""

    def __init__(self, web3: Web3, address: ChecksumAddress) -> None:
        """MarketError if there is no such contract at the address.

        NodeUnavailableError if the node is away, or may just not have it yet.
        """
        self.web3 = web3
        self.address = address
        self._contract: Contract = web3.eth.contract(address, abi=load_artifact()["abi"])
        self.events = ContractEvents(web3, self._contract)
        self._page = Portion(LONGEST_PAGE)
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
        count = int(self._view("request_count", block=block))
        if count > _MOST_REQUESTS:
            raise NodeUnavailableError(f"The node tells of {count:.3e} requests: asking it again")
        return count

    def recent(self, block: BlockIdentifier = "latest") -> list[Request]:
        """Return the newest requests, all unfinished ones among them, the oldest first."""
        return [self.request(i, block) for i in recent_ids(self.request_count(block))]

    def unfinished(self, block: BlockIdentifier = "latest") -> list[Request]:
        """Return the requests that are open or cleared, the oldest first."""
        return [r for r in self.recent(block) if r.status in (Status.BIDDING, Status.CLEARED)]

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
        every = self._all_bids(request_id, block, first)
        mine = [*islice((bid for bid in every if bid.consumer == consumer), _MOST_OWN_BIDS + 1)]
        if len(mine) > _MOST_OWN_BIDS:
            raise NodeUnavailableError("The node tells of bids without end: asking it again")
        return mine

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

    # Events

    def payments(
        self,
        request: Request,
        consumer: ChecksumAddress | None = None,
        earliest: int = 0,
        head: Block | None = None,
    ) -> list[Payment]:
        """Return what the winners of a request got up to `head`, all or one consumer's, in turn.

        `earliest` is a block before gate closure, if one is known; without `head` the newest block
        is asked for. NotShownYetError if the node does not show the end of a request that is
        settled: it may lack payments, too.
        """
        return self.events.payments(request, consumer, earliest, head or self.head())

    # Transactions

    def request_reduction(
        self,
        sender: Sender,
        terms: Terms,
        run: int = 0,
        block: BlockIdentifier = "latest",
        check: Check | None = None,
    ) -> tuple[int, Sent]:
        """Request a reduction, its escrow included, and return the request's id.

        The transaction stays in the sender's journal as one of this run's. BusyError if the sender
        has done anything else since `block`.
        """
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
            REQUEST_PURPOSE,
            run,
            value_wei=terms.escrow_wei,
            block=block,
            check=check,
            keep=True,
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
        utility = f"ask the utility for it, whose `{command('deploy')}` makes one"
        mend = f"check CONTRACT_ADDRESS and the network, or {utility}"
        if not code and is_catching_up(self.web3):
            raise NodeUnavailableError(
                f"The node at {node_name(self.web3)} is still catching up with its network, and "
                f"has no contract at {self.address} yet: waiting for it"
            )
        if not code:
            raise MarketError(f"There is no contract at {self.address} on this chain: {mend}")
        try:
            grid = self._view("PRICE_LEVELS"), self._view("get_constants")[0]
        except _UnreadableError:
            grid = None
        except NodeUnavailableError as problem:
            if not _CODE_FAILED.search(str(problem)):
                raise
            grid = None
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
        view = self._contract.functions.get_bids(request_id, 0, 0).abi

        def page(offset: int, limit: int) -> list[tuple[Any, ...]]:
            arguments = (request_id, offset, limit)
            data = self._contract.encode_abi("get_bids", arguments)
            asked: TxParams = {"to": self.address, "data": data}
            return rows_in(self.web3.eth.call(asked, block), view)

        with node_errors(self.web3), _explained():
            for row in rows_in_pages(page, first, self._page):
                yield Bid(*row)


def recent_ids(newest: int) -> range:
    """Return the ids of the newest requests, all unfinished ones among them."""
    return range(max(1, newest - BOOKS + 1), newest + 1)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except ContractLogicError as error:
        raise explained(error) from None
    except BadFunctionCallOutput as problem:
        # web3 says so where there is no code at the address; it has no error of its own for that.
        if "deployed" in str(problem):
            raise MarketError("The contract is not on this chain: is it another one now?") from None
        raise _UnreadableError("The node's answer for the contract makes no sense") from None
