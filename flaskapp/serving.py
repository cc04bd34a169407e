"""The server of the page: waitress, at the address in the settings."""

from collections.abc import Callable
from functools import partial

from flask import Flask
from waitress.server import BaseWSGIServer, create_server
from waitress.task import ThreadedTaskDispatcher
from werkzeug.security import check_password_hash, generate_password_hash

from flaskapp import create_app
from flaskapp.household import MOST_STREAMS, Household
from flaskapp.rereading import OnChange
from flaskapp.security import is_loopback
from market.errors import MarketError
from market.keystore import read_secret
from market.session import Session
from market.settings import Settings, load_settings

_THREADS = MOST_STREAMS + 8
_SHORTEST_PASSWORD = 10
_METHODS = ("scrypt:", "pbkdf2:")


class _Dispatcher(ThreadedTaskDispatcher):  # type: ignore[misc]
    """Has those who watch let go before it waits for its threads to end."""

    def __init__(self, close: Callable[[], None]) -> None:
        super().__init__()
        self._close = close

    def shutdown(self, cancel_pending: bool = True, timeout: float = 5) -> bool:
        """Let the threads come to their end."""
        self._close()
        ended: bool = super().shutdown(cancel_pending, timeout)
        return ended


def serve(session: Session) -> None:
    """Serve the page until stopped; MarketError if it cannot be served as the settings say."""
    settings = session.settings
    check_settings(settings)
    app = create_app(settings_from_now_on(settings), remote=session.remote)
    household: Household = app.extensions["household"]
    dispatcher = _Dispatcher(household.watcher.close)
    server = _bound(app, settings, dispatcher)
    dispatcher.set_thread_count(_THREADS)
    session.out.print(f"The consumer's page: {address(settings)}", soft_wrap=True)
    session.out.print("Stop it with Ctrl-C; the consumer goes on without it")
    if not is_loopback(settings.page_host):
        session.out.print(
            "Whoever listens on the network can read along, the password too: use it in a network "
            "you trust, or through a tunnel",
            style="yellow",
            soft_wrap=True,
        )
    server.run()


def settings_from_now_on(first: Settings) -> Callable[[], Settings]:
    """Return what reads the settings as they are now, and .env only when it was changed."""
    return OnChange(first.env_file, partial(_still_served_with, first))


def _still_served_with(first: Settings) -> Settings:
    """Return the settings as they are now, but for what the page is being served with.

    MarketError if the page would be open to everybody now, or its password never right.
    """
    kept = {name: getattr(first, name) for name in ("page_host", "page_port", "database_folder")}
    now = load_settings(first.env_file).model_copy(update=kept)
    check_settings(now)
    if first.page_password_hash and not now.page_password_hash:
        raise MarketError(
            "PAGE_PASSWORD_HASH is no longer in the settings, and the page goes on asking for the "
            "password: to serve it without one, start it again"
        )
    return now


def check_settings(settings: Settings) -> None:
    """MarketError if the page would be open to the network, or its password never right."""
    written = settings.page_password_hash.get_secret_value()
    mend = "`./run_flask.sh password` asks for one and prints what to write into .env"
    if written and not _is_password_hash(written):
        raise MarketError(f"PAGE_PASSWORD_HASH is not what is kept of a password: {mend}")
    if not written and not is_loopback(settings.page_host):
        raise MarketError(
            f"PAGE_HOST {settings.page_host} is open to the network, which takes a password: {mend}"
        )


def _is_password_hash(written: str) -> bool:
    if not (written.startswith(_METHODS) and written.count("$") == 2):
        return False
    try:
        check_password_hash(written, "")
    # Whatever the parts of it lead to: a method unknown to this machine, numbers out of range.
    except (ValueError, OverflowError, MemoryError, ArithmeticError):
        return False
    return True


def address(settings: Settings) -> str:
    """Return where the page is found from this machine."""
    host = settings.page_host
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{host}:{settings.page_port}/"


def print_hash(session: Session) -> None:
    """Ask for a new password, and print the line for .env."""
    nobody = "There is no terminal to type a password at: use one"
    password = read_secret("New password of the page: ", nobody)
    if len(password) < _SHORTEST_PASSWORD:
        raise MarketError(f"The password is too short: type {_SHORTEST_PASSWORD} signs or more")
    if read_secret("The same again: ", nobody) != password:
        raise MarketError("The two passwords differ: try again")
    session.out.print("Write this line into .env:")
    hashed = generate_password_hash(password)
    session.out.print(f"PAGE_PASSWORD_HASH='{hashed}'", soft_wrap=True, markup=False)


def _bound(app: Flask, settings: Settings, dispatcher: _Dispatcher) -> BaseWSGIServer:
    try:
        return create_server(
            app,
            _dispatcher=dispatcher,
            host=settings.page_host,
            port=settings.page_port,
            threads=_THREADS,
            ident=None,
            # So that a stream learns that its browser is gone.
            channel_request_lookahead=1,
            clear_untrusted_proxy_headers=True,
        )
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise MarketError(
            f"The page cannot be served at {settings.page_host}, port {settings.page_port} "
            f"({reason}): is it served already? Otherwise change PAGE_HOST or PAGE_PORT in .env"
        ) from None
