"""Who has been paid, and whether the Ether is where it should be."""

from collections import Counter

from bench.chain import Receipt, WrongOutcome
from bench.codec import Event
from bench.contract import Market

REFUND = 0
"""The bid's number in the event of a payment to the utility."""

Payment = tuple[int, str, int, int]
"""The bid, who is paid, for what (Wh), how much (wei)."""


class Ledger:
    """The payments of one request, and what everybody held before it."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._before_wei: dict[str, int] = {}
        self._credited_wei: Counter[str] = Counter()
        self.payments: list[Payment] = []
        self.watch(market.chain.utility)
        self.watch(market.address)

    def watch(self, account: str) -> None:
        """Keep what the account holds now, if that is not known yet."""
        if account not in self._before_wei:
            self._before_wei[account] = self._market.chain.balance_wei(account)

    def note(self, receipt: Receipt) -> int:
        """Keep what a transaction has paid or credited; return to how many winners."""
        credited = self._market.events("PaymentDeferred", receipt)
        for event in credited:
            self._credited_wei[event["payee"]] += event["amount_wei"]
        payments = [
            *(_payment(event, event["consumer"]) for event in self._paid(receipt)),
            *(_payment(event, event["payee"]) for event in credited if event["bid_id"] != REFUND),
        ]
        self.payments += payments
        return len(payments)

    def collect(self, payee: str) -> None:
        """Keep that the payee has taken out what it was credited."""
        del self._credited_wei[payee]

    def check(self, cost_wei: int) -> None:
        """WrongOutcome unless this is what the utility has paid, and each payee has its own."""
        expected = Counter(self._before_wei)
        expected[self._market.chain.utility] -= cost_wei
        for _, payee, _, amount_wei in self.payments:
            expected[payee] += amount_wei
        expected.subtract(self._credited_wei)
        expected[self._market.address] += self._credited_wei.total()
        for account, expected_wei in expected.items():
            held_wei = self._market.chain.balance_wei(account)
            if held_wei != expected_wei:
                raise WrongOutcome(f"{account} holds {held_wei} wei, not {expected_wei}")

    def _paid(self, receipt: Receipt) -> list[Event]:
        return self._market.events("WinnerPaid", receipt)


def _payment(event: Event, payee: str) -> Payment:
    return event["bid_id"], payee, event["energy_wh"], event["amount_wei"]
