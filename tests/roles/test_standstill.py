"""A node that answers, but has no new blocks any more, costs nobody a round."""

from contextlib import ExitStack
from types import SimpleNamespace

import pytest
from web3 import Web3

from market import provider
from market.anvil import running_anvil
from market.contract import DemandReduction
from market.provider import StandstillError, connect_pool
from market.signer import KeySigner
from market.transactions import Sender
from tests.faults.lagging import Lagging
from tests.faults.proxy import proxied
from tests.roles.conftest import Line, Town

LIVE_CHAIN_ID = 7777
LONG_S = 121


@pytest.fixture
def clock(monkeypatch):
    """The clock that a standstill is measured with; it moves only when it is told to."""
    clock = SimpleNamespace(now_s=1000.0)
    monkeypatch.setattr(provider, "monotonic", lambda: clock.now_s)
    return clock


@pytest.fixture
def live(tmp_path, clock):
    """A town on a chain that is nobody's local one."""
    with running_anvil("--chain-id", str(LIVE_CHAIN_ID)) as url:
        yield Town(Web3(Line(url)), tmp_path)


@pytest.fixture
def proxies(live):
    """Two ways to the chain."""
    with ExitStack() as stack:
        url = live.web3.provider.endpoint_uri
        yield [stack.enter_context(proxied(url)) for _ in range(2)]


def consumer_by(live, proxies):
    web3 = connect_pool([proxy.url for proxy in proxies], LIVE_CHAIN_ID)
    market = DemandReduction(web3, live.market.address)
    return live.consumer("standstill", Sender(web3, KeySigner(live.wallet())), market)


def stand_still(live, proxy):
    frozen = live.web3.eth.block_number
    proxy.add(Lagging(lambda: frozen, 0))


def test_consumer__first_node_stands_still__bids_by_the_next(live, proxies, clock):
    consumer = consumer_by(live, proxies)
    consumer.step()
    stand_still(live, proxies[0])
    request_id = live.request()
    consumer.step()
    assert not live.market.bids(request_id)
    clock.now_s += LONG_S
    for _ in range(2):
        consumer.step()
    assert len(live.market.bids(request_id)) == 1
    assert consumer.desk.report.names()[-1] == "bids_submitted"


def test_consumer__every_node_stands_still__is_an_error_until_one_moves_on(live, proxies, clock):
    consumer = consumer_by(live, proxies)
    consumer.step()
    for proxy in proxies:
        stand_still(live, proxy)
    clock.now_s += LONG_S
    request_id = live.request()
    # The second node's newest block is a new one to whoever has not asked it before.
    consumer.step()
    clock.now_s += LONG_S
    with pytest.raises(StandstillError):
        consumer.step()
    assert not live.market.bids(request_id)
    proxies[1].clear()
    for _ in range(2):
        consumer.step()
    assert len(live.market.bids(request_id)) == 1
