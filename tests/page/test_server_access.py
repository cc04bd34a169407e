"""The server without a browser: who is let in."""

import os
import stat

import pytest
from pydantic import SecretStr
from werkzeug.security import generate_password_hash

from flaskapp import create_app
from flaskapp.security import is_host_allowed
from flaskapp.serving import address, check_settings
from market.errors import MarketError
from tests.page.forms import HASH, PAGES, PASSWORD, log_in, token

CHANGES = ("/bids", "/bids/check", "/bids/text", "/agent/start", "/agent/stop", "/logout")


@pytest.mark.parametrize("path", CHANGES)
def test_change__without_the_token__is_refused(client, path):
    assert client.post(path, data={"action": "save"}).status_code == 400


@pytest.mark.parametrize(
    ("header", "served_at", "allowed"),
    [
        ("localhost:8000", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.1", True),
        ("[::1]:8000", "127.0.0.1", True),
        ("LOCALHOST", "127.0.0.1", True),
        ("evil.example", "127.0.0.1", False),
        ("localhost.evil.example", "127.0.0.1", False),
        ("192.168.1.7:8000", "127.0.0.1", False),
        ("", "127.0.0.1", False),
        ("192.168.1.7:8000", "0.0.0.0", True),
        ("evil.example", "0.0.0.0", False),
        ("house.example", "house.example", True),
    ],
)
def test_is_host_allowed__header__names_this_machine_or_not(header, served_at, allowed):
    assert is_host_allowed(header, served_at) is allowed


@pytest.mark.parametrize("path", [*PAGES, "/events", "/static/page.css"])
def test_request__for_another_host__is_refused(client, path):
    assert client.get(path, headers={"Host": "evil.example"}).status_code == 421


@pytest.mark.parametrize("path", [*PAGES, "/history.csv"])
def test_password__not_given__leads_to_the_login(guarded, path):
    answer = guarded.get(path)
    assert answer.status_code == 302
    assert answer.location.startswith("/login?next=")
    assert guarded.get("/events").status_code == 401


@pytest.mark.parametrize("path", CHANGES)
def test_password__not_given__nothing_can_be_changed(guarded, path):
    sent = guarded.post(path, data={"csrf_token": token(guarded, "/login")})
    assert sent.status_code == 401


def test_password__right__lets_in_until_logged_out(guarded):
    answer = log_in(guarded, PASSWORD, "/login?next=/bids")
    assert (answer.status_code, answer.location) == (302, "/bids")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert guarded.get("/bids").status_code == 200
    guarded.post("/logout", data={"csrf_token": token(guarded)})
    assert guarded.get("/bids").status_code == 302


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example/", "/\\evil.example", "evil"]
)
def test_password__right_with_a_foreign_target__goes_to_the_first_page(guarded, target):
    assert log_in(guarded, PASSWORD, f"/login?next={target}").location == "/"


def test_password__wrong_too_often__has_to_wait(guarded):
    answers = [log_in(guarded, "wrong").status_code for _ in range(6)]
    assert answers == [403] * 5 + [429]
    refused = log_in(guarded, PASSWORD)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 61


def test_password__changed__ends_the_sessions(settings):
    now = {"settings": settings.model_copy(update={"page_password_hash": SecretStr(HASH)})}
    app = create_app(lambda: now["settings"])
    client = app.test_client()
    log_in(client, PASSWORD)
    assert client.get("/bids").status_code == 200
    other = generate_password_hash("another password", method="pbkdf2:sha256:1000")
    now["settings"] = settings.model_copy(update={"page_password_hash": SecretStr(other)})
    assert client.get("/bids").status_code == 302
    app.extensions["household"].watcher.close()


def test_secret_key__made_once__is_for_the_owner_only(app, settings):
    path = settings.database_folder / "page.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    create_app(lambda: settings)
    assert app.config["SECRET_KEY"] == path.read_bytes()
    assert len(path.read_bytes()) == 32


def test_secrets__of_the_settings__are_on_no_page(settings):
    hidden = settings.model_copy(
        update={
            "consumer_account_pass": SecretStr("hunter2-hidden"),
            "local_rpc_url": "http://127.0.0.1:9/v3/0123456789abcdef0123456789",
        }
    )
    app = create_app(lambda: hidden)
    for path in PAGES:
        text = app.test_client().get(path).text
        assert "hunter2" not in text
        assert "0123456789abcdef" not in text
    app.extensions["household"].watcher.close()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "::", "house.example"])
def test_check_settings__open_to_the_network_without_a_password__is_refused(settings, host):
    with pytest.raises(MarketError, match="open to the network, which takes a password"):
        check_settings(settings.model_copy(update={"page_host": host}))


@pytest.mark.parametrize(
    "written",
    [
        "hunter2",
        "scrypt:32768:8:1$salt",
        "$1$2",
        "scrypt:3:8:1$hunter2$hunter2",
        "scrypt:a:b$hunter2$hunter2",
        "pbkdf2:none:1$hunter2$hunter2",
        "pbkdf2:sha256:-1$hunter2$hunter2",
        "pbkdf2:sha256:99999999999999999999$hunter2$hunter2",
    ],
)
def test_check_settings__hash_that_is_none__is_refused_and_not_shown(settings, written):
    wrong = settings.model_copy(update={"page_password_hash": SecretStr(written)})
    with pytest.raises(MarketError, match="is not what is kept of a password") as problem:
        check_settings(wrong)
    assert written not in str(problem.value)


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000/"),
        ("0.0.0.0", "http://127.0.0.1:8000/"),
        ("::1", "http://[::1]:8000/"),
    ],
)
def test_address__of_the_settings__can_be_opened(settings, host, shown):
    assert address(settings.model_copy(update={"page_host": host})) == shown


def test_settings__that_become_wrong__are_told_and_the_last_good_ones_used(settings):
    broken = []

    def read():
        if broken:
            raise MarketError("POLL_SECONDS in .env: write a number")
        return settings

    app = create_app(read)
    broken.append(True)
    assert "POLL_SECONDS in .env: write a number" in app.test_client().get("/").text
    app.extensions["household"].watcher.close()


def test_create_app__folder_that_is_missing__says_so(settings):
    gone = settings.model_copy(update={"database_folder": settings.database_folder / "gone"})
    with pytest.raises(MarketError, match=r"page\.key cannot be used"):
        create_app(lambda: gone)
    assert not os.path.lexists(gone.database_folder)
