"""The consumer's page: bids, the consumer at work, the market live, and what it brought."""

from collections.abc import Callable
from datetime import timedelta

from flask import Flask, render_template
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.exceptions import HTTPException

from flaskapp import assets, bids, history, home, login, security, words
from flaskapp.household import add_household
from market.settings import Settings

_MOST_BYTES = 2_000_000
_LOGGED_IN_FOR = timedelta(hours=12)


def create_app(read_settings: Callable[[], Settings], *, remote: bool = False) -> Flask:
    """Return the application; MarketError if the settings or the database folder cannot be used."""
    app = Flask(__name__)
    household = add_household(app, read_settings, remote=remote)
    settings = household.settings()
    app.config.update(
        SECRET_KEY=security.secret_key(settings.database_folder),
        SESSION_COOKIE_NAME=f"consumer-page-{settings.page_port}",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
        PERMANENT_SESSION_LIFETIME=_LOGGED_IN_FOR,
        MAX_CONTENT_LENGTH=_MOST_BYTES,
        MAX_FORM_MEMORY_SIZE=_MOST_BYTES,
        # A page may stay open for days; its token holds as long as its session.
        WTF_CSRF_TIME_LIMIT=None,
    )
    app.jinja_options["autoescape"] = True
    security.guard(app, settings.page_host)
    login.add_login(app)
    CSRFProtect(app)
    words.add_words(app)
    for blueprint in (home.blueprint, bids.blueprint, history.blueprint, assets.blueprint):
        app.register_blueprint(blueprint)
    app.register_error_handler(HTTPException, _show_error)
    return app


def _show_error(error: HTTPException) -> tuple[str, int]:
    """Say what went wrong in words; in an answer to a program too, which goes by the number."""
    code = error.code or 500
    text = _OTHER_SESSION if isinstance(error, CSRFError) else _ERRORS.get(code, error.description)
    return render_template("error.html", code=code, text=text), code


_OTHER_SESSION = (
    "The page was opened before you logged in or out: go back, load it again, and do it once more"
)
_ERRORS = {
    401: "Log in first",
    403: "That is not allowed",
    404: "There is no such page",
    405: "That cannot be done this way",
    413: "That is too much at once",
    421: "This page does not go by that name: use the address of this machine",
    500: "Something went wrong here. The terminal of the page tells what",
    503: "Too many windows watch already: close one",
}
