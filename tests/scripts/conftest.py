from functools import partial

import pytest

from tests.scripts.chain import running_chain
from tests.scripts.stage import Stage, Stem, new_home


@pytest.fixture(scope="session")
def chain():
    with running_chain() as started:
        yield started


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    return new_home(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def stem(tmp_path_factory, home):
    stage = Stage(tmp_path_factory.mktemp("stem"), home)
    yield Stem(stage)
    stage.close()


@pytest.fixture
def stage(tmp_path, home, chain):
    stage = Stage(tmp_path, home, LOCAL_RPC_URL=chain.url)
    yield stage
    stage.close()


@pytest.fixture
def run(stem, stage):
    """Run a script to its end; use `stage.start` for one that goes on."""
    return partial(stem.run, stage)


@pytest.fixture
def market(chain, stage):
    """A contract that anybody may bid in, named in the scripts' .env."""
    market = chain.new_market()
    stage.use(market)
    return market
