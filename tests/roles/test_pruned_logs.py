"""A node that has no events of long ago keeps nothing waiting but what needs them."""

from contextlib import ExitStack

import pytest

from market.contract import DemandReduction
from market.guardrails import Guardrails
from market.logs import LogsRefusedError
from market.node import LOCAL_CHAIN_IDS
from market.provider import connect_pool
from market.signer import KeySigner
from market.store import Outcome, load_results
from market.transactions import Sender
from tests.faults.proxy import error, proxied
from tests.roles.conftest import refusal

LOGS = "eth_getLogs"
KEPT_BLOCKS = 16


def is_long_ago(town, params):
    return int(params[0]["fromBlock"], 16) <= town.web3.eth.block_number - KEPT_BLOCKS


def prune(town):
    """Have the node tell events of its newest blocks only."""
    said = refusal("pruned history unavailable", 4444)
    town.web3.provider.instead = lambda method, params: (
        said if method == LOGS and is_long_ago(town, params) else None
    )


def stop(consumer, *, lose):
    consumer.desk.memory.close()
    for file in consumer.desk.results_file.parent.glob("market.sqlite3*") if lose else ():
        file.unlink()


def step(consumer, times=3):
    for _ in range(times):
        consumer.step()


def ended(consumer):
    return [r.request_id for name, r, *_ in consumer.desk.report.told if name == "request_ended"]


def won_while_away(town, consumer):
    """Have a consumer stop with its bids on chain, and win long before its next start."""
    request_id = town.request()
    consumer.step()
    stop(consumer, lose=False)
    town.settle(request_id)
    town.rpc("anvil_mine", hex(10 * KEPT_BLOCKS))
    return request_id


def test_outcome__node_has_no_such_old_events__keeps_no_other_request_waiting(town):
    missed = won_while_away(town, town.consumer())
    prune(town)
    request_id, consumer = town.request(), town.consumer()
    step(consumer)
    town.settle(request_id)
    step(consumer)
    assert ended(consumer) == [request_id]
    (problem,) = consumer.desk.report.problems()
    assert "pruned history unavailable): another one in RPC_URLS may" in problem
    assert consumer.problem == problem
    town.web3.provider.instead = lambda _method, _params: None
    consumer.step()
    assert ended(consumer) == [request_id, missed]
    assert load_results(consumer.desk.results_file).status == Outcome.WON
    assert consumer.problem is None


def test_request__no_memory_and_no_old_events__is_answered(town):
    consumer = town.consumer()
    town.settle(reported := answered(town, consumer))
    step(consumer)
    assert ended(consumer) == [reported]
    town.rpc("anvil_mine", hex(10 * KEPT_BLOCKS))
    stop(consumer, lose=True)
    prune(town)
    request_id, consumer = town.request(), town.consumer()
    step(consumer)
    assert len(town.market.bids(request_id)) == 1
    (problem,) = consumer.desk.report.problems()
    assert "may go unreported" in problem


def answered(town, consumer):
    request_id = town.request()
    consumer.step()
    return request_id


@pytest.mark.usefixtures("utc")
def test_most_requests_a_day__no_memory_and_no_events_of_the_day__waits_for_a_node(town):
    limit = Guardrails(maximum_requests_per_day=1)
    consumer = town.consumer(guardrails=limit)
    town.settle(answered(town, consumer))
    step(consumer)
    town.rpc("anvil_mine", hex(10 * KEPT_BLOCKS))
    stop(consumer, lose=True)
    prune(town)
    request_id, consumer = town.request(), town.consumer(guardrails=limit)
    with pytest.raises(LogsRefusedError):
        consumer.step()
    assert not town.market.bids(request_id)


def test_outcome__first_node_has_no_such_old_events__the_next_one_tells(town, chain_url):
    signer = KeySigner(town.wallet())
    with ExitStack() as stack:
        first, second = (stack.enter_context(proxied(chain_url)) for _ in range(2))

        def start():
            web3 = connect_pool([first.url, second.url], LOCAL_CHAIN_IDS[1])
            market = DemandReduction(web3, town.market.address)
            return town.consumer("pruned", Sender(web3, signer), market)

        missed = won_while_away(town, start())
        first.add(
            lambda call, forward: (
                error(call, 4444, "pruned history unavailable")
                if call.method == LOGS and is_long_ago(town, call.params)
                else forward()
            )
        )
        consumer = start()
        step(consumer)
    assert ended(consumer) == [missed]
    assert consumer.desk.report.problems() == []
    assert second.count(LOGS) > 0
