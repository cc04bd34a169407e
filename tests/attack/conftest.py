from contextlib import ExitStack

import pytest

from tests.faults.nursery import Nursery
from tests.faults.world import new_world

# A case waits more than it works.
WORLDS = 3


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
