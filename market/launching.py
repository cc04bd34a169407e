"""Handing transactions over: at most once, and with fees below a ceiling.

What makes "at most once" hold, whatever is lost on the way: a transaction is sent with the number
of the account's transactions on chain as its nonce, and a new one only where the chain shows that
the former was not carried out. If both are still under way, they exclude each other.
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any

from eth_account.datastructures import SignedTransaction
from eth_typing import ChecksumAddress
from hexbytes import HexBytes
from web3 import Web3
from web3.contract.contract import ContractConstructor, ContractFunction
from web3.exceptions import ContractLogicError, Web3RPCError
from web3.types import BlockIdentifier, TxParams, Wei

from market.errors import MarketError
from market.fees import FeeCeilingError, Fees, current_fees, raised_fees
from market.flight import Flight, Journal, ShortJournal
from market.landing import Sent, is_known, landed, landed_unnoticed
from market.node import (
    NodeUnavailableError,
    next_block,
    node_errors,
    node_name,
    rpc_message,
)
from market.patience import Patience
from market.refusals import is_final, is_lack_of_ether
from market.reverts import explained
from market.rollup import EthereumShare
from market.signer import Signer
from market.signing_limits import MAX_GAS
from market.units import format_eth

REPLACE_SECONDS = 15.0

# What others do between the estimate and the block can make a call somewhat dearer.
_GAS_MARGIN_PERCENT = 25
# What an account of the chain can hold.
_MOST_WEI = 2**256 - 1
# Behind one address there may be several nodes, and one of them may not know a receipt yet.
_LOOKS_FOR_RECEIPT, _RECEIPT_S = 4, 10.0

Check = Callable[[int], None]
"""What is given the nonce once it is known; if it raises an error, nothing is sent."""


class DryRunError(MarketError):
    """Nothing was handed over, as this is a dry run."""


class RefusedError(MarketError):
    """The node refuses a transaction for now, in words that may not hold for long."""


class BusyError(MarketError):
    """An earlier transaction of the account is not in a block yet."""


class DroppedError(MarketError):
    """Another transaction of the account took this one's place; this one never happens."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A transaction without a nonce yet; `fee_wei` is what it likely costs."""

    fields: dict[str, Any]
    fees: Fees
    estimated_gas: int
    rollup_fee_wei: int = 0

    @property
    def fee_wei(self) -> int:
        """Return what it likely costs, its place on Ethereum included where a rollup charges it."""
        return self.estimated_gas * self.fees.expected_wei + self.rollup_fee_wei


class Launcher:
    """Launches transactions from one account, and looks after them.

    `patience` is for whoever waits for a node that is away; nothing here does.
    """

    def __init__(
        self,
        web3: Web3,
        signer: Signer,
        journal: Journal | None = None,
        ceiling_wei: int | None = None,
        replace_s: float = REPLACE_SECONDS,
        oracles: tuple[ChecksumAddress, ...] = (),
        *,
        dry_run: bool = False,
    ) -> None:
        """The ceiling is the most a unit of gas may cost, None for no ceiling.

        A transaction is replaced every `replace_s` until it is in a block. `oracles` are the
        contracts, one of which may tell what a rollup charges beside the gas. In a dry run all is
        done but the last: whatever would hand a transaction over raises DryRunError instead.
        """
        self.web3 = web3
        self.signer = signer
        self.dry_run = dry_run
        self.journal = journal or ShortJournal()
        self.on_replaced: Callable[[str, int], None] = lambda _hash, _fee_wei: None
        self.patience = Patience()
        self._ceiling_wei = ceiling_wei
        self._replace_s = replace_s
        self._share = EthereumShare(web3, oracles)

    def balance_wei(self) -> int:
        """Return what the account holds."""
        with node_errors(self.web3):
            balance_wei = int(self.web3.eth.get_balance(self.signer.address))
        if balance_wei > _MOST_WEI:
            raise NodeUnavailableError(
                f"The node at {node_name(self.web3)} tells of more Ether than there can be: "
                "asking it again"
            )
        return balance_wei

    def fees(self) -> Fees:
        """Return what gas costs at present; FeeCeilingError if that is more than allowed."""
        return current_fees(self.web3, self._ceiling_wei)

    def rollup_fee_wei(self, transaction: dict[str, Any]) -> int:
        """Return what a rollup charges for a transaction's place on Ethereum, at present."""
        return self._share.fee_wei(transaction)

    def unfinished(self, block: BlockIdentifier = "latest") -> list[Flight]:
        """Return the flights that could still land: another with their nonce did not."""
        flights = self.journal.flights(self.signer.address)
        if not flights:
            return []
        count = self._count(block)
        return [flight for flight in flights if flight.nonce >= count]

    def prepare(
        self,
        call: ContractFunction | ContractConstructor,
        *,
        value_wei: int = 0,
        spare_gas: int = 0,
    ) -> Prepared:
        """Return the transaction with its gas limit and fees; RevertError if it would fail.

        RefusedError if the node does not estimate it at present.
        """
        base: TxParams = {"from": self.signer.address, "value": Wei(value_wei)}
        fees = self.fees()
        with node_errors(self.web3):
            try:
                estimate = call.estimate_gas(base, next_block(self.web3))
            except ContractLogicError as error:
                raise explained(error) from None
            except Web3RPCError as problem:
                raise self._refusal(problem, value_wei) from None
            gas = min(estimate * (100 + _GAS_MARGIN_PERCENT) // 100 + spare_gas, MAX_GAS)
            limits = {"gas": gas, "chainId": self.web3.eth.chain_id, "nonce": 0, **fees.fields()}
            built = dict(call.build_transaction({**base, **limits}))  # type: ignore[arg-type]
        if not built.get("to"):
            # What creates a contract goes to nobody; written down as empty, it could not be signed.
            built.pop("to", None)
        return Prepared(built, fees, estimate, self.rollup_fee_wei(built))

    def launch(
        self,
        prepared: Prepared,
        purpose: str,
        subject: int = 0,
        *,
        block: BlockIdentifier = "latest",
        instead_of: Flight | None = None,
        check: Check | None = None,
    ) -> Flight:
        """Hand a transaction over, and return it as a flight to be looked after.

        It can be carried out only if nothing else of this account has been since `block`.
        `instead_of` is a flight that it replaces. BusyError if another one is under way. What comes
        after a transaction that is gone is not: this one takes the place of that.
        """
        fees = prepared.fees
        nonce = self._free_nonce(block, instead_of, (purpose, subject))
        if check:
            check(nonce)
        replaced = instead_of if instead_of and instead_of.nonce == nonce else None
        if replaced:
            raised = raised_fees(replaced.fees, fees, self._ceiling_wei)
            if raised is None:
                raise FeeCeilingError(
                    "A transaction of this account is stuck, and to replace it takes higher fees "
                    "than MAX_FEE_GWEI: raise it, or wait until gas is cheaper"
                )
            fees = raised
        transaction = {**prepared.fields, **fees.fields(), "nonce": nonce}
        flight = Flight(self.signer.address, nonce, purpose, subject, [], [], is_new=True)
        flight.seen_block = block if isinstance(block, int) else 0
        self._hand_over(flight, transaction)
        if replaced and replaced.key != flight.key:
            self.journal.forget_flights([replaced])
        return flight

    def look(self, flight: Flight) -> Sent | None:
        """Return what became of a flight; None while it is not in a block.

        RevertError if the contract refused it; DroppedError if another transaction took its place.
        """
        if sent := landed(self.web3, flight):
            return sent
        if self._count("latest") > flight.nonce:
            if sent := landed_unnoticed(self.web3, flight):
                return sent
            if flight.passed_s is None:
                flight.passed_s = monotonic()
            flight.looks_since_passed += 1
            late = monotonic() - flight.passed_s >= _RECEIPT_S
            if late and flight.looks_since_passed >= _LOOKS_FOR_RECEIPT:
                self.journal.forget_flights([flight])
                raise DroppedError(
                    "Another transaction of this account took the place of the one that was sent"
                )
        else:
            # A reorganisation may have set its place free again.
            flight.passed_s, flight.looks_since_passed = None, 0
        return None

    def is_known(self, flight: Flight) -> bool:
        """Return whether the node knows of a flight, or may without this program knowing it."""
        return None in flight.hashes or any(
            is_known(self.web3, sent_hash) for sent_hash in flight.hashes if sent_hash
        )

    def is_busy(self) -> bool:
        """Return whether the node knows of a transaction of this account without a block yet."""
        return self._count("pending") > self._count("latest")

    def is_next(self, flight: Flight) -> bool:
        """Return whether nothing of this account has to be carried out before a flight."""
        return flight.nonce == self._count("latest")

    def is_due(self, flight: Flight) -> bool:
        """Return whether a flight should be handed over again."""
        waits_s = monotonic() - (flight.handed_over_s or 0.0)
        return flight.handed_over_s is None or waits_s >= self._replace_s

    def urge(self, flight: Flight, *, dearer: bool = True) -> None:
        """Hand a flight over again, with higher fees unless it must not become `dearer`.

        It is unchanged, too, the first time after a restart.
        """
        first = flight.handed_over_s is None
        again = self._raised(flight) if dearer and not first else flight.newest
        self._hand_over(flight, again)

    # Internal

    def _free_nonce(
        self, block: BlockIdentifier, instead_of: Flight | None, what: tuple[str, int]
    ) -> int:
        count = self._count(block)
        if instead_of and instead_of.nonce == count:
            return count
        mine = [f for f in self.journal.flights(self.signer.address) if f.nonce >= count]
        if any(_is_in_the_way(f, count, what) for f in mine) or self._count("pending") > count:
            whose = "An earlier" if mine else "Another program's"
            raise BusyError(
                f"{whose} transaction of this account is not in a block yet: waiting for it"
            )
        return count

    def _raised(self, flight: Flight) -> dict[str, Any]:
        """Return the newest version with higher fees, or as it is if they would be too high."""
        try:
            fees = raised_fees(flight.fees, self.fees(), self._ceiling_wei)
        except FeeCeilingError:
            fees = None
        return {**flight.newest, **fees.fields()} if fees else flight.newest

    def _hand_over(self, flight: Flight, transaction: dict[str, Any]) -> None:
        """Note a version of the flight, and give it to the node; that may fail and is done again.

        MarketError if the flight was never given to a node before, and is refused for good.
        """
        if self.dry_run:
            raise DryRunError("DRY_RUN is on: nothing is sent")
        signed = self.signer.sign(transaction)
        replaced = bool(flight.versions) and transaction != flight.newest
        if not flight.versions or replaced:
            flight.versions.append(transaction)
            flight.hashes.append(HexBytes(signed.hash).to_0x_hex() if signed else None)
        # Before it is sent: whatever happens from here on, a restart knows of it.
        self.journal.save_flight(flight)
        was_new, flight.is_new = flight.is_new, False
        try:
            self._give(flight, signed)
        except Web3RPCError as problem:
            flight.refusal = rpc_message(problem)
            if is_final(flight.refusal):
                if was_new:
                    self.journal.forget_flights([flight])
                    raise self._refusal(problem, int(transaction["value"])) from None
                if replaced:
                    self._take_back(flight)
                replaced = False
        except Exception:
            # Whatever came instead of a sensible answer, the node may have the transaction.
            flight.handed_over_s = None
            return
        else:
            flight.refusal = ""
        flight.handed_over_s = monotonic()
        if replaced:
            self.on_replaced(flight.hashes[-1] or "", flight.fees.maximum_wei)

    def _give(self, flight: Flight, signed: SignedTransaction | None) -> None:
        """Give the newest version to the node."""
        if signed:
            self.web3.eth.send_raw_transaction(signed.raw_transaction)
            return
        sent_hash = self.web3.eth.send_transaction(flight.newest)  # type: ignore[arg-type]
        flight.hashes[-1] = sent_hash.to_0x_hex()
        self.journal.save_flight(flight)

    def _take_back(self, flight: Flight) -> None:
        """Forget a replacement that the node has refused; the version before may still land."""
        flight.versions.pop()
        flight.hashes.pop()
        self.journal.save_flight(flight)

    def _refusal(self, problem: Web3RPCError, value_wei: int) -> MarketError:
        said = rpc_message(problem)
        if not is_lack_of_ether(said):
            kind = MarketError if is_final(said) else RefusedError
            return kind(f"The node refused the transaction: {said}")
        needed = f"{format_eth(value_wei)} ETH and the fee are" if value_wei else "the fee is"
        return MarketError(
            f"Account {self.signer.address} holds {format_eth(self.balance_wei())} ETH, and "
            f"{needed} more than that: send Ether to it, or use another account"
        )

    def _count(self, block: BlockIdentifier) -> int:
        with node_errors(self.web3):
            return self.web3.eth.get_transaction_count(self.signer.address, block)


def _is_in_the_way(flight: Flight, nonce: int, what: tuple[str, int]) -> bool:
    """Return whether a flight has the nonce, or is for the same and must not happen twice."""
    is_same = (flight.purpose, flight.subject) == what
    return flight.nonce == nonce or (is_same and not flight.is_harmless)
