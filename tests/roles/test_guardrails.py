"""What a household lets its consumer do, and what it does not."""

import pytest

from market.bids import Offer
from market.guardrails import Guardrails
from market.progress import State
from market.quiet_hours import parse_quiet_hours
from market.signer import KeySigner
from market.store import Outcome, load_results, save_offers
from market.transactions import Sender
from tests.roles.conftest import ALICE, GWEI, HEAT_PUMP

pytestmark = pytest.mark.usefixtures("utc")

DAY_S = 24 * 3600


def skipped(consumer):
    """Return the requests that were left alone, with the reason."""
    return [
        (request.request_id, reason)
        for name, request, reason in (told for told in consumer.desk.report.told if len(told) == 3)
        if name == "request_skipped"
    ]


def bidders(town, request_id):
    return [bid.consumer for bid in town.market.bids(request_id)]


def forward_to(town, hour):
    """Let the chain's time pass until an hour of the next day."""
    now_s = town.web3.eth.get_block("pending")["timestamp"]
    next_s = (now_s // DAY_S + 1) * DAY_S + hour * 3600
    town.rpc("evm_setNextBlockTimestamp", next_s)
    town.mine()


@pytest.mark.parametrize(("price_wei", "bids"), [(4000 * GWEI, 1), (4000 * GWEI + 1, 0)])
def test_lowest_price__request_below_it__is_left_alone(town, price_wei, bids):
    consumer = town.consumer(guardrails=Guardrails(lowest_price_wei_per_wh=price_wei))
    request_id = town.request()
    consumer.step()
    consumer.step()
    assert len(bidders(town, request_id)) == bids
    assert len(skipped(consumer)) == 1 - bids


@pytest.mark.parametrize("remembers", [True, False])
def test_most_requests_a_day__reached__next_day_by_the_chains_clock(town, remembers):
    rails = Guardrails(maximum_requests_per_day=2)
    forward_to(town, 12)
    consumer = town.consumer(remembers=remembers, guardrails=rails)
    today = []
    for _ in range(3):
        today.append(town.request())
        consumer.step()
    assert [len(bidders(town, request_id)) for request_id in today] == [1, 1, 0]
    assert skipped(consumer) == [
        (today[2], "2 requests were answered today, and MAX_REQUESTS_PER_DAY is 2")
    ]
    forward_to(town, 1)
    tomorrow = town.request()
    consumer.step()
    assert len(bidders(town, tomorrow)) == 1


def test_most_requests_a_day__restarted__still_counts(town):
    forward_to(town, 12)
    rails = Guardrails(maximum_requests_per_day=1)
    first = town.request()
    town.consumer(guardrails=rails).step()
    town.settle(first)
    town.consumer(guardrails=rails).step()
    second = town.request()
    town.consumer(guardrails=rails).step()
    assert bidders(town, second) == []


@pytest.mark.parametrize(("hour", "bids"), [(21, 1), (23, 0), (3, 0), (8, 1)])
def test_quiet_hours__by_the_chains_clock__requests_are_left_alone(town, hour, bids):
    forward_to(town, hour)
    rails = Guardrails(quiet_hours=parse_quiet_hours("22:00-07:00"))
    consumer = town.consumer(guardrails=rails)
    request_id = town.request()
    consumer.step()
    assert len(bidders(town, request_id)) == bids


def test_request_left_alone__settled__is_told_without_bids(town):
    consumer = town.consumer(guardrails=Guardrails(maximum_requests_per_day=0))
    request_id = town.request()
    consumer.step()
    town.settle(request_id)
    consumer.step()
    assert load_results(consumer.desk.results_file).status == Outcome.NO_BIDS
    assert consumer.desk.report.problems() == []


def test_request_left_alone__restarted_without_the_guardrail__is_still_left_alone(town):
    request_id = town.request()
    town.consumer(guardrails=Guardrails(maximum_requests_per_day=0)).step()
    town.consumer().step()
    assert bidders(town, request_id) == []


def test_dry_run__request__says_what_it_would_bid_and_sends_nothing(town):
    consumer = town.consumer(sender=town.sender(ALICE, dry_run=True))
    account = consumer.desk.sender.signer.address
    sent = town.web3.eth.get_transaction_count(account, "pending")
    request_id = town.request()
    consumer.step()
    consumer.step()
    town.settle(request_id)
    consumer.step()
    assert town.web3.eth.get_transaction_count(account, "pending") == sent
    assert consumer.desk.report.names() == ["request_opened", "would_bid", "request_ended"]
    ((_, _, bids),) = [told for told in consumer.desk.report.told if told[0] == "would_bid"]
    assert [(bid.offer, bid.price_level) for bid in bids] == [(HEAT_PUMP, 500)]


def test_dry_run__more_requests_than_a_day_may_have__says_what_it_would_do(town):
    rails = Guardrails(maximum_requests_per_day=1)
    consumer = town.consumer(sender=town.sender(ALICE, dry_run=True), guardrails=rails)
    for _ in range(2):
        town.request()
        consumer.step()
    skipped = ["request_opened", "would_bid", "request_opened", "request_skipped"]
    assert consumer.desk.report.names() == skipped


def test_dry_run__switched_off_before_gate_closure__request_is_answered_once(town):
    rails = Guardrails(maximum_requests_per_day=1)
    request_id = town.request()
    town.consumer(sender=town.sender(ALICE, dry_run=True), guardrails=rails).step()
    consumer = town.consumer(guardrails=rails)
    consumer.step()
    consumer.step()
    assert len(bidders(town, request_id)) == 1
    assert consumer.desk.report.names() == ["request_opened", "bids_submitted"]
    second = town.request()
    consumer.step()
    assert bidders(town, second) == []


def test_dry_run__switched_off_after_gate_closure__request_ends_without_bids(town):
    request_id = town.request()
    town.consumer(sender=town.sender(ALICE, dry_run=True)).step()
    town.close_gate()
    consumer = town.consumer()
    consumer.step()
    list(town.utility.finish(request_id))
    consumer.step()
    assert consumer.desk.report.names() == ["request_ended"]
    assert load_results(consumer.desk.results_file).status == Outcome.NO_BIDS


@pytest.mark.parametrize("fate", ["never handed over", "reorganised away"])
def test_dry_run__bids_of_a_former_run_gone__are_told_and_not_sent_again(town, fate):
    signer = KeySigner(town.wallet())

    def started(**options):
        return town.consumer("dry", Sender(town.web3, signer, **options))

    request_id = town.request()
    with town.still():
        started().step()
        if fate == "never handed over":
            town.rpc("anvil_dropAllTransactions")
        else:
            town.mine()
            started().step()
            town.reorganise(1)
            town.rpc("anvil_dropAllTransactions")
        consumer = started(dry_run=True)
        for _ in range(3):
            consumer.step()
            town.mine()
        consumer.step()
        assert bidders(town, request_id) == []
        assert consumer.desk.report.names()[-1:] == ["would_bid"]
        assert consumer.desk.report.names().count("would_bid") == 1
        again = started()
        again.step()
        again.step()
        town.mine()
        again.step()
    assert bidders(town, request_id) == [signer.address]


# Bids that would cost more than they can win


def test_gas__dearer_than_a_bid_can_win__bid_is_refused_with_a_reason(town):
    small = Offer(1, 1000 * GWEI, "lamp")
    consumer = town.consumer("dear", town.sender(ALICE), offers=(HEAT_PUMP, small))
    request_id = town.request()
    town.price_gas(50 * GWEI)
    consumer.step()
    assert [bid.energy_wh for bid in town.market.bids(request_id)] == [HEAT_PUMP.energy_wh]
    (refusal,) = [told[1] for told in consumer.desk.report.told if told[0] == "offer_refused"]
    assert refusal.offer == small
    assert "and it can win at most 0.000004 ETH: offer more energy, or wait for" in refusal.reason


def test_gas__dearer_than_all_bids_can_win__nothing_is_sent(town):
    offers = (Offer(1, 1000 * GWEI, "lamp"), Offer(2, 1000 * GWEI, "radio"))
    consumer = town.consumer("dear", town.sender(ALICE), offers=offers)
    request_id = town.request()
    town.price_gas(1000 * GWEI)
    consumer.step()
    consumer.step()
    assert bidders(town, request_id) == []
    assert consumer.desk.report.names().count("offer_refused") == 2
    assert consumer.desk.report.problems() == []


def test_gas__cheaper_again_before_gate_closure__bids_are_sent(town):
    consumer = town.consumer("dear", town.sender(ALICE), offers=(Offer(100, 1000 * GWEI, "lamp"),))
    request_id = town.request()
    town.price_gas(1000 * GWEI)
    consumer.step()
    town.price_gas(0)
    consumer.step()
    consumer.step()
    assert len(bidders(town, request_id)) == 1
    assert consumer.desk.report.names() == ["request_opened", "offer_refused", "bids_submitted"]


def test_gas__dear_until_gate_closure__outcome_is_told_without_bids(town):
    consumer = town.consumer("dear", town.sender(ALICE), offers=(Offer(100, 1000 * GWEI, "lamp"),))
    request_id = town.request()
    town.price_gas(1000 * GWEI)
    consumer.step()
    town.close_gate()
    consumer.step()
    town.price_gas(0)
    town.settle(request_id)
    consumer.step()
    assert load_results(consumer.desk.results_file).status == Outcome.NO_BIDS


def test_gas__above_the_ceiling__is_told_once_and_tried_until_it_is_cheaper(town):
    signer = KeySigner(town.wallet(10**19))
    consumer = town.consumer("ceiling", Sender(town.web3, signer, ceiling_wei=5 * GWEI))
    request_id = town.request()
    town.price_gas(10 * GWEI)
    consumer.step()
    consumer.step()
    (problem,) = consumer.desk.report.problems()
    assert "MAX_FEE_GWEI is 5.0" in problem
    assert consumer.problem == problem
    town.price_gas(0)
    consumer.step()
    consumer.step()
    assert len(bidders(town, request_id)) == 1
    assert consumer.problem is None


# The file with the bids


def test_bids_file__changed_between_requests__takes_effect_at_the_next(town):
    consumer = town.consumer()
    first = town.request()
    consumer.step()
    save_offers(consumer.bids_file, [Offer(700, 1000 * GWEI, "oven")])
    consumer.step()
    second = town.request()
    consumer.step()
    assert [bid.energy_wh for bid in town.market.bids(first)] == [3000]
    assert [bid.energy_wh for bid in town.market.bids(second)] == [700]


@pytest.mark.parametrize("written", ["", "{", '{"energy": [0], "price": [1]}', None])
def test_bids_file__broken__former_bids_are_used_and_it_is_told_once(town, written):
    consumer = town.consumer()
    consumer.bids_file.unlink()
    if written is not None:
        consumer.bids_file.write_text(written)
    for _ in range(2):
        request_id = town.request()
        consumer.step()
        assert [bid.energy_wh for bid in town.market.bids(request_id)] == [3000]
    (problem,) = consumer.desk.report.problems()
    assert problem.endswith("The bids read before are used")
    save_offers(consumer.bids_file, [Offer(700, 1000 * GWEI)])
    request_id = town.request()
    consumer.step()
    assert [bid.energy_wh for bid in town.market.bids(request_id)] == [700]
    assert {known.state for known in consumer.desk.rounds.values()} == {State.PLACED}
