"""A warning while there is still time to send Ether to an account."""

from dataclasses import dataclass

from market.fees import FeeCeilingError
from market.node import Block
from market.reporter import Reporter
from market.transactions import Sender
from market.units import format_eth

_CHECK_EVERY_S = 300
_ANSWERS_AHEAD = 10
_ANSWER_GAS, _BID_GAS = 30_000, 40_000
# What an answer looks like to a rollup, which charges for bytes: most of a word is zeros.
_ANSWER_DATA, _BID_DATA = b"\xff" * 32 + bytes(96), b"\xff" * 6 + bytes(58)


@dataclass(slots=True)
class BalanceWatch:
    """Looks at the balance every few minutes of the chain's time, and tells each change once."""

    sender: Sender
    report: Reporter
    low_wei: int | None = None
    balance_wei: int | None = None
    _checked_s: int = 0
    _poor: bool = False

    @property
    def problem(self) -> str:
        """What is wrong with the balance, empty if nothing is."""
        if not self._poor or self.balance_wei is None:
            return ""
        return f"the account holds only {format_eth(self.balance_wei)} ETH: send Ether to it"

    def check(self, head: Block, bid_count: int) -> None:
        """Look, if it is time to; by itself what ten answers cost at present is little."""
        if abs(head.time_s - self._checked_s) < _CHECK_EVERY_S:
            return
        self.balance_wei = self.sender.balance_wei()
        try:
            needed_wei = self._needed_wei(bid_count)
        except FeeCeilingError:
            # Nothing is sent at present; what it would cost later is not known.
            return
        self._checked_s = head.time_s
        if self.balance_wei < needed_wei and not self._poor:
            self.report.low_balance(self.balance_wei, needed_wei)
        elif self.balance_wei >= needed_wei and self._poor:
            self.report.balance_recovered(self.balance_wei)
        self._poor = self.balance_wei < needed_wei

    def _needed_wei(self, bid_count: int) -> int:
        if self.low_wei is not None:
            return self.low_wei
        gas = _ANSWER_GAS + _BID_GAS * bid_count
        fees = self.sender.fees()
        written = {"chainId": 0, "nonce": 0, "gas": gas, "value": 0, **fees.fields()}
        data = _ANSWER_DATA + _BID_DATA * bid_count
        answer_wei = self.sender.rollup_fee_wei({**written, "data": data})
        return _ANSWERS_AHEAD * (gas * fees.maximum_wei + answer_wei)
