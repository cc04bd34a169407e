from contextlib import ExitStack

import pytest

from market.bids import Offer
from tests.faults.nursery import Nursery
from tests.faults.world import new_world

HEAT_PUMP = Offer(2000, 2 * 10**12, "heat pump")
# A case waits more than it works.
WORLDS = 3
OVEN = Offer(1000, 3 * 10**12, "oven")


@pytest.fixture(scope="session")
def nursery():
    nursery = Nursery()
    yield nursery
    nursery.close()


@pytest.fixture(scope="session")
def worlds(tmp_path_factory, nursery):
    """Several worlds, for cases that are played at the same time."""
    with ExitStack() as stack:
        folders = [tmp_path_factory.mktemp("world") for _ in range(WORLDS)]
        yield [stack.enter_context(new_world(folder, nursery)) for folder in folders]


@pytest.fixture
def world(tmp_path, nursery):
    with new_world(tmp_path, nursery) as world:
        yield world


@pytest.fixture
def home(world):
    """A consumer that has not been started yet."""
    return world.household("alice", 1, HEAT_PUMP, OVEN)
