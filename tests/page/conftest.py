from contextlib import contextmanager
from dataclasses import replace
from uuid import uuid4

import pytest
from playwright.sync_api import expect
from pydantic import SecretStr

from flaskapp import create_app
from market.settings import Settings
from tests.page.browser import DESKTOP, running_browser
from tests.page.forms import HASH
from tests.page.server import PageServer
from tests.scripts.chain import running_chain
from tests.scripts.processes import survivors


@pytest.fixture(scope="session")
def chain():
    with running_chain() as started:
        yield started


@pytest.fixture(scope="session")
def browser():
    # Its own patience ends after five seconds, in which a busy machine does not start a consumer.
    expect.set_options(timeout=60_000)
    with running_browser() as started:
        yield started


@pytest.fixture
def market(chain):
    return chain.new_market()


@pytest.fixture
def server(tmp_path, chain, market):
    """A served page whose consumer is the node's account 1."""
    with serving(tmp_path, chain, market) as server:
        yield server


@contextmanager
def serving(folder, chain, market):
    mark = uuid4().hex
    server = PageServer(folder, mark, LOCAL_RPC_URL=chain.url)
    server.env_file.write_text(f"CONTRACT_ADDRESS={market.address}\n", "utf-8")
    try:
        yield server.start()
    finally:
        server.stop()
        assert not survivors(mark)


@pytest.fixture
def page(browser, server):
    """A window of the browser, which must not fetch anything from anybody but the page's server."""
    context = browser.new_context(base_url=server.url, viewport=DESKTOP, locale="en-GB")
    context.set_default_timeout(60_000)
    opened = context.new_page()
    foreign: list[str] = []
    complaints: list[str] = []
    context.on("request", lambda r: None if r.url.startswith(server.url) else foreign.append(r.url))
    opened.on("pageerror", lambda problem: complaints.append(str(problem)))
    opened.on("console", lambda said: _note(said, complaints))
    yield opened
    context.close()
    assert foreign == []
    assert complaints == []


def _note(said, complaints):
    """A browser that refuses what the policy forbids only says so on its console."""
    if said.type == "error" and "Failed to load resource" not in said.text:
        complaints.append(said.text)


@pytest.fixture
def settings(tmp_path):
    """Settings of a household whose node does not answer."""
    return Settings(
        env_file=tmp_path / ".env",
        database_folder=tmp_path,
        local_rpc_url="http://127.0.0.1:9",
        log_file=tmp_path / "consumer.log",
    )


@pytest.fixture
def app(settings):
    made = patient(create_app(lambda: settings))
    yield made
    made.extensions["household"].watcher.close()


def patient(app):
    """Have an application's pages wait for the first look, however busy the machine is."""
    household = app.extensions["household"]
    app.extensions["household"] = replace(household, first_look_s=60)
    return app


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def guarded(settings):
    """A client of a page with a password."""
    locked = settings.model_copy(update={"page_password_hash": SecretStr(HASH)})
    app = patient(create_app(lambda: locked))
    yield app.test_client()
    app.extensions["household"].watcher.close()
