import inspect
import json
from datetime import datetime, timezone

import pytest

from market.bids import LevelBid, Offer, Refusal
from market.clearing import Access, Pricing
from market.errors import MarketError
from market.happenings import ConsumerReporter
from market.model import Request, Status
from market.node import NodeUnavailableError
from market.reporter import Reporter
from market.store import BidResult, Outcome, PaymentState, Results
from market.wording import short

GWEI = 10**9
HASH = "0xabcdef" + 54 * "0" + "1234"
HEAT_PUMP = Offer(3000, 3000 * GWEI, "heat pump")
BID = LevelBid(HEAT_PUMP, 3000, 750)
NAMELESS = LevelBid(Offer(500, 1), 500, 1)


def request(**changes):
    fields = {
        "request_id": 7,
        "status": Status.BIDDING,
        "access": Access.OPEN,
        "pricing": Pricing.UNIFORM,
        "utility": "0xutility",
        "reduction_wh": 5000,
        "price_step_wei": 4 * GWEI,
        "gate_closure": 1_750_000_000,
        "dispatch_start": 0,
        "dispatch_end": 0,
        "minimum_bid_wh": 100,
        "bid_count": 0,
        "clearing_level": 0,
        "energy_wh": 0,
        "escrow_wei": 0,
        "cost_wei": 0,
        "paid_wei": 0,
        "deferred_wei": 0,
        "refunded_wei": 0,
    }
    return Request(**{**fields, **changes})


def results(*won, status=Outcome.WON):
    return Results(
        results=won,
        time=datetime(2025, 6, 1, tzinfo=timezone.utc),
        request_id=7,
        status=status,
        contract="0xcd",
        chain_id=31337,
        clearing_price_wei_per_wh=2000 * GWEI,
    )


def won(**changes):
    fields = {"energy_wh": 2000, "price_wei_per_wh": 2000 * GWEI, "payment_wei": 4 * 10**15}
    return BidResult(**{**fields, **changes})


@pytest.fixture
def told():
    return []


@pytest.fixture
def reporter(told):
    return ConsumerReporter(told.append)


# What is said of each happening: how it is told, its name, its text, and how serious it is.
LINES = {
    "request_opened": (
        lambda reporter: reporter.request_opened(request(), 60),
        "Request 7: 5.0 kWh wanted, at most 0.004 ETH/kWh, bids open for 60 s",
        "info",
    ),
    "request_skipped": (
        lambda reporter: reporter.request_skipped(request(), "it is 23:10, in your quiet hours"),
        "  Request 7 is left alone: it is 23:10, in your quiet hours",
        "info",
    ),
    "offer_refused": (
        lambda reporter: reporter.offer_refused(Refusal(HEAT_PUMP, "it asks too much")),
        "  Not sent (heat pump): it asks too much",
        "info",
    ),
    "bid_submitted": (
        lambda reporter: reporter.bids_submitted(request(), [BID], HASH),
        "  Bid (heat pump): 3.0 kWh at 0.003 ETH/kWh (transaction 0xabcdef…1234)",
        "info",
    ),
    "would_bid": (
        lambda reporter: reporter.would_bid(request(), [BID]),
        "  Would bid (heat pump): 3.0 kWh at 0.003 ETH/kWh (a dry run: nothing is sent)",
        "info",
    ),
    "already_bid": (
        lambda reporter: reporter.already_bid(request()),
        "  The bids for request 7 are on chain already",
        "info",
    ),
    "bids_vanished": (
        lambda reporter: reporter.bids_vanished(request()),
        "The bids for request 7 disappeared when the chain was reorganised: "
        "they have to be sent again",
        "warning",
    ),
    "winners_selected": (
        lambda reporter: reporter.winners_selected(request(energy_wh=4500, clearing_level=500)),
        "Request 7 is cleared: 4.5 kWh bought, clearing price 0.002 ETH/kWh",
        "info",
    ),
    "request_ended": (
        lambda reporter: reporter.request_ended(results(status=Outcome.LOST)),
        "Request 7 ended: others bid less, you won nothing",
        "info",
    ),
    "result_final": (
        lambda reporter: reporter.result_final(7, 12),
        "The outcome of request 7 is final: confirmed by 12 blocks",
        "info",
    ),
    "outcome_undone": (
        lambda reporter: reporter.outcome_undone(7),
        "The outcome of request 7 disappeared when the chain was reorganised: it is reported anew",
        "warning",
    ),
    "low_balance": (
        lambda reporter: reporter.low_balance(10**15, 2 * 10**15),
        "The account holds only 0.001 ETH, less than 0.002 ETH: "
        "send Ether to it, so that it can go on bidding",
        "warning",
    ),
    "balance_recovered": (
        lambda reporter: reporter.balance_recovered(10**18),
        "The account holds enough again: 1.0 ETH",
        "info",
    ),
    "transaction_replaced": (
        lambda reporter: reporter.transaction_replaced(HASH, 2_500_000_000),
        "  The transaction waits for a block: sent again for at most 2.5 gwei a unit of gas "
        "(transaction 0xabcdef…1234)",
        "warning",
    ),
    "node_away": (
        lambda reporter: reporter.node_away(NodeUnavailableError("The node is away")),
        "The node is away",
        "warning",
    ),
    "node_back": (lambda reporter: reporter.node_back(), "The node answers again", "info"),
    "problem": (
        lambda reporter: reporter.problem(MarketError("The node refused the transaction")),
        "The node refused the transaction",
        "error",
    ),
    "note": (
        lambda reporter: reporter.note("Waiting for requests; stop with Ctrl-C"),
        "Waiting for requests; stop with Ctrl-C",
        "info",
    ),
}


@pytest.mark.parametrize("name", LINES)
def test_consumer_reporter__any_happening__is_one_line_with_its_name(reporter, told, name):
    tell, text, level = LINES[name]
    tell(reporter)
    assert [(said.name, said.text, said.level) for said in told] == [(name, text, level)]


@pytest.mark.parametrize("name", LINES)
def test_consumer_reporter__any_happening__has_fields_that_json_can_hold(reporter, told, name):
    LINES[name][0](reporter)
    assert json.loads(json.dumps(dict(told[0].fields))) == told[0].fields


def test_consumer_reporter__the_consumers_protocol__is_kept():
    for name, method in inspect.getmembers(Reporter, inspect.isfunction):
        if not name.startswith("_"):
            ours = inspect.signature(getattr(ConsumerReporter, name))
            assert [*ours.parameters] == [*inspect.signature(method).parameters], name


def test_request_opened__request__has_its_terms_as_exact_text(reporter, told):
    reporter.request_opened(request(), 60)
    assert told[0].fields == {
        "request_id": 7,
        "reduction_kwh": "5.0",
        "maximum_price_eth_per_kwh": "0.004",
        "minimum_bid_kwh": "0.1",
        "gate_closure_unix_s": 1_750_000_000,
        "left_s": 60,
    }


def test_bids_submitted__two_bids__are_two_lines_each_with_its_fields(reporter, told):
    reporter.bids_submitted(request(), [BID, NAMELESS], HASH)
    assert [dict(said.fields) for said in told] == [
        {
            "request_id": 7,
            "device": "heat pump",
            "energy_kwh": "3.0",
            "price_eth_per_kwh": "0.003",
            "transaction": HASH,
        },
        {
            "request_id": 7,
            "device": None,
            "energy_kwh": "0.5",
            "price_eth_per_kwh": "0.000004",
            "transaction": HASH,
        },
    ]
    assert told[1].text.startswith("  Bid: 0.5 kWh")


def test_winners_selected__pay_as_bid__names_the_highest_accepted_price(reporter, told):
    reporter.winners_selected(request(pricing=Pricing.PAY_AS_BID, energy_wh=1, clearing_level=1))
    assert "highest accepted price 0.000004 ETH/kWh" in told[0].text


def test_request_ended__two_bids_won__is_followed_by_a_line_a_bid(reporter, told):
    paid = won(device="heat pump", payment_state=PaymentState.PAID, transaction=HASH)
    reporter.request_ended(results(paid, won(payment_state=PaymentState.DEFERRED)))
    assert [(said.name, said.text) for said in told] == [
        ("request_ended", "Request 7 ended: you won"),
        (
            "bid_won",
            "  Won (heat pump): 2.0 kWh at 0.002 ETH/kWh = 0.004 ETH "
            "paid (transaction 0xabcdef…1234)",
        ),
        (
            "bid_won",
            "  Won: 2.0 kWh at 0.002 ETH/kWh = 0.004 ETH "
            "waits in the contract: get it with `python -m market consumer withdraw`",
        ),
    ]
    assert told[0].fields["total_payment_eth"] == "0.008"
    assert told[1].fields == {
        "request_id": 7,
        "device": "heat pump",
        "energy_kwh": "2.0",
        "price_eth_per_kwh": "0.002",
        "payment_eth": "0.004",
        "payment_state": "paid",
        "transaction": HASH,
    }


@pytest.mark.parametrize("outcome", Outcome)
def test_request_ended__any_outcome__is_said_in_words(reporter, told, outcome):
    reporter.request_ended(results(status=outcome))
    assert told[0].fields["status"] == outcome.value
    assert told[0].text.startswith("Request 7 ended: ")


def test_result_final__one_confirmation__is_one_block(reporter, told):
    reporter.result_final(7, 1)
    assert told[0].text.endswith("confirmed by 1 block")


def test_problem__any__is_told_with_its_kind(reporter, told):
    reporter.problem(NodeUnavailableError("away"))
    assert (told[0].fields, told[0].style) == ({"kind": "NodeUnavailableError"}, "red")


def test_short__hash__keeps_both_ends():
    assert short(HASH) == "0xabcdef…1234"
