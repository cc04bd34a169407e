from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from market.bids import Offer
from tests.faults.anvil_chain import anvil
from tests.faults.hardhat_chain import hardhat
from tests.faults.nursery import Nursery
from tests.faults.world import new_world

HEAT_PUMP = Offer(2000, 2 * 10**12, "heat pump")
OVEN = Offer(1000, 3 * 10**12, "oven")
# A case waits more than it works, the more so where blocks take longer.
WORLDS = {anvil: 3, hardhat: 8}


def on_every_node(fixture):
    """Have a test play in a world, or in worlds, of each node; on Hardhat's that takes long."""
    nodes = [anvil, pytest.param(hardhat, marks=pytest.mark.long)]
    return pytest.mark.parametrize(fixture, nodes, ids=["anvil", "hardhat"], indirect=True)


@pytest.fixture(scope="session")
def nursery():
    nursery = Nursery()
    yield nursery
    nursery.close()


def node_of(request):
    """Return the node that a test of several nodes is for."""
    return getattr(request, "param", anvil)


@pytest.fixture(scope="session")
def worlds(request, tmp_path_factory, nursery):
    """Several worlds, for cases that are played at the same time."""
    node = node_of(request)
    folders = [tmp_path_factory.mktemp("world") for _ in range(WORLDS[node])]
    with ExitStack() as stack:

        def begun(folder):
            return stack.enter_context(new_world(folder, nursery, node))

        with ThreadPoolExecutor() as pool:
            worlds = [*pool.map(begun, folders)]
        yield worlds


@pytest.fixture
def world(request, tmp_path, nursery):
    with new_world(tmp_path, nursery, node_of(request)) as world:
        yield world


@pytest.fixture
def home(world):
    """A consumer that has not been started yet."""
    return world.household("alice", 1, HEAT_PUMP, OVEN)
