"""Whether a round at size is what the market rule gives, bid by bid and to the wei."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bench.chain import WrongOutcome
from bench.codec import Codec, Event
from bench.scale_wallets import Wallet
from market.artifact import load_artifact
from market.clearing import Bid, Clearing, clear, refund_wei
from market.contract import DemandReduction
from market.model import Request

Receipt = Mapping[str, Any]


def sent_bids(bidders: Sequence[Wallet], codec: Codec, receipts: Iterable[Receipt]) -> list[Bid]:
    """Return the wallets' bids with the numbers that the chain gave them."""
    numbers = {
        event["consumer"]: event["first_bid_id"]
        for event in _events("BidsSubmitted", codec, receipts)
    }
    return [
        Bid(numbers[one.address], one.address, one.energy_wh, one.price_level) for one in bidders
    ]


def check_round(
    market: DemandReduction, request: Request, bids: Sequence[Bid], receipts: Sequence[Receipt]
) -> Clearing:
    """Return what the rule gives; WrongOutcome where the contract departs from it."""
    codec = Codec(load_artifact()["abi"])
    rule = clear(bids, request.reduction_wh, request.price_step_wei, request.pricing)
    booked = [
        Bid(bid.bid_id, bid.consumer.lower(), bid.energy_wh, bid.price_level)
        for bid in market.bids(request.request_id)
    ]
    _same("bids", booked, sorted(bids, key=lambda bid: bid.bid_id))
    paid = _events("WinnerPaid", codec, receipts)
    _same(
        "payments",
        sorted((p["bid_id"], p["consumer"], p["energy_wh"], p["amount_wei"]) for p in paid),
        sorted((a.bid_id, a.consumer, a.accepted_wh, a.payment_wei) for a in rule.awards),
    )
    _same("deferred payments", _events("PaymentDeferred", codec, receipts), [])
    refund = refund_wei(rule, request.reduction_wh, request.price_step_wei)
    found = request.clearing_level, request.energy_wh, request.cost_wei, request.refunded_wei
    _same("selection", found, (rule.clearing_level, rule.energy_wh, rule.cost_wei, refund))
    _same("Ether in and out", request.escrow_wei, request.paid_wei + request.refunded_wei)
    return rule


def check_ether(
    before_wei: Mapping[str, int],
    after_wei: Mapping[str, int],
    utility: str,
    rule: Clearing,
    receipts: Iterable[Receipt],
) -> None:
    """WrongOutcome unless everybody holds, to the wei, what the round and its fees have left."""
    expected = Counter(before_wei)
    expected[utility] -= rule.cost_wei
    for award in rule.awards:
        expected[award.consumer] += award.payment_wei
    for receipt in receipts:
        if receipt["from"] in before_wei:
            gas, price_wei = int(receipt["gasUsed"], 16), int(receipt["effectiveGasPrice"], 16)
            expected[receipt["from"]] -= gas * price_wei
    _same("balances", sorted(after_wei.items()), sorted(expected.items()))


def _events(name: str, codec: Codec, receipts: Iterable[Receipt]) -> list[Event]:
    return [event for receipt in receipts for event in codec.events(name, receipt["logs"])]


def _same(what: str, found: object, expected: object) -> None:
    if found != expected:
        excerpts = f"{str(found)[:300]} instead of {str(expected)[:300]}"
        raise WrongOutcome(f"{what}: {excerpts}")
