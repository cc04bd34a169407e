"""What the chain tells a consumer whose memory was deleted: what it has answered, and when."""

from contextlib import suppress
from itertools import count

import pytest
import requests

from market.guardrails import Guardrails, midnight_s
from market.history import load_history
from market.model import BOOKS
from market.node import NodeUnavailableError
from market.signer import KeySigner
from market.store import Outcome, load_results
from market.transactions import Sender
from tests.roles.conftest import BOB, HEAT_PUMP, forgetting, refusal
from tests.roles.test_guardrails import forward_to, skipped
from tests.roles.test_memory_lost import pass_by

pytestmark = pytest.mark.usefixtures("utc")

TWO_A_DAY = Guardrails(maximum_requests_per_day=2)


@pytest.fixture
def home(town):
    """Start a consumer anew, with what it remembers or without."""
    signer, consumers = KeySigner(town.wallet(10**19)), []

    def start(*, lose=True, **options):
        for former in consumers:
            former.desk.memory.close()
        for file in (town.folder / "home").glob("market.sqlite3*") if lose else ():
            file.unlink()
        consumers.append(town.consumer("home", Sender(town.web3, signer), **options))
        return consumers[-1]

    return start


def reported(consumer):
    """Return what a consumer has told of the requests that have ended."""
    return [
        (results.request_id, results.status, results.total_energy_wh)
        for name, results, *_ in consumer.desk.report.told
        if name == "request_ended"
    ]


# Outcomes


@pytest.mark.parametrize("later", [0, BOOKS + 2])
@pytest.mark.parametrize("cancelled", [False, True])
def test_outcome__of_a_request_before_the_one_reported_last__is_reported(
    town, home, cancelled, later
):
    consumer = home()
    first, second = town.request(), town.request()
    for _ in range(2):
        consumer.step()
    if cancelled:
        town.market.cancel_request(town.utility.sender, second)
    else:
        town.settle(second)
    consumer.step()
    assert load_results(consumer.desk.results_file).request_id == second
    town.settle(first)
    pass_by(town, later)
    consumer = home()
    consumer.step()
    town.mine()
    consumer.step()
    assert reported(consumer) == [(first, Outcome.WON, 3000)]
    assert home(lose=False).desk.memory.is_empty() is False


def test_outcome__lost_before_the_one_reported_last_and_long_ago__is_reported(town, home):
    consumer = home()
    first, second = town.request(1000), town.request()
    # All that is wanted, and cheaper.
    town.market.submit_bids(town.sender(BOB), first, [(1000, 1)])
    for _ in range(2):
        consumer.step()
    town.settle(second)
    consumer.step()
    assert load_results(consumer.desk.results_file).request_id == second
    town.settle(first)
    pass_by(town, BOOKS + 2)
    consumer = home()
    for _ in range(2):
        consumer.step()
        town.mine()
    assert reported(consumer) == [(first, Outcome.LOST, 0)]


def test_outcome__reported_but_not_final_and_long_ago__is_reported_anew(town, home):
    consumer = home(confirmations=9)
    first = town.request()
    consumer.step()
    town.settle(first)
    consumer.step()
    assert not load_results(consumer.desk.results_file).final
    pass_by(town, BOOKS + 2)
    consumer = home(confirmations=9)
    for _ in range(12):
        consumer.step()
        town.mine()
    assert reported(consumer) == [(first, Outcome.WON, 3000)]
    assert load_results(consumer.desk.results_file).final


def test_outcomes__reported_all_before__none_is_reported_again(town, home):
    consumer = home()
    ids = [town.request(), town.request()]
    for _ in range(2):
        consumer.step()
    for request_id in ids:
        town.settle(request_id)
        consumer.step()
    consumer = home()
    for _ in range(2):
        consumer.step()
        town.mine()
    assert reported(consumer) == []


def test_outcomes__started_twice_since_the_memory_was_deleted__none_is_reported_again(town, home):
    consumer = home()
    ids = [town.request(), town.request(), town.request()]
    for _ in range(3):
        consumer.step()
    for request_id in ids:
        town.settle(request_id)
        consumer.step()
    assert [ended for ended, *_ in reported(consumer)] == ids
    home().step()
    consumer = home(lose=False)
    for _ in range(2):
        consumer.step()
        town.mine()
    assert reported(consumer) == []
    assert load_results(consumer.desk.results_file).request_id == ids[-1]


def test_history__memory_rebuilt__tells_that_an_outcome_was_reported(town, home):
    consumer = home()
    ids = [town.request(), town.request()]
    for _ in range(2):
        consumer.step()
    for request_id in ids:
        town.settle(request_id)
        consumer.step()
    home().step()
    newest, oldest = load_history(town.folder / "home" / "market.sqlite3").rounds
    assert (newest.request_id, newest.outcome, newest.earned_wei > 0) == (ids[1], "won", True)
    assert (oldest.request_id, oldest.outcome, oldest.took_part) == (ids[0], "reported", False)
    assert [bid.device for bid in oldest.bids] == [HEAT_PUMP.device]


def test_request__search_takes_longer_than_the_node_tells_of_old_blocks__is_bid_in(town, home):
    consumer = home()
    for _ in range(2):
        request_id = town.request()
        consumer.step()
        town.settle(request_id)
        consumer.step()
    town.rpc("anvil_mine", hex(200))
    request_id = town.request()
    searched = []

    def search_slowly(method):
        if method == "eth_getLogs":
            searched.append(town.rpc("anvil_mine", hex(4)))

    def narrow(method, params):
        if method == "eth_getLogs" and _span(params[0]) >= 20:
            return refusal("block range is too wide")
        return forgetful(method, params)

    consumer = home()
    forgetful = forgetting(town, 24)
    town.web3.provider.before, town.web3.provider.instead = search_slowly, narrow
    consumer.step()
    assert len(town.market.bids(request_id)) == 1
    assert len(searched) > 10


def test_outcome__node_fails_while_it_is_looked_up__is_reported_all_the_same(town, home):
    consumer = home()
    first, second = town.request(), town.request()
    for _ in range(2):
        consumer.step()
    town.settle(second)
    consumer.step()
    town.settle(first)
    file, numbers = consumer.desk.results_file, count(1, 3)
    told, failed = file.read_text("utf-8"), True
    while failed:
        file.write_text(told, "utf-8")
        consumer = home(guardrails=TWO_A_DAY)
        failed = fails_once(town, consumer, next(numbers))
        consumer.step()
        town.mine()
        consumer.step()
        assert reported(consumer) == [(first, Outcome.WON, 3000)]
    assert next(numbers) > 15


def _span(wanted):
    """Return over how many blocks a search goes, less one."""
    return int(wanted["toBlock"], 16) - int(wanted["fromBlock"], 16)


def fails_once(town, consumer, number):
    """Step while the request of this number to the node fails; return whether it has so many."""
    calls = count(1)

    def before(_method):
        if next(calls) == number:
            raise requests.exceptions.ConnectionError

    town.web3.provider.before = before
    with suppress(NodeUnavailableError):
        consumer.step()
    town.web3.provider.before = lambda _: None
    return next(calls) > number


# The count of the day


def win_twice(town, consumer):
    for _ in range(2):
        request_id = town.request()
        for _ in range(2):
            consumer.step()
        town.settle(request_id)
        consumer.step()


@pytest.mark.parametrize("again", [1, 2])
@pytest.mark.parametrize("settled", [False, True])
def test_most_requests_a_day__memory_deleted__counts_what_is_on_chain(town, home, settled, again):
    forward_to(town, 12)
    consumer = home(guardrails=TWO_A_DAY)
    answered = []
    for _ in range(2):
        answered.append(town.request())
        for _ in range(2):
            consumer.step()
        if settled:
            town.settle(answered[-1])
            consumer.step()
    for number in range(again):
        consumer = home(lose=number == 0, guardrails=TWO_A_DAY)
        consumer.step()
    third = town.request()
    consumer.step()
    assert town.market.bids(third) == []
    assert [request_id for request_id, _ in skipped(consumer)] == [third]
    assert len(reported(consumer)) == 0
    forward_to(town, 1)
    tomorrow = town.request()
    for _ in range(2):
        consumer.step()
    assert len(town.market.bids(tomorrow)) == 1


def test_most_requests_a_day__results_deleted_too__counts_what_is_on_chain(town, home):
    forward_to(town, 12)
    consumer = home(guardrails=TWO_A_DAY)
    win_twice(town, consumer)
    pass_by(town, BOOKS)
    consumer.desk.results_file.unlink()
    consumer = home(guardrails=TWO_A_DAY)
    third = town.request()
    consumer.step()
    assert town.market.bids(third) == []


def test_most_requests_a_day__answered_yesterday__does_not_count(town, home):
    forward_to(town, 23)
    consumer = home(guardrails=TWO_A_DAY)
    win_twice(town, consumer)
    forward_to(town, 1)
    consumer = home(guardrails=TWO_A_DAY)
    request_id = town.request()
    for _ in range(2):
        consumer.step()
    assert len(town.market.bids(request_id)) == 1


def test_adopted__bids_of_before__count_for_the_day_of_their_block(town, home):
    forward_to(town, 12)
    consumer = home()
    request_id = town.request()
    for _ in range(2):
        consumer.step()
    placed = consumer.desk.rounds[request_id]
    placed_s = town.web3.eth.get_block(placed.block_number)["timestamp"]
    town.mine()
    for guardrails in (TWO_A_DAY, Guardrails()):
        consumer = home(guardrails=guardrails)
        consumer.step()
        adopted = consumer.desk.rounds[request_id]
        known = guardrails is TWO_A_DAY
        assert adopted.answered_s == placed_s if known else adopted.answered_s >= placed_s
        assert consumer.desk.memory.answered_since(midnight_s(placed_s)) == 1
